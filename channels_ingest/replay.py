"""Taking stored requests in again. Safe at any time: what has been taken in before changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from channels_ingest.models import InboundEvent, InboundState, QuarantinedEvent
from channels_ingest.reading import Reading, StoredRequest, quarantine, read_request, take_carefully
from channels_ingest.selectors import read_directory
from oneview.common.scope import locked_scope

BATCH = 50
NOTHING = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Replay:
    """`replayed` requests or parts of one, the new messages they brought, and how much went (back) to quarantine."""

    replayed: int = 0
    messages: int = 0
    quarantined: int = 0

    def __add__(self, other: Replay) -> Replay:
        return Replay(
            self.replayed + other.replayed, self.messages + other.messages, self.quarantined + other.quarantined
        )


def replay_quarantined(account_id: int, *, ids: Sequence[UUID] | None = None, channel_id: UUID | None = None) -> Replay:
    """Takes quarantined requests in again, all or some; one that was quarantined in parts comes again as a whole.

    Waits for the account lock, a batch at a time.
    """
    chosen = _list_quarantined(account_id)
    if ids is not None:
        chosen = chosen.filter(id__in=ids)
    if channel_id is not None:
        chosen = chosen.filter(channel_id=channel_id)
    requests = chosen.order_by("inbound_id").values_list("inbound_id", flat=True).distinct()
    total, after = Replay(), NOTHING
    while True:
        with locked_scope(account_id) as now:
            batch = list(requests.filter(inbound_id__gt=after)[:BATCH])
            if not batch:
                return total
            total += _replay_entries(account_id, batch, now=now)
            after = batch[-1]


def replay_stored(account_id: int, *, channel_id: UUID | None = None) -> Replay:
    """Takes everything in again that was taken in before and still has its bytes."""
    requests = InboundEvent.objects.filter(account_id=account_id, state=InboundState.DONE, body__isnull=False)
    if channel_id is not None:
        requests = requests.filter(channel_id=channel_id)
    total, after = Replay(), NOTHING
    while True:
        with locked_scope(account_id) as now:
            batch = list(requests.filter(id__gt=after).order_by("id")[:BATCH])
            if not batch:
                return total
            directory = read_directory(account_id)
            readings = [read_request(_stored(row), directory) for row in batch]
            messages = take_carefully(account_id, readings, now=now)
            faulty = [reading.request.id for reading in readings if reading.faults]
            InboundEvent.objects.filter(account_id=account_id, id__in=faulty).update(state=InboundState.QUARANTINED)
            total += Replay(len(batch), messages, quarantine(account_id, readings))
            after = batch[-1].id


def _list_quarantined(account_id: int) -> QuerySet[QuarantinedEvent]:
    return QuarantinedEvent.objects.filter(account_id=account_id, state=QuarantinedEvent.State.QUARANTINED)


def _replay_entries(account_id: int, requests: Sequence[UUID], *, now: datetime) -> Replay:
    """All that is in quarantine of these requests, from the request's own bytes where they are still there."""
    entries: dict[UUID, list[QuarantinedEvent]] = defaultdict(list)
    for entry in _list_quarantined(account_id).filter(inbound_id__in=requests):
        entries[entry.inbound_id].append(entry)
    whole = {row.id: row for row in InboundEvent.objects.filter(account_id=account_id, id__in=requests)}
    directory = read_directory(account_id)
    readings: list[tuple[Reading, list[QuarantinedEvent]]] = []
    for id, parts in entries.items():
        row = whole.get(id)
        if row is not None and row.body is not None:
            readings.append((read_request(_stored(row), directory), parts))
        else:
            readings.extend((read_request(_stored(part), directory), [part]) for part in parts if part.body is not None)
    messages = take_carefully(account_id, [reading for reading, _ in readings], now=now)
    total = Replay(messages=messages)
    for reading, parts in readings:
        total += _settle_entries(reading, parts)
    quarantine(account_id, [reading for reading, _ in readings])
    return total


def _stored(row: InboundEvent | QuarantinedEvent) -> StoredRequest:
    id = row.id if isinstance(row, InboundEvent) else row.inbound_id
    body = None if row.body is None else bytes(row.body)
    return StoredRequest(id, row.channel_id, row.headers, body, row.received_at, attempts=0)


def _settle_entries(reading: Reading, entries: Sequence[QuarantinedEvent]) -> Replay:
    """Marks what came in as replayed. Only faults that are new are left in the reading."""
    faults = {fault.body: fault for fault in reading.faults}
    replayed = 0
    for entry in entries:
        fault = faults.pop(bytes(entry.body or b""), None)
        if fault is None:
            entry.state = QuarantinedEvent.State.REPLAYED
            replayed += 1
        else:
            entry.error = fault.error
    QuarantinedEvent.objects.bulk_update(entries, ["state", "error"])
    reading.faults[:] = faults.values()
    return Replay(replayed=replayed, quarantined=len(entries) - replayed + len(faults))
