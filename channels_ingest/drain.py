"""The drain: stored requests become events, a batch of one account at a time, and go to the sink.

    T0   claim an account, count an attempt of its oldest requests and commit: who kills its process is found out
    -    parse
    T1   under the account lock: mark the requests as done, hand their events over

Nothing is leased: what a killed drain leaves behind is waiting for the next one. Requests that failed come again in
smaller batches, then alone with their events taken one by one, and in the end go to quarantine unread.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from channels_ingest.bell import Bell
from channels_ingest.models import InboundState
from channels_ingest.reading import Fault, Reading, StoredRequest, is_passing, quarantine, read_request, take_carefully
from channels_ingest.selectors import Directory, read_directory
from channels_ingest.sink import get_sink
from oneview.common.beats import Beat
from oneview.common.days import keep_days
from oneview.common.scope import scope, try_locked_scope

BATCH_EVENTS = 500
BATCH_BYTES = 4 * 1024 * 1024
BATCH_ROWS = (500, 50, 5)  # by the attempts behind the oldest request; from then on it comes alone
QUARANTINE_AFTER = 5
PAUSE_SECONDS = 0.5
YIELD_SECONDS = 0.005, 0.02
STUCK = timedelta(seconds=60)
SEEN_EVERY = timedelta(seconds=10)  # how exact it is when a channel was last heard of

log = structlog.get_logger(__name__)

_CLAIM = "SELECT * FROM claim_requests(%s, %s, %s)"

_LOCK_WAITING = """
SELECT id FROM channels_ingest_inboundevent
WHERE account_id = %s AND id = ANY(%s) AND state = 0 ORDER BY id FOR NO KEY UPDATE
"""

_FINISH = """
UPDATE channels_ingest_inboundevent request SET state = finished.state, oldest_at = finished.oldest_at
FROM unnest(%b::uuid[], %b::int[], %b::timestamptz[]) AS finished(id, state, oldest_at)
WHERE request.account_id = %s AND request.id = finished.id AND request.state = 0
RETURNING request.id
"""

_UNCOUNT = """
UPDATE channels_ingest_inboundevent SET attempts = attempts - 1 WHERE account_id = %s AND id = ANY(%s)
"""

_SEEN = "UPDATE channels_ingest_channel SET last_event_at = now() WHERE account_id = %s AND id = ANY(%b::uuid[])"


@dataclass(frozen=True, slots=True)
class Claim:
    """Requests of one account, oldest first, their attempts counted."""

    account_id: int
    requests: tuple[StoredRequest, ...]
    directory: Directory
    today: date
    window_days: int

    @property
    def is_alone(self) -> bool:
        """Whether this is one request that has failed in company."""
        return self.requests[0].attempts > len(BATCH_ROWS)


class Drain:
    """Any number of them may run. `stop` ends `run` after the batch at hand."""

    def __init__(self) -> None:
        self._bell = Bell()
        self._beat = Beat("drain")
        self._after = 0
        self._days = date.min, 0  # for which day and window the partitions are there
        self._directories: dict[int, tuple[str, Directory]] = {}  # by account, with the state of the channels they show
        self._uncounted: list[tuple[int, list[UUID]]] = []
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
        connection_created.connect(prefer_generic_plans)
        while not self._stopping:
            self._beat.give()
            try:
                if not self.work():
                    self._bell.wait()
            except (OperationalError, InterfaceError) as error:
                log.warning("drain_interrupted", error=str(error))
                connection.close()
                time.sleep(PAUSE_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311
        self._beat.close()
        self._bell.close()
        connection.close()

    def work(self) -> bool:
        """Works on the oldest requests of the next account. False when none waits that nobody else works on.

        Raises OperationalError or InterfaceError when the database is to blame: then the attempt does not count.
        """
        self._uncount()
        claim = self._claim()
        if claim is None:
            return False
        self._after = claim.account_id
        left = [request.id for request in claim.requests]
        try:
            self._ensure_days(claim)
            for readings in _read_batches(claim):
                if self._stopping or not _take_in(claim, readings):
                    time.sleep(random.uniform(*YIELD_SECONDS))  # noqa: S311
                    break
                del left[: len(readings)]
        finally:
            if left:
                self._uncounted.append((claim.account_id, left))
        return True

    def _claim(self) -> Claim | None:
        """T0. Goes round the accounts, beginning behind the last one."""
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, [self._after, list(BATCH_ROWS), BATCH_BYTES])
            rows = cursor.fetchall()
        if not rows:
            return None
        account_id, now, window_days, channels = rows[0][:4]
        known, directory = self._directories.get(account_id, ("", None))
        if directory is None or known != channels:
            with scope(account_id):
                directory = read_directory(account_id)
            self._directories[account_id] = channels, directory
        return Claim(
            account_id=account_id,
            requests=tuple(
                StoredRequest(
                    id, channel, json.loads(headers), None if body is None else bytes(body), received_at, attempts
                )
                for *_, id, channel, headers, body, received_at, attempts in rows
            ),
            directory=directory,
            today=now.astimezone(UTC).date(),
            window_days=window_days,
        )

    def _uncount(self) -> None:
        """Takes back attempts that were counted and never made."""
        while self._uncounted:
            account_id, ids = self._uncounted[-1]
            with scope(account_id), connection.cursor() as cursor:
                cursor.execute(_LOCK_WAITING, [account_id, ids])
                waiting = [id for (id,) in cursor.fetchall()]
                cursor.execute(_UNCOUNT, [account_id, waiting])
            self._uncounted.pop()

    def _ensure_days(self, claim: Claim) -> None:
        """Makes the partitions that messages of this account may need, outside of the transaction that fills them."""
        day, window_days = self._days
        if day != claim.today or window_days < claim.window_days:
            keep_days()
            self._days = claim.today, max(window_days, claim.window_days)


def _read_batches(claim: Claim) -> Iterator[list[Reading]]:
    """The claim's requests, parsed, in batches of at most `BATCH_EVENTS` unless a single request has more."""
    batch: list[Reading] = []
    events = 0
    for request in claim.requests:
        if request.attempts > QUARANTINE_AFTER:
            reading = Reading(
                request, [], [Fault(request.body or b"", f"not taken in after {QUARANTINE_AFTER} attempts")]
            )
        else:
            reading = read_request(request, claim.directory)
        if batch and events + len(reading.events) > BATCH_EVENTS:
            yield batch
            batch, events = [], 0
        batch.append(reading)
        events += len(reading.events)
    if batch:
        yield batch


def _take_in(claim: Claim, readings: Sequence[Reading]) -> bool:
    """T1. False when the account lock is not free; a batch that fails for a reason of its own has had its attempt."""
    try:
        with try_locked_scope(claim.account_id, idle=STUCK) as now:
            if now is None:
                return False
            if claim.is_alone:
                unfinished = _lock_unfinished(claim.account_id, readings)
                take_carefully(claim.account_id, unfinished, now=now)
                _finish(claim, unfinished, now=now)
            else:
                finished = _finish(claim, readings, now=now)
                if batch := [received for reading in finished for received in reading.events]:
                    get_sink()(claim.account_id, batch, now=now)
    except Exception as error:
        if is_passing(error):
            raise
        log.exception("batch_failed", account=claim.account_id, requests=len(readings))
    return True


def _lock_unfinished(account_id: int, readings: Sequence[Reading]) -> list[Reading]:
    """Those that nobody else has finished meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK_WAITING, [account_id, [reading.request.id for reading in readings]])
        waiting = {id for (id,) in cursor.fetchall()}
    return [reading for reading in readings if reading.request.id in waiting]


def _finish(claim: Claim, readings: Sequence[Reading], *, now: datetime) -> list[Reading]:
    """Marks requests as done; returns those that nobody else had finished."""
    rows = [
        (reading.request.id, InboundState.QUARANTINED if reading.faults else InboundState.DONE, reading.oldest_at)
        for reading in readings
    ]
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, [*(list(column) for column in zip(*rows, strict=True)), claim.account_id])
        marked = {id for (id,) in cursor.fetchall()}
        finished = [reading for reading in readings if reading.request.id in marked]
        quarantine(claim.account_id, finished)
        if silent := sorted(_list_silent(claim, finished, now=now)):
            cursor.execute(_SEEN, [claim.account_id, silent])
    return finished


def _list_silent(claim: Claim, readings: Sequence[Reading], *, now: datetime) -> set[UUID]:
    """The channels of these requests that had not been heard of for a while."""
    channels = {reading.request.channel_id for reading in readings}
    channels |= {received.channel.id for reading in readings for received in reading.events}
    heard = claim.directory.last_event_at
    return {id for id in channels if (last := heard.get(id)) is None or last < now - SEEN_EVERY}


def prefer_generic_plans(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """The same few statements over and over: to plan one anew costs as much as to run it."""
    with connection.cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan")
