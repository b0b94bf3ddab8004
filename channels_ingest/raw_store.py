"""Group commit of raw requests: a batch is what queued while the last commit was in flight, written with one INSERT."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import psycopg
import structlog
from prometheus_client import Counter, Histogram

from channels_ingest.link import Link
from oneview.common.ids import new_id

BATCH_ROWS = 500
BATCH_BYTES = 8 * 1024 * 1024
QUEUE_ROWS = 5_000
STOP_SECONDS = 5

BATCHES = Counter("oneview_webhook_batches", "Commits of raw webhook requests")
STORED = Counter("oneview_webhook_stored", "Raw webhook requests committed")
COMMIT_SECONDS = Histogram("oneview_webhook_commit_seconds", "Time of one commit of raw webhook requests")

# A row that is here already came with a commit whose answer was lost.
_INSERT = """
INSERT INTO channels_ingest_inboundevent (id, account_id, channel_id, headers, body, received_at, state, attempts)
SELECT id, account_id, channel_id, headers::jsonb, body, now(), 0, 0
FROM unnest(%(ids)b::uuid[], %(accounts)b::bigint[], %(channels)b::uuid[], %(headers)b::text[], %(bodies)b::bytea[])
  AS request(id, account_id, channel_id, headers, body)
ON CONFLICT DO NOTHING
"""

log = structlog.get_logger(__name__)


class QueueFullError(Exception):
    """More waits than may wait."""


@dataclass(frozen=True, slots=True)
class RawRequest:
    """`headers` is a JSON object of what the channel's parser may need."""

    account_id: int
    channel_id: UUID
    headers: str
    body: bytes
    id: UUID = field(default_factory=new_id)


@dataclass(frozen=True, slots=True)
class _Waiting:
    request: RawRequest
    stored: asyncio.Future[None]


class RawStore:
    """`committed` is called after each commit."""

    def __init__(self, link: Link, *, committed: Callable[[], None]) -> None:
        self._link = link
        self._committed = committed
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Commits what has queued, then ends."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=STOP_SECONDS)
            self._task.cancel()

    async def put(self, request: RawRequest) -> None:
        """Returns after the commit. Raises QueueFullError, or psycopg.Error when it was not stored or nobody knows."""
        if self._stopping or len(self._queue) >= QUEUE_ROWS:
            raise QueueFullError
        stored = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(request, stored))
        self._wake.set()
        await stored

    async def _run(self) -> None:
        while not self._stopping or self._queue:
            await self._wake.wait()
            self._wake.clear()
            while batch := self._take_batch():
                await self._commit(batch)

    def _take_batch(self) -> list[_Waiting]:
        """Whoever waited too long has been told so and is left out."""
        batch: list[_Waiting] = []
        size = 0
        while self._queue and len(batch) < BATCH_ROWS:
            size += len(self._queue[0].request.body)
            if batch and size > BATCH_BYTES:
                break
            waiting = self._queue.popleft()
            if not waiting.stored.done():
                batch.append(waiting)
        return batch

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        try:
            await self._insert([waiting.request for waiting in batch])
        except psycopg.Error as error:
            log.warning("batch_not_stored", rows=len(batch), error=type(error).__name__)
            if len(batch) > 1 and self._link.is_open:
                for waiting in batch:
                    await self._commit([waiting])
            else:
                for waiting in batch:
                    if not waiting.stored.done():
                        waiting.stored.set_exception(error)
        else:
            for waiting in batch:
                if not waiting.stored.done():
                    waiting.stored.set_result(None)
            self._committed()

    async def _insert(self, requests: Sequence[RawRequest]) -> None:
        began = time.perf_counter()
        columns = {
            "ids": [request.id for request in requests],
            "accounts": [request.account_id for request in requests],
            "channels": [request.channel_id for request in requests],
            "headers": [request.headers for request in requests],
            "bodies": [request.body for request in requests],
        }
        await self._link.fetch(_INSERT, columns)
        COMMIT_SECONDS.observe(time.perf_counter() - began)
        BATCHES.inc()
        STORED.inc(len(requests))
