"""What every test may ask for: committed data, the processes of an installation, a browser."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis
from django.conf import LazySettings, settings
from django.core.management import CommandError
from django.db import connections
from django.test import TransactionTestCase

from oneview.bootstrap import ROOT
from oneview.catalogues import compile_catalogues
from oneview.celery import QUEUES
from oneview.embedded import up
from oneview.embedded.process import die_with_parent

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserType
    from pytest_django import DjangoDbBlocker

pytest_plugins = ["tests.fixtures"]

DATABASES = ["default", "owner"]  # one database: `owner` creates and empties it, `default` is its mirror
PROCESSES = {"live", "drain", "worker"}
EMPTYING_TRIES = 20
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure(config: pytest.Config) -> None:
    compile_catalogues()
    config.addinivalue_line("markers", "committed: the test commits; its tables are emptied afterwards")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test that uses the database names both aliases; one that talks to another process commits."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        mark = item.get_closest_marker("django_db")
        commits = item.get_closest_marker("committed") or fixtures & {*PROCESSES, "transactional_db"}
        if commits or (mark and mark.kwargs.get("transaction")):
            item.add_marker(pytest.mark.django_db(transaction=True, databases=DATABASES), append=False)
        elif mark or "db" in fixtures:
            item.add_marker(pytest.mark.django_db(databases=DATABASES), append=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed test shows how the logs of the processes it used end."""
    report = yield
    if report.failed:
        for name in sorted(PROCESSES & set(getattr(item, "fixturenames", ()))):
            if (log := log_of(name)).exists():
                report.sections.append((f"the log of {name}", log.read_text(errors="replace")[-4000:]))
    return report


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: "DjangoDbBlocker") -> Iterator[None]:
    """Before the test database is dropped: end our pool's sessions and what a killed process left behind."""
    yield
    with django_db_blocker.unblock():
        for connection in connections.all(initialized_only=True):
            connection.close()
            if pool := getattr(connection, "pool", None):
                pool.close()
        with connections["owner"].cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        connections["owner"].close()


@pytest.fixture(scope="session", autouse=True)
def patient_emptying() -> Iterator[None]:
    """The tables are emptied after a test that commits. What another process still does may meet that in a deadlock,
    which PostgreSQL ends on either side: when it was ours, once more.
    """
    empty = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def try_to_empty(case: TransactionTestCase) -> None:
        for attempt in range(EMPTYING_TRIES):
            try:
                empty(case)
            except CommandError:
                if attempt == EMPTYING_TRIES - 1:
                    raise
            else:
                break

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", try_to_empty)
        yield


@pytest.fixture(scope="session")
def listener() -> Iterator[socket.socket]:
    """Bound before anything is served, so that every process knows the public address."""
    with up.listen("127.0.0.1", 0) as bound:
        yield bound


@pytest.fixture(scope="session")
def web(django_db_setup: None, listener: socket.socket) -> Iterator[str]:
    arguments = ("-m", "uvicorn", "oneview.asgi:application", "--fd", str(listener.fileno()))
    options = (
        "--lifespan",
        "on",
        "--ws",
        "websockets-sansio",
        "--no-access-log",
        "--no-proxy-headers",
        "--timeout-graceful-shutdown",
        "1",
    )
    with process("live", *arguments, *options, listener=listener) as child:
        deadline = time.monotonic() + 60
        while not (answer := up.ask_ready(url_of(listener), public_url=url_of(listener)))[0]:
            if child.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"The web process is not ready: {answer[1]}\n{log_of('live').read_text()[-4000:]}")
            time.sleep(0.1)
        yield url_of(listener)


@pytest.fixture
def live(web: str, settings: LazySettings) -> str:
    """The address of a real web process on the test database."""
    settings.PUBLIC_URL = web
    return web


@pytest.fixture(scope="module")
def drain(django_db_setup: None, listener: socket.socket) -> Iterator[None]:
    """Stored webhooks become messages while this module's tests run."""
    with process("drain", "manage.py", "drain", listener=listener):
        yield


@pytest.fixture
def worker(worker_process: None) -> Iterator[None]:
    """A Celery worker. There is no beat: a test calls the sweep that it needs."""
    yield
    wait_for_worker()


@pytest.fixture(scope="module")
def worker_process(django_db_setup: None, listener: socket.socket) -> Iterator[None]:
    """Starts on empty queues."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for key in client.scan_iter(f"{settings.REDIS_PREFIX}*"):
            client.delete(key)
    arguments = ("-m", "celery", "-A", "oneview.celery", "--skip-checks", "worker", "--pool", "threads")
    options = ("--concurrency", "2", "--without-mingle", "--without-gossip", "--without-heartbeat")
    with process("worker", *arguments, *options, listener=listener):
        yield


def wait_for_worker() -> None:
    """The tables are emptied after a test: what a worker still does would meet that in a deadlock. A task is in one of
    the queues until it is taken, and then under `unacked` until it has ended.
    """
    keys = [f"{settings.REDIS_PREFIX}{queue}" for queue in QUEUES]
    idle, deadline = 0, time.monotonic() + 20
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        while idle < 3 and time.monotonic() < deadline:  # taken, and not yet under `unacked`: for a moment in neither
            is_busy = client.exists(*keys, f"{settings.REDIS_PREFIX}unacked")
            idle = 0 if is_busy else idle + 1
            time.sleep(0.02)


@contextmanager
def process(name: str, *arguments: str, listener: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """A process of an installation on the test database."""
    databases = {alias: connections[alias].settings_dict for alias in DATABASES}
    urls = {alias: f"postgres://{d['USER']}@/{d['NAME']}?host={d['HOST']}" for alias, d in databases.items()}
    environment = {
        **os.environ,
        "DATABASE_URL": urls["default"],
        "DATABASE_OWNER_URL": urls["owner"],
        "PUBLIC_URL": url_of(listener),
        "POOL": "1" if name == "live" else "0",
    }
    with (
        log_of(name).open("ab") as log,
        subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent(signal.SIGTERM),
        ) as child,
    ):
        try:
            yield child
        finally:
            child.terminate()
            try:
                child.wait(5)
            except subprocess.TimeoutExpired:
                child.kill()


def log_of(name: str) -> Path:
    return Path(settings.VAR_DIR) / f"{name}-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.log"


def url_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """Chromium. Playwright leaves a loop marked as running in this thread: a module that uses it has no async tests."""
    from playwright.sync_api import sync_playwright

    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        program = find_chromium(playwright.chromium)
        if program is None:
            reason = "no Chromium: neither CHROMIUM, nor on the PATH, nor Playwright's own"
            pytest.fail(reason) if os.environ.get("REQUIRE_BROWSER") == "1" else pytest.skip(reason)
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        chromium = playwright.chromium.launch(executable_path=program, args=CHROMIUM_OPTIONS)
        yield chromium
        chromium.close()


def find_chromium(chromium: "BrowserType") -> str | None:
    candidates = [os.environ.get("CHROMIUM"), "/usr/bin/chromium", shutil.which("chromium"), chromium.executable_path]
    return next((path for path in candidates if path and Path(path).exists()), None)
