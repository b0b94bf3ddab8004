"""A connection of the door: asyncio, autocommit, one statement at a time, never waited for longer than `PATIENCE`."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Any

import psycopg
from django.db import connection as django_connection
from psycopg.rows import TupleRow

PATIENCE = 2.5


class Link:
    """Opens itself when needed, and again after a loss. Callers take turns."""

    def __init__(self) -> None:
        self._connection: psycopg.AsyncConnection[TupleRow] | None = None

    @property
    def is_open(self) -> bool:
        return self._connection is not None and not self._connection.closed

    async def fetch(self, query: str, parameters: Mapping[str, Any]) -> list[TupleRow]:
        """Runs a statement that may be repeated: a connection lost since the last one is replaced once.

        Raises psycopg.Error; OperationalError when the database is away or does not answer in time.
        """
        task = asyncio.create_task(self._fetch(query, parameters))
        done, _ = await asyncio.wait({task}, timeout=PATIENCE)
        if not done:
            self._cut()
            task.cancel()
            await asyncio.wait({task}, timeout=1)
            raise psycopg.OperationalError("the database does not answer")
        return task.result()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
            self._connection = None

    async def _fetch(self, query: str, parameters: Mapping[str, Any]) -> list[TupleRow]:
        if self.is_open:
            try:
                return await self._execute(query, parameters)
            except psycopg.OperationalError:
                if self.is_open:
                    raise
        self._connection = await psycopg.AsyncConnection.connect(**connection_parameters(), autocommit=True)
        return await self._execute(query, parameters)

    async def _execute(self, query: str, parameters: Mapping[str, Any]) -> list[TupleRow]:
        assert self._connection is not None
        cursor = await self._connection.execute(query, parameters)
        return await cursor.fetchall() if cursor.description else []

    def _cut(self) -> None:
        """Hangs up. Cancelling politely would wait for an answer of a server that gives none."""
        if self._connection is None:
            return
        if not self._connection.closed:
            with socket.socket(fileno=os.dup(self._connection.fileno())) as duplicate:
                duplicate.shutdown(socket.SHUT_RDWR)
        self._connection = None


def connection_parameters() -> dict[str, Any]:
    """Those of Django's connection, without what belongs to its synchronous cursors."""
    parameters = django_connection.get_connection_params()
    return {name: value for name, value in parameters.items() if name not in ("cursor_factory", "context")}
