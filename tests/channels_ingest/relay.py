"""A relay in front of the database's socket: what is between two machines, and may fail."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path


class Relay:
    """Listens in `folder` under PostgreSQL's socket name and passes bytes on to the server in `target`."""

    def __init__(self, folder: Path, target: str) -> None:
        self.folder = folder
        self.passing = asyncio.Event()
        self.passing.set()
        self._target = f"{target}/.s.PGSQL.5432"
        self._path = folder / ".s.PGSQL.5432"
        self._server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._connect, self._path)

    async def close(self) -> None:
        """The database is gone: connections end, new ones are refused."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writers, self._tasks = [], []
        self._path.unlink(missing_ok=True)

    def freeze(self) -> None:
        """The database stands still: connections are taken, nothing is answered."""
        self.passing.clear()

    def thaw(self) -> None:
        self.passing.set()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(self._target)
        self._writers += [writer, server_writer]
        pairs = ((reader, server_writer), (server_reader, writer))
        self._tasks += [asyncio.create_task(self._pass(*pair)) for pair in pairs]

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                await self.passing.wait()
                writer.write(chunk)
                await writer.drain()
        writer.close()
