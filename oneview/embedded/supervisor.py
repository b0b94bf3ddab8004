"""Runs processes in one console: a prefix on every line, restarts with back-off, an orderly stop."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oneview.embedded.process import die_with_parent
from oneview.embedded.server import Server

GRACE_SECONDS = 10
FIRST_DELAY, LONGEST_DELAY = 0.5, 15.0
LONGEST_LINE = 1 << 20
STEADY_SECONDS = 30  # who ran this long starts again with the first delay
COLOURS = ("36", "32", "35", "33", "34")


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    argv: Sequence[str]
    cwd: Path
    environment: Mapping[str, str]
    inherited: Sequence[int] = field(default=())  # file descriptors


class Supervisor:
    """`changed` is called with the pids by name after every start and restart."""

    def __init__(
        self, commands: Sequence[Command], servers: Sequence[Server], *, changed: Callable[[dict[str, int]], None]
    ) -> None:
        self.commands = commands
        self.servers = servers
        self.changed = changed
        self.pids = {server.name: server.pid for server in servers}
        self.stopping = asyncio.Event()
        self._width = max(len(command.name) for command in commands)
        self._colours = dict(zip((command.name for command in commands), COLOURS, strict=False))

    async def run(self) -> None:
        """Returns after SIGINT, SIGTERM, SIGHUP or `stopping`, when all commands have ended; the servers still run."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self.stopping.set)
        async with asyncio.TaskGroup() as group:
            keepers = [group.create_task(self._keep_server(server)) for server in self.servers]
            async with asyncio.TaskGroup() as commands:
                for command in self.commands:
                    commands.create_task(self._keep_command(command))
            for keeper in keepers:
                keeper.cancel()

    async def _keep_command(self, command: Command) -> None:
        delay = FIRST_DELAY
        while not self.stopping.is_set():
            started = time.monotonic()
            code = await self._run_command(command)
            if self.stopping.is_set():
                return
            delay = FIRST_DELAY if time.monotonic() - started > STEADY_SECONDS else min(delay * 2, LONGEST_DELAY)
            self._say(command.name, f"ended with {code}, starts again in {delay:g} s")
            await self._pause(delay)

    async def _run_command(self, command: Command) -> int:
        process = await asyncio.create_subprocess_exec(
            *command.argv,
            cwd=command.cwd,
            env=command.environment,
            pass_fds=command.inherited,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=die_with_parent(signal.SIGTERM),
            limit=LONGEST_LINE,
        )
        self._note(command.name, process.pid)
        output = asyncio.create_task(self._copy_output(command.name, process))
        ended = asyncio.create_task(wait_end(process))
        stopping = asyncio.create_task(self.stopping.wait())
        await asyncio.wait({ended, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not ended.done():
            process.terminate()
            await asyncio.wait({ended}, timeout=GRACE_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # the slow one itself, and children that it left behind
        await asyncio.wait({output}, timeout=1)
        stopping.cancel()
        return await ended

    async def _copy_output(self, name: str, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        while not process.stdout.at_eof():
            try:
                line = await process.stdout.readline()
            except ValueError:
                line = b"(a line that was too long)"
            if line:
                self._say(name, line.decode(errors="replace").rstrip("\n"))

    async def _keep_server(self, server: Server) -> None:
        while True:
            await asyncio.sleep(0.2)
            if not server.ended:
                continue
            print(f"{server.name} ended, starts again", flush=True)
            try:
                server.launch()
                await asyncio.to_thread(server.wait_ready)
            except RuntimeError as error:
                print(error, flush=True)
                await asyncio.sleep(1)
            else:
                self._note(server.name, server.pid)

    def _note(self, name: str, pid: int) -> None:
        self.pids[name] = pid
        self.changed(dict(self.pids))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), seconds)

    def _say(self, name: str, text: str) -> None:
        prefix = f"{name:<{self._width}} |"
        if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
            prefix = f"\x1b[{self._colours[name]}m{prefix}\x1b[0m"
        with contextlib.suppress(OSError):  # a console that went away must not stop the service
            print(prefix, text, flush=True)


async def wait_end(process: asyncio.subprocess.Process) -> int:
    """`process.wait()` would also wait for children of it that still hold the pipe."""
    while process.returncode is None:
        await asyncio.sleep(0.05)
    return process.returncode
