"""Boundaries that come after what they part: what was seen since then is taken in again, as another holder's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import connection

from identity.attributes import Rank
from identity.epochs import Epochs, Start, Value, read_epochs, split_columns, store_boundaries
from identity.grouping import Ground
from identity.rules import LINK
from identity.sights import Picture, Sight, address_of, fold_sights, load_sights

NEVER = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Parting:
    """What was seen on the address `origin` at or after `since`, and before `until`, is the identity `target`'s."""

    origin: UUID
    target: UUID
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Parted:
    """`again`: sights to take in once more; `cut`: the identities that were forgotten for it; `touched`: the ends of
    evidence that was.
    """

    again: tuple[Sight, ...] = ()
    cut: frozenset[UUID] = frozenset()
    touched: frozenset[UUID] = frozenset()
    partings: tuple[Parting, ...] = ()


def part_values(ground: Ground, boundaries: Iterable[Start]) -> Parted:
    """Records boundaries. Forgets what was folded from the sights of values that one of them parts: the caller folds
    those sights again, then calls `drop_unseen`, regroups, and calls `drop_vacated`.
    """
    new = store_boundaries(ground.account_id, boundaries)
    if not new:
        return Parted()
    sights = _load_sights_of(ground, {boundary.value for boundary in new})
    epochs = read_epochs(ground.account_id, (value for sight in sights for value in sight.values()))
    before, after = fold_sights(sights, epochs.without(new)), fold_sights(sights, epochs)
    parted = {Value(*node[:3]) for node in after.seen.keys() - before.seen.keys()}
    if not parted:
        return Parted()
    cut = {ground.ids[node] for node in before.seen if node[:3] in parted}
    return Parted(
        again=tuple(sights),
        cut=frozenset(cut),
        touched=_forget(ground, cut),
        partings=tuple(_list_partings(ground, before, after, epochs)),
    )


def drop_unseen(ground: Ground, cut: Iterable[UUID]) -> None:
    """After the sights were folded again: removes evidence that is not seen any more."""
    ids = list(cut)
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM identity_evidence
            WHERE account_id = %s AND first_seen = %s AND (a_id = ANY(%b::uuid[]) OR b_id = ANY(%b::uuid[]))
            """,
            [ground.account_id, NEVER, ids, ids],
        )
        cursor.execute(
            """
            UPDATE identity_identity i SET first_seen = least(i.first_seen, (SELECT min(e.first_seen)
              FROM identity_evidence e WHERE e.account_id = i.account_id AND e.rule = %s AND i.id IN (e.a_id, e.b_id)))
            WHERE i.account_id = %s AND i.id = ANY(%b::uuid[])
            """,
            [LINK.name, ground.account_id, ids],
        )


def drop_vacated(ground: Ground, cut: Iterable[UUID], *, now: datetime) -> dict[UUID, UUID]:
    """After regrouping: removes identities that were never seen, as it turns out. The contacts of those that stay.

    An identity about which an agent decided or wrote something stays, alone.
    """
    ids = list(cut)
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT i.id FROM identity_identity i
            WHERE i.account_id = %s AND i.id = ANY(%b::uuid[]) AND i.first_seen = %s
              AND NOT EXISTS (SELECT FROM identity_attribute t
                WHERE (t.account_id, t.identity_id) = (i.account_id, i.id))
              AND NOT EXISTS (SELECT FROM identity_decision d
                WHERE d.account_id = i.account_id AND i.id IN (d.a_id, d.b_id))
            """,
            [ground.account_id, ids, NEVER],
        )
        vacated = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            "DELETE FROM identity_change WHERE account_id = %s AND identity_id = ANY(%b::uuid[])",
            [ground.account_id, vacated],
        )
        cursor.execute(
            "DELETE FROM identity_identity WHERE account_id = %s AND id = ANY(%b::uuid[])",
            [ground.account_id, vacated],
        )
        cursor.execute(
            """
            UPDATE identity_identity SET first_seen = least(first_seen, %s)
            WHERE account_id = %s AND id = ANY(%b::uuid[])
            RETURNING id, contact_id
            """,
            [now, ground.account_id, ids],
        )
        return dict(cursor.fetchall())


def _forget(ground: Ground, cut: set[UUID]) -> frozenset[UUID]:
    """What the sights of these identities came to counts as not seen yet. What agents said and decided stays."""
    ids = list(cut)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE identity_identity SET first_seen = %s
            WHERE account_id = %s AND id = ANY(%b::uuid[])
            """,
            [NEVER, ground.account_id, ids],
        )
        cursor.execute(
            """
            DELETE FROM identity_attribute
            WHERE account_id = %s AND identity_id = ANY(%b::uuid[]) AND rank <> %s
            """,
            [ground.account_id, ids, Rank.AGENT.value],
        )
        cursor.execute(
            """
            UPDATE identity_evidence SET first_seen = %s, last_seen = to_timestamp(0)
            WHERE account_id = %s AND rule <> %s AND (a_id = ANY(%b::uuid[]) OR b_id = ANY(%b::uuid[]))
            RETURNING a_id, b_id
            """,
            [NEVER, ground.account_id, LINK.name, ids, ids],
        )
        return frozenset(id for row in cursor.fetchall() for id in row)


def _list_partings(ground: Ground, before: Picture, after: Picture, epochs: Epochs) -> list[Parting]:
    pairs = {(was, node) for was, node in zip(before.nodes, after.nodes, strict=True) if was != node}
    return [
        Parting(
            origin=ground.ids[was],
            target=ground.ids[node],
            since=datetime.fromtimestamp(node.epoch, UTC),
            until=epochs.find_end(Value(*node[:3]), node.epoch),
        )
        for was, node in sorted(pairs)
    ]


def _load_sights_of(ground: Ground, values: set[Value]) -> list[Sight]:
    """Every sight that names one of these values: their own, and those of addresses that evidence ties to them."""
    columns = dict(zip(("kinds", "scopes", "values"), split_columns(values), strict=True))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH held AS (
              SELECT i.id FROM identity_identity i
              JOIN unnest(%(kinds)b::text[], %(scopes)b::text[], %(values)b::text[]) AS v(kind, scope, value)
                ON (i.kind, i.scope, i.value) = (v.kind, v.scope, v.value)
              WHERE i.account_id = %(account)s
            ), tied AS (
              SELECT b_id AS id FROM identity_evidence
              WHERE account_id = %(account)s AND a_id IN (SELECT id FROM held)
              UNION SELECT a_id FROM identity_evidence
              WHERE account_id = %(account)s AND b_id IN (SELECT id FROM held)
            )
            SELECT kind, scope, value FROM identity_identity
            WHERE account_id = %(account)s AND id IN (SELECT id FROM tied)
            """,
            {"account": ground.account_id, **columns},
        )
        tied = {Value(*row) for row in cursor.fetchall()}
    sights = load_sights(ground, {address_of(ground, value) for value in values | tied})
    return [sight for sight in sights if not values.isdisjoint(sight.values())]
