"""`manage.py up`, from the start to Ctrl-C."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from oneview.bootstrap import ROOT
from oneview.embedded import running, up
from oneview.embedded.running import Running
from tests.embedded.homes import make_home

# What a run of tests sets for itself must not reach an installation of its own.
OURS = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "PUBLIC_URL", "DEMO"}


def environment(home: Path, **more: str) -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in OURS} | {"VAR_DIR": str(home), **more}


@contextmanager
def start_up(home: Path, **more: str) -> Iterator[tuple[subprocess.Popen[str], Running]]:
    """`manage.py up` in its own VAR_DIR, ready; killed when it did not stop before."""
    with (
        (home / "console.log").open("a") as console,
        subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=environment(home, **more),
            stdout=console,
            stderr=console,
            text=True,
        ) as process,
    ):
        try:
            deadline = time.monotonic() + 90
            while (state := running.read(home)) is None:
                log = (home / "console.log").read_text()
                assert process.poll() is None, log
                assert time.monotonic() < deadline, log
                time.sleep(0.1)
            yield process, state
        finally:
            process.kill()


def stop(process: subprocess.Popen[str]) -> int:
    process.send_signal(signal.SIGINT)
    return process.wait(30)


def manage(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment(home), capture_output=True, text=True, check=False)


def has_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_it_serves_tells_where_and_stops_everything() -> None:
    with make_home() as home, start_up(home, DEMO="0", PORT="0") as (process, state):
        assert up.ask_ready(state.url, public_url=state.url)[0]
        assert state.sandbox_url is None
        assert {"up", "postgres", "redis", "web", "drain", "worker", "beat"} == set(state.pids)
        assert f"OneView is ready: {state.url}" in (home / "console.log").read_text()

        created = manage(home, "create_account", "acme", "--name", "Acme")
        assert created.returncode == 0, created.stderr

        refused = manage(home, "up")
        assert refused.returncode == 1
        assert state.url in refused.stderr

        assert stop(process) == 0
        assert running.read(home) is None
        assert all(has_ended(pid) for pid in state.pids.values())


def test_its_data_survive_a_kill_and_nothing_stays_behind() -> None:
    with make_home() as home:
        with start_up(home, DEMO="0", PORT="0") as (process, state):
            assert manage(home, "create_account", "acme", "--name", "Acme").returncode == 0
            process.kill()
            process.wait()
            deadline = time.monotonic() + 15
            while not all(has_ended(pid) for pid in state.pids.values()) and time.monotonic() < deadline:
                time.sleep(0.1)
            assert [name for name, pid in state.pids.items() if not has_ended(pid)] == []
        with start_up(home, DEMO="0", PORT="0") as (process, _):
            assert '"id": 1' in manage(home, "create_account", "acme", "--name", "Acme").stdout
            assert stop(process) == 0


def test_a_command_without_an_installation_says_what_to_do() -> None:
    with make_home() as home:
        result = manage(home, "create_account", "acme", "--name", "Acme")
    assert result.returncode == 1
    assert "manage.py up" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_demo_is_refused_where_others_can_reach_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    monkeypatch.setenv("DEMO", "1")
    assert up.main() == 1
    assert "DEMO=1" in capsys.readouterr().err


def test_it_takes_the_next_free_port() -> None:
    with up.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with up.listen("127.0.0.1", port) as second:
            assert second.getsockname()[1] > port


def test_answers_are_not_held_back_for_more_bytes() -> None:
    """Nagle's algorithm would hold small frames back for 40 ms; connections inherit the listener's option."""
    with up.listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)],
)
def test_it_knows_a_loopback_host(host: str, local: bool) -> None:
    assert up.is_loopback(host) is local


def test_an_address_is_written_as_one_types_it() -> None:
    assert [up.url_host(host) for host in ("0.0.0.0", "::1", "127.0.0.1")] == ["127.0.0.1", "[::1]", "127.0.0.1"]
    assert http.client.HTTPConnection(f"{up.url_host('::1')}:80").host == "::1"
