"""PostgreSQL and Redis of a test run: throwaway, started once by the controller, found by xdist's workers and children.

A plugin (`-p tests.real_services`), because pytest-django imports the settings before any conftest.py.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from oneview.embedded import running
from oneview.embedded.postgres import Postgres
from oneview.embedded.redis import Redis
from oneview.embedded.server import Server

_servers: list[Server] = []


def _start() -> None:
    os.environ["REDIS_PREFIX"] = f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}:"
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    home = Path(tempfile.mkdtemp(prefix="oneview-test-"))
    home.chmod(0o711)
    running.make_keys(home)
    _servers.extend((postgres := Postgres(home / "postgres", throwaway=True), redis := Redis(home / "redis")))
    for server in _servers:
        server.start()
    postgres.create_database()
    os.environ |= {
        **running.read_keys(home),
        "VAR_DIR": str(home),
        "DATABASE_URL": postgres.url,
        "DATABASE_OWNER_URL": postgres.owner_url,
        "REDIS_URL": redis.url,
        "PUBLIC_URL": "http://127.0.0.1:8000",
        "EMAIL_URL": "memorymail://",
        "STATICFILES": "sources",
        "DEMO": "1",
        "ALLOW_LOCAL_PROVIDERS": "1",
        "LOG_LEVEL": "warning",
        "LOG_FORMAT": "console",
    }


_start()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    while _servers:
        _servers.pop().stop()
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["VAR_DIR"], ignore_errors=True)
