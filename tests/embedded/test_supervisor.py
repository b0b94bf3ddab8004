"""Processes in one console."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from oneview.embedded.redis import Redis
from oneview.embedded.supervisor import Command, Supervisor
from tests.embedded.homes import make_home

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
PARENT = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {SLEEPER!r}]).pid); sys.exit(1)"


def command(name: str, program: str) -> Command:
    return Command(name, (sys.executable, "-u", "-c", program), Path.cwd(), os.environ)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.02)


def runs(pid: int) -> bool:
    """Whether the process is more than an entry that waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Run:
    """A supervisor at work, and the pids that it told of."""

    def __init__(self, *commands: Command, servers: tuple[Redis, ...] = ()) -> None:
        self.told: list[dict[str, int]] = []
        self.supervisor = Supervisor(commands, servers, changed=self.told.append)

    async def __aenter__(self) -> "Run":
        self.task = asyncio.create_task(self.supervisor.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.supervisor.stopping.set()
        async with asyncio.timeout(20):
            await self.task


async def test_every_line_names_its_process(capsys: pytest.CaptureFixture[str]) -> None:
    written = ""

    def both_wrote() -> bool:
        nonlocal written
        written += capsys.readouterr().out
        return "web    | up" in written and "worker | up" in written

    async with Run(command("web", SLEEPER), command("worker", SLEEPER)):
        await until(both_wrote)


async def test_a_line_without_an_end_holds_nothing_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oneview.embedded.supervisor.LONGEST_LINE", 1000)
    written = ""

    def wrote_on() -> bool:
        nonlocal written
        written += capsys.readouterr().out
        return "| up" in written

    async with Run(command("web", f"print('x' * 500_000); {SLEEPER}")):
        await until(wrote_on)


async def test_a_killed_process_starts_again() -> None:
    async with Run(command("web", SLEEPER)) as run:
        await until(lambda: len(run.told) == 1)
        os.kill(run.told[0]["web"], signal.SIGKILL)
        await until(lambda: len(run.told) == 2)
        assert run.told[0] != run.told[1]


async def test_a_killed_server_starts_again() -> None:
    with make_home() as home, Redis(home) as server:
        async with Run(command("web", SLEEPER), servers=(server,)) as run:
            await until(lambda: len(run.told) == 1)
            os.kill(run.told[0]["redis"], signal.SIGKILL)
            await until(lambda: len(run.told) == 2)
            assert not server.ended


async def test_it_stops_on_sigterm_and_leaves_nothing() -> None:
    async with Run(command("web", SLEEPER), command("worker", SLEEPER)) as run:
        await until(lambda: len(run.told) == 2)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(5):
            await run.task
    assert not any(runs(pid) for pid in run.told[-1].values())


async def test_a_process_that_does_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oneview.embedded.supervisor.GRACE_SECONDS", 0.2)
    async with Run(command("web", DEAF)) as run:
        await until(lambda: len(run.told) == 1)
    assert not runs(run.told[0]["web"])


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux")
async def test_children_of_an_ended_process_do_not_stay(capsys: pytest.CaptureFixture[str]) -> None:
    written = ""

    def ended() -> bool:
        nonlocal written
        written += capsys.readouterr().out
        return "ended with 1" in written

    async with Run(command("web", PARENT)):
        await until(ended)
    child = int(written.partition("|")[2].split()[0])
    assert not runs(child)
