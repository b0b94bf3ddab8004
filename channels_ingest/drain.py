"""The drain: stored requests become events, a batch of one account at a time, and go to the sink.

    T0   claim an account, count an attempt of its oldest requests and commit: who kills its process is found out
    -    parse
    T1   under the account lock: hand the events over, mark their requests as done

Nothing is leased: what a killed drain leaves behind is waiting for the next one. Requests that failed come again in
smaller batches, then alone with their events taken one by one, and in the end go to quarantine unread.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date
from operator import attrgetter
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from channels_ingest.bell import Bell
from channels_ingest.models import InboundState
from channels_ingest.reading import Fault, Reading, StoredRequest, is_passing, quarantine, read_request, take_carefully
from channels_ingest.selectors import Directory, read_directory
from channels_ingest.sink import get_sink
from oneview.accounts.models import Account
from oneview.common.beats import Beat
from oneview.common.days import keep_days
from oneview.common.scope import scope, try_lock_account

BATCH_EVENTS = 500
BATCH_BYTES = 4 * 1024 * 1024
BATCH_ROWS = (500, 50, 5)  # by the attempts behind the oldest request; from then on it comes alone
QUARANTINE_AFTER = 5
PAUSE_SECONDS = 0.5
YIELD_SECONDS = 0.005, 0.02
STUCK_SECONDS = 60

log = structlog.get_logger(__name__)

_CLAIM = """
WITH waiting AS (
  SELECT id, attempts, coalesce(octet_length(body), 0) AS size FROM channels_ingest_inboundevent
  WHERE account_id = %(account)s AND state = 0 ORDER BY id LIMIT %(most)s
), measured AS (
  SELECT id, row_number() OVER oldest AS place, first_value(attempts) OVER oldest AS behind,
    max(attempts) OVER oldest AS worst, sum(size) OVER oldest AS bytes
  FROM waiting WINDOW oldest AS (ORDER BY id)
), chosen AS (
  SELECT id FROM measured WHERE place = 1
  OR (place <= (%(rows)s::int[])[behind + 1] AND worst < %(alone)s AND bytes <= %(bytes)s)
)
UPDATE channels_ingest_inboundevent request SET attempts = attempts + 1 FROM chosen
WHERE request.account_id = %(account)s AND request.id = chosen.id
RETURNING request.id, channel_id, headers, body, received_at, attempts
"""

_LOCK_WAITING = """
SELECT id FROM channels_ingest_inboundevent
WHERE account_id = %s AND id = ANY(%s) AND state = 0 ORDER BY id FOR NO KEY UPDATE
"""

_FINISH = """
UPDATE channels_ingest_inboundevent request SET state = finished.state, oldest_at = finished.oldest_at
FROM unnest(%s::uuid[], %s::int[], %s::timestamptz[]) AS finished(id, state, oldest_at)
WHERE request.account_id = %s AND request.id = finished.id
"""

_UNCOUNT = """
UPDATE channels_ingest_inboundevent SET attempts = attempts - 1 WHERE account_id = %s AND id = ANY(%s)
"""

_SEEN = """
UPDATE channels_ingest_channel SET last_event_at = now()
WHERE account_id = %s AND id = ANY(%s) AND coalesce(last_event_at, '-infinity') < now() - interval '10 seconds'
"""


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
        self._uncounted: list[tuple[int, list[UUID]]] = []
        self._stopping = False

    def stop(self) -> None:
        self._stopping = True

    def run(self) -> None:
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
        claim = _claim_batch(self._after)
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


def _claim_batch(after: int) -> Claim | None:
    """T0. Goes round the accounts, beginning behind `after`."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT claim_account(%s)", [after])
            (account_id,) = cursor.fetchone()
        if account_id is None:
            return None
        with scope(account_id) as now, connection.cursor() as cursor:
            parameters = {
                "account": account_id,
                "most": BATCH_ROWS[0],
                "rows": list(BATCH_ROWS),
                "bytes": BATCH_BYTES,
                "alone": len(BATCH_ROWS),
            }
            cursor.execute(_CLAIM, parameters)
            requests = [
                StoredRequest(
                    id, channel, json.loads(headers), None if body is None else bytes(body), received_at, attempts
                )
                for id, channel, headers, body, received_at, attempts in cursor.fetchall()
            ]
            return Claim(
                account_id=account_id,
                requests=tuple(sorted(requests, key=attrgetter("id"))),
                directory=read_directory(account_id),
                today=now.astimezone(UTC).date(),
                window_days=Account.objects.values_list("window_days", flat=True).get(id=account_id),
            )


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
        with scope(claim.account_id) as now:
            if not try_lock_account(claim.account_id):
                return False
            unfinished = _lock_unfinished(claim.account_id, readings)
            if not unfinished:
                return True
            if claim.is_alone:
                take_carefully(claim.account_id, unfinished, now=now)
                _finish(claim.account_id, unfinished)
            else:
                _finish(claim.account_id, unfinished)
                if batch := [received for reading in unfinished for received in reading.events]:
                    get_sink()(claim.account_id, batch, now=now)
    except Exception as error:
        if is_passing(error):
            raise
        log.exception("batch_failed", account=claim.account_id, requests=len(readings))
    return True


def _lock_unfinished(account_id: int, readings: Sequence[Reading]) -> list[Reading]:
    """Those that nobody else has finished meanwhile. A process that stands still gives the locks back after a while."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('idle_in_transaction_session_timeout', %s, true)", [f"{STUCK_SECONDS}s"])
        cursor.execute(_LOCK_WAITING, [account_id, [reading.request.id for reading in readings]])
        waiting = {id for (id,) in cursor.fetchall()}
    return [reading for reading in readings if reading.request.id in waiting]


def _finish(account_id: int, readings: Sequence[Reading]) -> None:
    quarantine(account_id, readings)
    channels = {reading.request.channel_id for reading in readings}
    channels |= {received.channel.id for reading in readings for received in reading.events}
    rows = [
        (reading.request.id, InboundState.QUARANTINED if reading.faults else InboundState.DONE, reading.oldest_at)
        for reading in readings
    ]
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, [account_id, sorted(channels)])
        cursor.execute(_FINISH, [*(list(column) for column in zip(*rows, strict=True)), account_id])
