"""From a stored request to events, each with the channel it names; what can't be read or taken in becomes a fault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, transaction

from channels_ingest.events import UNDATED, Broken, Unknown
from channels_ingest.models import QuarantinedEvent
from channels_ingest.registry import get_channel
from channels_ingest.selectors import Directory
from channels_ingest.sink import Received, get_sink

LONGEST_ERROR = 500
# Connection lost, deadlock, disk full, too many connections, shut down, lock or idle time-out.
PASSING = ("08", "40", "53100", "53300", "55P03", "57P", "58", "25P03")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A row of InboundEvent. `attempts` counts the present one; `body` is None when retention has blanked it."""

    id: UUID
    channel_id: UUID
    headers: Mapping[str, str]
    body: bytes | None
    received_at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes to quarantine: a request or a part of one, and why."""

    body: bytes
    error: str


@dataclass(slots=True)
class Reading:
    """What a request says. `faults` grows when an event can't be taken in."""

    request: StoredRequest
    events: list[Received]
    faults: list[Fault]

    @property
    def oldest_at(self) -> datetime | None:
        """The earliest instant its events speak of."""
        return min((received.event.at for received in self.events if received.event.at != UNDATED), default=None)


def read_request(request: StoredRequest, directory: Directory) -> Reading:
    """Parses a request. Events of other accounts' channels, or of channels nobody connected, are faults."""
    events: list[Received] = []
    faults: list[Fault] = []
    reading = Reading(request, events, faults)
    body = request.body
    home = directory.by_id.get(request.channel_id)
    if body is None:
        return reading
    if home is None:
        faults.append(Fault(body, "came to a channel of a kind that this version does not know"))
        return reading
    strangers: set[str] = set()
    try:
        for event in get_channel(home.kind).parse(body, request.headers):
            if isinstance(event, Broken):
                faults.append(Fault(event.body, event.error))
            elif isinstance(event, Unknown):
                continue
            elif channel := directory.by_address.get((home.kind, event.recipient)) if event.recipient else home:
                events.append(Received(event, channel, request.received_at, request.id))
            else:
                strangers.add(event.recipient)
    except Exception as error:
        log.exception("parse_failed", kind=home.kind, request=str(request.id))
        faults.append(Fault(body, f"could not be read: {type(error).__name__}"))
    if strangers:
        faults.append(Fault(body, f"meant for {', '.join(sorted(strangers))}: not connected here"))
    return reading


def take_carefully(account_id: int, readings: Sequence[Reading], *, now: datetime) -> int:
    """Hands everything to the sink; halves what fails until single events are left, which become faults.

    Runs under the account lock; the number of new messages.
    """
    return _halve(account_id, [(reading, received) for reading in readings for received in reading.events], now=now)


def _halve(account_id: int, events: Sequence[tuple[Reading, Received]], *, now: datetime) -> int:
    if not events:
        return 0
    try:
        with transaction.atomic():
            return get_sink()(account_id, [received for _, received in events], now=now).messages
    except Exception as error:
        if is_passing(error):
            raise
        if len(events) == 1:
            reading, received = events[0]
            log.exception("event_failed", account=account_id, request=str(reading.request.id))
            problem = f"{type(received.event).__name__} not taken in: {type(error).__name__}"
            reading.faults.append(Fault(reading.request.body or b"", problem))
            return 0
    middle = len(events) // 2
    return _halve(account_id, events[:middle], now=now) + _halve(account_id, events[middle:], now=now)


def is_passing(error: Exception) -> bool:
    """Whether it is the database that failed, and not what it was given."""
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    return state is None or state.startswith(PASSING)


def quarantine(account_id: int, readings: Sequence[Reading]) -> int:
    """Stores the faults; returns how many."""
    entries = [
        QuarantinedEvent(
            account_id=account_id,
            channel_id=reading.request.channel_id,
            inbound_id=reading.request.id,
            headers=reading.request.headers,
            body=fault.body,
            error=fault.error.replace("\0", "")[:LONGEST_ERROR],
            received_at=reading.request.received_at,
        )
        for reading in readings
        for fault in reading.faults
    ]
    QuarantinedEvent.objects.bulk_create(entries)
    return len(entries)
