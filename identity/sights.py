"""Observations in canonical form: how they are kept, and what they come to under the epochs known so far."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from identity.epochs import Epochs, Value
from identity.grouping import Ground
from identity.normalise import normalise
from identity.rules import UNSTORABLE, IdentityKey

MAX_SCOPE, MAX_RAW = 200, 600

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode


class Named(NamedTuple):
    """A value as it was named: what it is matched by, and as it was written."""

    value: Value
    raw: str


class Tie(NamedTuple):
    """A key that `rule` ties to the user. `ended`: the user left it at that instant."""

    rule: str
    key: Named
    ended: bool


@dataclass(frozen=True, slots=True)
class Sight:
    """A user seen on one address. `said`: attributes by name; `source`: the stored event."""

    who: Named
    at: datetime
    source: UUID
    ties: tuple[Tie, ...]
    said: Mapping[str, str]
    rank: int

    def values(self) -> Iterable[Value]:
        yield self.who.value
        yield from (tie.key.value for tie in self.ties)


class Edge(NamedTuple):
    """`a` < `b`."""

    rule: str
    a: IdentityKey
    b: IdentityKey


@dataclass(slots=True)
class Span:
    """First and last sight of an edge, and the event that saw it first."""

    first: datetime
    last: datetime
    source: UUID


class Said(NamedTuple):
    node: IdentityKey
    name: str
    value: str
    rank: int
    at: datetime


@dataclass(slots=True)
class Picture:
    """What sights come to. `nodes`: the identity of each, in their order; `seen`: first sight and raw value of every
    identity named.
    """

    nodes: list[IdentityKey] = field(default_factory=list)
    seen: dict[IdentityKey, tuple[datetime, str]] = field(default_factory=dict)
    edges: dict[Edge, Span] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)

    def see(self, named: Named, *, at: datetime, epoch: int) -> IdentityKey:
        node = IdentityKey(*named.value, epoch)
        first = self.seen.get(node)
        if first is None or (at, named.raw) < first:
            self.seen[node] = at, named.raw
        return node

    def tie(self, rule: str, node: IdentityKey, other: IdentityKey, *, at: datetime, source: UUID) -> None:
        edge = Edge(rule, node, other) if node < other else Edge(rule, other, node)
        span = self.edges.get(edge)
        if span is None:
            self.edges[edge] = Span(at, at, source)
            return
        if (at, source) < (span.first, span.source):
            span.first, span.source = at, source
        span.last = max(span.last, at)


def name_value(kind: str, scope: str, raw: str, *, region: str | None) -> Named | None:
    """None for a value that identifies nobody."""
    value = normalise(kind, raw, region=region)
    if value is None or len(scope) > MAX_SCOPE or UNSTORABLE.search(scope):
        return None
    return Named(Value(kind, scope, value), raw.strip()[:MAX_RAW])


def fold_sights(sights: Iterable[Sight], epochs: Epochs) -> Picture:
    """A value is the identity of the epoch it was seen in; one that was left at that instant, of the epoch before."""
    picture = Picture()
    for sight in sights:
        second = int(sight.at.timestamp())
        node = picture.see(sight.who, at=sight.at, epoch=epochs.find(sight.who.value, second))
        picture.nodes.append(node)
        for rule, key, ended in sight.ties:
            other = picture.see(key, at=sight.at, epoch=epochs.find(key.value, second - ended))
            if other != node:
                picture.tie(rule, node, other, at=sight.at, source=sight.source)
        picture.said.extend(Said(node, name, value, sight.rank, sight.at) for name, value in sight.said.items())
    return picture


def address_of(ground: Ground, value: Value) -> UUID:
    """The id of a value in its first epoch: where its sights are kept, whoever held it."""
    return ground.ids[IdentityKey(*value)]


def store_sights(ground: Ground, sights: Sequence[Sight]) -> None:
    """One that is kept already stays."""
    if not sights:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO identity_sight (account_id, address, at, digest, source, content)
            SELECT %s, v.address, v.at, md5(v.content)::uuid, v.source, v.content::jsonb
            FROM unnest(%b::uuid[], %b::timestamptz[], %b::uuid[], %b::text[]) AS v(address, at, source, content)
            ON CONFLICT DO NOTHING
            """,
            [
                ground.account_id,
                [address_of(ground, sight.who.value) for sight in sights],
                [sight.at for sight in sights],
                [sight.source for sight in sights],
                [_write_content(sight) for sight in sights],
            ],
        )


def load_sights(ground: Ground, addresses: Iterable[UUID]) -> list[Sight]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT at, source, content FROM identity_sight
            WHERE account_id = %s AND address = ANY(%b::uuid[])
            """,
            [ground.account_id, list(addresses)],
        )
        return [_read_content(at, source, json.loads(content)) for at, source, content in cursor.fetchall()]


def thin_sights(account_id: int, *, before: datetime) -> int:
    """Removes what was seen before an instant, but the first and the last sight of each content; how many it removed.

    What those two come to is what all came to, unless a boundary from before that instant is still to come.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM identity_sight s USING (
              SELECT address, digest, min(at) AS first, max(at) AS last FROM identity_sight
              WHERE account_id = %s AND at < %s GROUP BY address, digest HAVING count(*) > 2
            ) kept
            WHERE s.account_id = %s AND s.at < %s AND (s.address, s.digest) = (kept.address, kept.digest)
              AND s.at NOT IN (kept.first, kept.last)
            """,
            [account_id, before, account_id, before],
        )
        return int(cursor.rowcount)


def _write_content(sight: Sight) -> str:
    return _encode([sight.who, sight.ties, dict(sight.said), sight.rank])


def _read_content(at: datetime, source: UUID, content: Any) -> Sight:
    who, ties, said, rank = content
    return Sight(
        who=_read_named(who),
        at=at,
        source=source,
        ties=tuple(Tie(rule, _read_named(key), ended) for rule, key, ended in ties),
        said=said,
        rank=rank,
    )


def _read_named(content: Any) -> Named:
    value, raw = content
    return Named(Value(*value), raw)
