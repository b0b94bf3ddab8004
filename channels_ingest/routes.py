"""Which channel a webhook address belongs to. The one read of the door, remembered for some seconds, misses too."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

import psycopg

from channels_ingest.link import Link
from oneview.common.crypto import decrypt

REMEMBERED_SECONDS = 10
MOST_ROUTES = 10_000
MOST_MISSES = 1_000
MOST_QUESTIONS = 100

V = TypeVar("V")

_PUBLIC_ID = re.compile(r"[A-Za-z0-9_-]{1,40}")
FIND_ROUTE = """
SELECT account_id, channel_id, kind, external_id, credentials, ended_sessions(account_id, channel_id)
FROM route(%(public_id)s) WHERE account_id IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Route:
    account_id: int
    channel_id: UUID
    kind: str
    external_id: str
    credentials: Mapping[str, Any]
    ended_sessions: frozenset[str] = frozenset()


class Routes:
    """Hits and misses are kept apart, so that guessed addresses push out no real one."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._hits: dict[str, tuple[float, Route]] = {}
        self._misses: dict[str, float] = {}
        self._questions: dict[str, asyncio.Task[Route | None]] = {}
        self._turn = asyncio.Lock()

    async def find(self, public_id: str) -> Route | None:
        """Raises psycopg.Error when the database is away, InvalidToken when no key decrypts the credentials."""
        now = time.monotonic()
        hit = self._hits.get(public_id)
        if hit is not None and hit[0] > now:
            return hit[1]
        if self._misses.get(public_id, 0) > now or not _PUBLIC_ID.fullmatch(public_id):
            return None
        question = self._questions.get(public_id)
        if question is None:
            if len(self._questions) >= MOST_QUESTIONS:
                raise psycopg.OperationalError("too many addresses are being looked up")
            question = self._questions[public_id] = asyncio.create_task(self._ask(public_id))
            question.add_done_callback(lambda asked: self._forget(public_id, asked))
        return await asyncio.shield(question)

    async def _ask(self, public_id: str) -> Route | None:
        async with self._turn:
            rows = await self._link.fetch(FIND_ROUTE, {"public_id": public_id})
        expires = time.monotonic() + REMEMBERED_SECONDS
        self._hits.pop(public_id, None)
        self._misses.pop(public_id, None)
        if not rows:
            _remember(self._misses, public_id, expires, most=MOST_MISSES)
            return None
        account_id, channel_id, kind, external_id, credentials, ended = rows[0]
        route = Route(account_id, channel_id, kind, external_id, decrypt(credentials), frozenset(ended))
        _remember(self._hits, public_id, (expires, route), most=MOST_ROUTES)
        return route

    def _forget(self, public_id: str, question: asyncio.Task[Route | None]) -> None:
        del self._questions[public_id]
        if not question.cancelled():
            question.exception()  # whoever asked may have gone; then nobody else looks at it


def _remember(memory: dict[str, V], key: str, value: V, *, most: int) -> None:
    """Keeps the newest `most` entries."""
    if len(memory) >= most:
        del memory[next(iter(memory))]
    memory[key] = value
