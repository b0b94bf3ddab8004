"""Ids: version 7 for everything that has no natural key, and ids made from a time and a payload."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7

PAYLOAD_BITS = 74
_VERSION = 8 << 76
_VARIANT = 2 << 62


def new_id() -> UUID:
    return uuid7()


def ordered_id(at: datetime, payload: int) -> UUID:
    """A version 8 id: 48 bits of milliseconds, then 74 bits of payload. Sorts by time, then payload, as bytes do."""
    high, low = payload >> 62 & 0xFFF, payload & (1 << 62) - 1
    return UUID(int=to_milliseconds(at) << 80 | _VERSION | high << 64 | _VARIANT | low)


def floor_id(at: datetime) -> UUID:
    """The least id of an instant: `id >= floor_id(t)` is `time >= t`."""
    return UUID(int=to_milliseconds(at) << 80)


def time_of(id: UUID) -> datetime:
    """The instant an id carries, UTC, to the millisecond."""
    return datetime.fromtimestamp((id.int >> 80) / 1000, tz=UTC)


def to_milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
