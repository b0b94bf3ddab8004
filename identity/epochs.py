"""Epochs: the same value held by one user after another.

A boundary is the instant from which a value (a number given up) may be somebody else's. An epoch is named by the Unix
second of its boundary, the first by 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from django.db import connection

from oneview.common.ids import new_id


class Value(NamedTuple):
    """What may change hands: an identity without its epoch; `value` is canonical."""

    kind: str
    scope: str
    value: str


class Start(NamedTuple):
    """A boundary: the second from which a new epoch of `value` runs."""

    value: Value
    second: int


class Epochs:
    """The boundaries of some values."""

    def __init__(self, boundaries: Iterable[Start]) -> None:
        starts: defaultdict[Value, set[int]] = defaultdict(set)
        for value, second in boundaries:
            starts[value].add(second)
        self._starts: Mapping[Value, set[int]] = dict(starts)

    def find(self, value: Value, second: int) -> int:
        """The epoch that holds `second`."""
        starts = self._starts.get(value)
        return max((start for start in starts if start <= second), default=0) if starts else 0

    def find_end(self, value: Value, epoch: int) -> datetime | None:
        """The instant at which an epoch ends, None for one that goes on."""
        later = [start for start in self._starts.get(value, ()) if start > epoch]
        return datetime.fromtimestamp(min(later), UTC) if later else None

    def without(self, boundaries: Iterable[Start]) -> Epochs:
        left_out = set(boundaries)
        kept = (Start(value, second) for value, starts in self._starts.items() for second in starts)
        return Epochs(boundary for boundary in kept if boundary not in left_out)


def read_epochs(account_id: int, values: Iterable[Value]) -> Epochs:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT kind, scope, value, at FROM identity_boundary
            WHERE account_id = %s AND value = ANY(%b::text[])
            """,
            [account_id, list({value.value for value in values})],
        )
        return Epochs(Start(Value(*value), int(at.timestamp())) for *value, at in cursor.fetchall())


def store_boundaries(account_id: int, boundaries: Iterable[Start]) -> list[Start]:
    """Returns those that were not known before."""
    rows = sorted({boundary for boundary in boundaries if boundary.second > 0})
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO identity_boundary (id, account_id, kind, scope, value, at)
            SELECT v.id, %s, v.kind, v.scope, v.value, to_timestamp(v.second)
            FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::bigint[])
              AS v(id, kind, scope, value, second)
            ON CONFLICT DO NOTHING
            RETURNING kind, scope, value, at
            """,
            [
                account_id,
                [new_id() for _ in rows],
                *split_columns(row.value for row in rows),
                [row.second for row in rows],
            ],
        )
        return [Start(Value(*value), int(at.timestamp())) for *value, at in cursor.fetchall()]


def split_columns(values: Iterable[Value]) -> tuple[list[str], list[str], list[str]]:
    rows = list(values)
    return [row.kind for row in rows], [row.scope for row in rows], [row.value for row in rows]
