"""Group commit of raw requests: a batch is what queued while the last commit was in flight, written with one INSERT."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from uuid import UUID

import psycopg
import structlog
from prometheus_client import Counter, Histogram

from channels_ingest.link import Link
from oneview.common.ids import new_id

BATCH_ROWS = 500
BATCH_BYTES = 8 * 1024 * 1024
QUEUE_ROWS = 5_000
WAIT_SECONDS = 2.6  # the most impatient provider gives up after 2 to 3
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


@dataclass(slots=True)
class _Waiting:
    id: UUID
    account_id: int
    channel_id: UUID
    headers: str
    body: bytes
    since: float
    stored: asyncio.Future[None]


class RawStore:
    """`committed` is called after each commit."""

    def __init__(self, link: Link, *, committed: Callable[[], None]) -> None:
        self._link = link
        self._committed = committed
        self._queue: deque[_Waiting] = deque()
        self._batch: Sequence[_Waiting] = ()
        self._wake = asyncio.Event()
        self._tasks: tuple[asyncio.Task[None], ...] = ()
        self._stopping = False

    async def start(self) -> None:
        self._tasks = asyncio.create_task(self._run()), asyncio.create_task(self._dismiss())

    async def stop(self) -> None:
        """Commits what has queued, then ends."""
        self._stopping = True
        self._wake.set()
        if self._tasks:
            await asyncio.wait({self._tasks[0]}, timeout=STOP_SECONDS)
        for task in self._tasks:
            task.cancel()

    async def put(self, *, account_id: int, channel_id: UUID, headers: str, body: bytes, since: float) -> None:
        """Returns after the commit. `headers` is a JSON object; `since` the loop's time from which the wait counts.

        Raises QueueFullError, TimeoutError after `WAIT_SECONDS`, and psycopg.Error when it was not stored or nobody
        knows.
        """
        if self._stopping or len(self._queue) >= QUEUE_ROWS:
            raise QueueFullError
        stored = asyncio.get_running_loop().create_future()
        self._queue.append(_Waiting(new_id(), account_id, channel_id, headers, body, since, stored))
        self._wake.set()
        await stored

    async def _run(self) -> None:
        while not self._stopping or self._queue:
            await self._wake.wait()
            self._wake.clear()
            while batch := self._take_batch():
                self._batch = batch
                await self._commit(batch)

    async def _dismiss(self) -> None:
        """Tells those who have waited too long; one look at all is cheaper than a timer for each."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.1)
            latest = loop.time() - WAIT_SECONDS
            for waiting in chain(self._batch, self._queue):
                if waiting.since < latest and not waiting.stored.done():
                    waiting.stored.set_exception(TimeoutError())

    def _take_batch(self) -> list[_Waiting]:
        """Whoever was dismissed is left out."""
        batch: list[_Waiting] = []
        size = 0
        while self._queue and len(batch) < BATCH_ROWS:
            size += len(self._queue[0].body)
            if batch and size > BATCH_BYTES:
                break
            waiting = self._queue.popleft()
            if not waiting.stored.done():
                batch.append(waiting)
        return batch

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        try:
            await self._insert(batch)
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

    async def _insert(self, batch: Sequence[_Waiting]) -> None:
        began = time.perf_counter()
        columns = {
            "ids": [waiting.id for waiting in batch],
            "accounts": [waiting.account_id for waiting in batch],
            "channels": [waiting.channel_id for waiting in batch],
            "headers": [waiting.headers for waiting in batch],
            "bodies": [waiting.body for waiting in batch],
        }
        await self._link.fetch(_INSERT, columns)
        COMMIT_SECONDS.observe(time.perf_counter() - began)
        BATCHES.inc()
        STORED.inc(len(batch))
