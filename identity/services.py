"""What changes who is who: what channels observe, and what agents decide. Every function runs inside a scope that holds
the account lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from identity.attributes import AttributeFact, Rank, fold_contacts, store_attributes
from identity.grouping import Ground, Move, read_ground, regroup
from identity.models import Boundary, Decision, Evidence, Identity
from identity.normalise import normalise
from identity.rules import LINK, IdentityKey
from oneview.common.errors import NotFound
from oneview.common.ids import new_id

REFRESH = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a rule says belongs to the user seen. `ended`: the user left it at the instant of the sighting."""

    rule: str
    kind: str
    value: str
    scope: str = ""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """A user seen at an instant on one address. `said`: attributes by name; `source`: the stored event, the proof."""

    kind: str
    scope: str
    value: str
    seen_at: datetime
    source: UUID
    keys: tuple[Key, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)
    rank: Rank = Rank.PLATFORM


@dataclass(frozen=True, slots=True)
class Observed:
    """The identity of each sighting in its order (None where its value is unusable), the contact of each identity, and
    what moved.

    `contacts` names every contact whose composition or attributes changed.
    """

    identities: tuple[UUID | None, ...]
    contact_of: Mapping[UUID, UUID]
    moves: tuple[Move, ...]
    contacts: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class _Edge:
    rule: str
    a: IdentityKey
    b: IdentityKey


@dataclass(slots=True)
class _Span:
    """First and last sight of an edge in a batch, and the event that saw it first."""

    first: datetime
    last: datetime
    source: UUID


def observe(account_id: int, sightings: Sequence[Sighting], *, now: datetime) -> Observed:
    """Takes in a batch of sightings. Seen again in any order, any number of times, they come to the same."""
    ground = read_ground(account_id)
    nodes, seen, edges = _read_sightings(ground, sightings)
    known, new, earlier = _store_identities(ground, seen)
    touched = _store_evidence(ground, edges)
    moves = regroup(ground, touched.union(earlier), cause="observed", now=now)
    facts = [
        AttributeFact(ground.ids[node], name, value, sighting.rank, sighting.seen_at)
        for node, sighting in zip(nodes, sightings, strict=True)
        if node is not None
        for name, value in sighting.said.items()
        if value
    ]
    described = store_attributes(account_id, facts)
    contact_of = {**known, **{identity: identity for identity in new}, **{move.identity: move.target for move in moves}}
    contacts = {contact_of[identity] for identity in (*new, *described)}
    moved = {contact for move in moves for contact in (move.origin, move.target)}
    changed = fold_contacts(account_id, contacts | moved)
    return Observed(
        identities=tuple(None if node is None else ground.ids[node] for node in nodes),
        contact_of=contact_of,
        moves=moves,
        contacts=frozenset(changed | moved),
    )


def record_boundaries(account_id: int, boundaries: Iterable[tuple[str, str, str, datetime]]) -> None:
    """From these instants on (kind, scope, value, at) each value may be somebody else's. Recorded before the sightings
    of the same batch.
    """
    ground = read_ground(account_id)
    rows = {
        (kind, scope, value, at.replace(microsecond=0))
        for kind, scope, raw, at in boundaries
        if (value := normalise(kind, raw, region=ground.region))
    }
    Boundary.objects.bulk_create(
        [
            Boundary(account_id=account_id, kind=kind, scope=scope, value=value, at=at)
            for kind, scope, value, at in sorted(rows)
        ],
        ignore_conflicts=True,
    )


def decide(
    account_id: int,
    op: Decision.Op,
    *,
    a: UUID,
    b: UUID | None = None,
    rule: str = "",
    actor_id: int | None,
    reason: str = "",
    now: datetime,
) -> tuple[Move, ...]:
    """Records what a person decided and regroups. Raises NotFound for identities of nobody here."""
    ground = read_ground(account_id)
    ends = {
        identity.id: identity for identity in Identity.objects.filter(account=account_id, id__in=[a, b] if b else [a])
    }
    if a not in ends or (b is not None and b not in ends):
        raise NotFound
    if b is not None and _key(ends[b]) < _key(ends[a]):
        a, b = b, a
    Decision.objects.create(
        account_id=account_id, op=op, rule=rule, a_id=a, b_id=b, actor_id=actor_id, reason=reason, at=now
    )
    if op == Decision.Op.LINK and b is not None:
        span = _Span(first=now, last=now, source=new_id())
        _store_evidence(ground, {_Edge(LINK.name, _key(ends[a]), _key(ends[b])): span})
    touched = set(ends)
    if op in (Decision.Op.BLOCK_VALUE, Decision.Op.UNBLOCK_VALUE):
        touched |= _read_neighbours(account_id, a)
    moves = regroup(ground, touched, cause=op, now=now)
    fold_contacts(account_id, {contact for move in moves for contact in (move.origin, move.target)})
    return moves


def revoke_evidence(
    account_id: int, evidence_id: int, *, actor_id: int | None, reason: str = "", now: datetime
) -> tuple[Move, ...]:
    """Undoes one link. It stays undone when the same pair is seen again."""
    evidence = Evidence.objects.filter(account=account_id, id=evidence_id).first()
    if evidence is None:
        raise NotFound
    return decide(
        account_id,
        Decision.Op.REVOKE,
        a=evidence.a_id,
        b=evidence.b_id,
        rule=evidence.rule,
        actor_id=actor_id,
        reason=reason,
        now=now,
    )


def describe(account_id: int, contact_id: UUID, said: Mapping[str, str], *, now: datetime) -> None:
    """An agent wrote these attributes of a contact; they are kept on its canonical identity and stand before what
    platforms tell.
    """
    store_attributes(
        account_id, [AttributeFact(contact_id, name, value, Rank.AGENT, now) for name, value in said.items()]
    )
    fold_contacts(account_id, [contact_id])


def _key(identity: Identity) -> IdentityKey:
    return IdentityKey(identity.kind, identity.scope, identity.value, identity.epoch)


def _read_neighbours(account_id: int, identity: UUID) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN a_id = %s THEN b_id ELSE a_id END FROM identity_evidence "
            "WHERE account_id = %s AND (a_id = %s OR b_id = %s)",
            [identity, account_id, identity, identity],
        )
        return {row[0] for row in cursor.fetchall()}


def _read_sightings(
    ground: Ground, sightings: Sequence[Sighting]
) -> tuple[list[IdentityKey | None], dict[IdentityKey, tuple[datetime, str]], dict[_Edge, _Span]]:
    """The node of each sighting, every node with its first sight and its value as given, and the edges between them."""
    epochs = _read_boundaries(ground.account_id)
    nodes: list[IdentityKey | None] = []
    seen: dict[IdentityKey, tuple[datetime, str]] = {}
    edges: dict[_Edge, _Span] = {}

    def see(kind: str, scope: str, raw: str, at: datetime, *, ended: bool = False) -> IdentityKey | None:
        value = normalise(kind, raw, region=ground.region)
        if value is None:
            return None
        last = int(at.timestamp()) - ended
        epoch = max((second for second in epochs.get((kind, scope, value), ()) if second <= last), default=0)
        key = IdentityKey(kind, scope, value, epoch)
        seen[key] = min((at, raw), seen.get(key, (at, raw)))
        return key

    for sighting in sightings:
        node = see(sighting.kind, sighting.scope, sighting.value, sighting.seen_at)
        nodes.append(node)
        if node is None:
            continue
        for claim in sighting.keys:
            other = see(claim.kind, claim.scope, claim.value, sighting.seen_at, ended=claim.ended)
            if other is None or other == node:
                continue
            edge = _Edge(claim.rule, min(node, other), max(node, other))
            span = edges.setdefault(edge, _Span(sighting.seen_at, sighting.seen_at, sighting.source))
            if sighting.seen_at < span.first:
                span.first, span.source = sighting.seen_at, sighting.source
            span.last = max(span.last, sighting.seen_at)
    return nodes, seen, edges


def _read_boundaries(account_id: int) -> dict[tuple[str, str, str], list[int]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, scope, value, at FROM identity_boundary WHERE account_id = %s", [account_id])
        boundaries: dict[tuple[str, str, str], list[int]] = {}
        for kind, scope, value, at in cursor.fetchall():
            boundaries.setdefault((kind, scope, value), []).append(int(at.timestamp()))
    return boundaries


def _store_identities(
    ground: Ground, seen: Mapping[IdentityKey, tuple[datetime, str]]
) -> tuple[dict[UUID, UUID], list[UUID], list[UUID]]:
    """The contact of each identity known before, the ids of the new ones, and of those that prove to be older."""
    by_id = {ground.ids[key]: key for key in seen}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, contact_id, first_seen FROM identity_identity WHERE account_id = %s AND id = ANY(%s)",
            [ground.account_id, list(by_id)],
        )
        known = {}
        earlier = []
        for id, contact, first_seen in cursor.fetchall():
            known[id] = contact
            if seen[by_id[id]][0] < first_seen:
                earlier.append(id)
        new = [id for id in by_id if id not in known]
        rows = [(id, by_id[id], *seen[by_id[id]]) for id in new]
        cursor.execute(
            "INSERT INTO identity_identity (id, account_id, kind, scope, value, epoch, raw_value, first_seen, "
            "contact_id) "
            "SELECT v.id, %s, v.kind, v.scope, v.value, v.epoch, v.raw, v.first_seen, v.id "
            "FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::timestamptz[]) "
            "AS v(id, kind, scope, value, epoch, raw, first_seen)",
            [
                ground.account_id,
                new,
                [key.kind for _, key, _, _ in rows],
                [key.scope for _, key, _, _ in rows],
                [key.value for _, key, _, _ in rows],
                [key.epoch for _, key, _, _ in rows],
                [raw for _, _, _, raw in rows],
                [at for _, _, at, _ in rows],
            ],
        )
        if earlier:
            cursor.execute(
                "UPDATE identity_identity i SET first_seen = v.at FROM unnest(%s::uuid[], %s::timestamptz[]) AS "
                "v(id, at) "
                "WHERE i.account_id = %s AND i.id = v.id",
                [earlier, [seen[by_id[id]][0] for id in earlier], ground.account_id],
            )
    return known, new, earlier


def _store_evidence(ground: Ground, edges: Mapping[_Edge, _Span]) -> set[UUID]:
    """Writes edges that are new, seen earlier, or not refreshed for a day; returns the ends of those that can change
    the grouping.
    """
    if not edges:
        return set()
    stored = _read_spans(ground, edges)
    changed: dict[_Edge, _Span] = {}
    touched: set[UUID] = set()
    for edge, span in edges.items():
        first, last = stored.get(edge, (None, None))
        if first is None or last is None or span.first < first:
            touched |= {ground.ids[edge.a], ground.ids[edge.b]}
            changed[edge] = span
        elif span.last > last + REFRESH:
            changed[edge] = span
    _write_evidence(ground, changed)
    return touched


def _read_spans(ground: Ground, edges: Iterable[_Edge]) -> dict[_Edge, tuple[datetime, datetime]]:
    by_ids = {(edge.rule, ground.ids[edge.a], ground.ids[edge.b]): edge for edge in edges}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.rule, e.a_id, e.b_id, e.first_seen, e.last_seen FROM identity_evidence e "
            "JOIN unnest(%s::text[], %s::uuid[], %s::uuid[]) AS v(rule, a, b) ON (e.rule, e.a_id, e.b_id) = (v.rule, "
            "v.a, v.b) "
            "WHERE e.account_id = %s",
            [[rule for rule, _, _ in by_ids], [a for _, a, _ in by_ids], [b for _, _, b in by_ids], ground.account_id],
        )
        return {by_ids[rule, a, b]: (first, last) for rule, a, b, first, last in cursor.fetchall()}


def _write_evidence(ground: Ground, edges: Mapping[_Edge, _Span]) -> None:
    if not edges:
        return
    proofs = [Jsonb(_proof(edge, span)) for edge, span in edges.items()]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO identity_evidence AS e (account_id, rule, a_id, b_id, first_seen, last_seen, proof, status, "
            "violated) "
            "SELECT %s, v.rule, v.a, v.b, v.first_seen, v.last_seen, v.proof, 'linked', '' "
            "FROM unnest(%s::text[], %s::uuid[], %s::uuid[], %s::timestamptz[], %s::timestamptz[], %s::jsonb[]) "
            "AS v(rule, a, b, first_seen, last_seen, proof) "
            "ON CONFLICT (account_id, rule, a_id, b_id) DO UPDATE SET "
            "proof = CASE WHEN EXCLUDED.first_seen < e.first_seen THEN EXCLUDED.proof ELSE e.proof END, "
            "first_seen = LEAST(e.first_seen, EXCLUDED.first_seen), last_seen = GREATEST(e.last_seen, "
            "EXCLUDED.last_seen)",
            [
                ground.account_id,
                [edge.rule for edge in edges],
                [ground.ids[edge.a] for edge in edges],
                [ground.ids[edge.b] for edge in edges],
                [span.first for span in edges.values()],
                [span.last for span in edges.values()],
                proofs,
            ],
        )


def _proof(edge: _Edge, span: _Span) -> dict[str, Any]:
    """What an explanation can show when the event itself is gone: the rule, the key with its middle hidden, the event,
    the time.
    """
    key = edge.a if edge.a.kind in ("phone", "email", "customer") else edge.b
    return {
        "rule": edge.rule,
        "key": key.kind,
        "value": mask(key.value),
        "event": str(span.source),
        "at": span.first.isoformat(),
    }


def mask(value: str) -> str:
    """A value with all but its ends hidden: `+3460…222`."""
    shown = max(1, min(4, len(value) // 4))
    return f"{value[:shown]}…{value[-shown:]}"
