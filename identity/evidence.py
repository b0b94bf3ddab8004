"""Identities and the evidence between them: takes in what was seen, writes what is new."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from identity.grouping import Ground
from identity.resolver import EdgeVerdict, EvidenceFact, resolve
from identity.rules import IdentityKey
from identity.sights import Edge, Picture

KEYS = ("phone", "email", "customer")


class _Identity(NamedTuple):
    """One that was stored before. `is_earlier`: the picture has an earlier sight of it."""

    contact: UUID
    is_earlier: bool


class _Evidence(NamedTuple):
    """A row that was stored before. `is_stale`: its last sight is a day or more behind."""

    is_earlier: bool
    is_stale: bool


@dataclass(frozen=True, slots=True)
class Stored:
    """`contact_of`: the contact of every identity of the picture, before regrouping; `new`: those that were not there
    before; `touched`: where the grouping may have changed.
    """

    contact_of: dict[UUID, UUID]
    new: frozenset[UUID]
    touched: set[UUID]


def store_picture(ground: Ground, picture: Picture) -> Stored:
    """People who are all new are grouped here, without reading what is stored: nothing of it can be about them."""
    ids = ground.ids
    identities = _match_identities(ground, picture)
    fresh = _select_apart(picture.edges, identities)
    contacts, verdicts = _group(ground, picture, fresh)
    born = {node: contacts.get(node, node) for node in picture.seen if node not in identities}
    earlier = [node for node, stored in identities.items() if stored.is_earlier]
    _insert_identities(ground, picture, born)
    _update_first_sights(ground, picture, earlier)

    others = [edge for edge in picture.edges if edge not in fresh]
    evidence = _match_evidence(ground, picture, others)
    changed = [edge for edge in others if edge not in evidence or evidence[edge].is_earlier]
    stale = [edge for edge, stored in evidence.items() if stored.is_stale and not stored.is_earlier]
    _write_evidence(ground, picture, [*fresh, *changed, *stale], verdicts)
    return Stored(
        contact_of={ids[node]: stored.contact for node, stored in identities.items()}
        | {ids[node]: ids[contact] for node, contact in born.items()},
        new=frozenset(ids[node] for node in born),
        touched={ids[node] for node in (*earlier, *(end for edge in changed for end in (edge.a, edge.b)))},
    )


def _select_apart(edges: Collection[Edge], known: Container[IdentityKey]) -> set[Edge]:
    """The edges from which no way leads to an identity that was known before."""
    edges_at: defaultdict[IdentityKey, list[Edge]] = defaultdict(list)
    for edge in edges:
        edges_at[edge.a].append(edge)
        edges_at[edge.b].append(edge)
    reached = {node for node in edges_at if node in known}
    apart = set(edges)
    queue = deque(reached)
    while queue:
        for edge in edges_at[queue.popleft()]:
            apart.discard(edge)
            ends = {edge.a, edge.b} - reached
            reached |= ends
            queue.extend(ends)
    return apart


def _group(
    ground: Ground, picture: Picture, fresh: Collection[Edge]
) -> tuple[dict[IdentityKey, IdentityKey], dict[Edge, EdgeVerdict]]:
    """The contact of each identity that a fresh edge names, and the verdict of each such edge."""
    resolution = resolve(
        identities={end: picture.seen[end][0] for edge in fresh for end in (edge.a, edge.b)},
        evidence=[EvidenceFact(*edge, picture.edges[edge].first) for edge in fresh],
        decisions=(),
        settings=ground.settings,
    )
    contacts = {member: contact.id for contact in resolution.contacts for member in contact.identities}
    return contacts, {Edge(verdict.rule, verdict.a, verdict.b): verdict for verdict in resolution.edges}


def _match_identities(ground: Ground, picture: Picture) -> dict[IdentityKey, _Identity]:
    nodes = list(picture.seen)
    firsts = picture.seen.values()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT v.number, i.contact_id, (v.at, v.raw) < (i.first_seen, i.raw_value)
            FROM unnest(%b::uuid[], %b::timestamptz[], %b::text[]) WITH ORDINALITY AS v(id, at, raw, number)
            JOIN identity_identity i ON i.account_id = %s AND i.id = v.id
            """,
            [
                [ground.ids[node] for node in nodes],
                [at for at, _ in firsts],
                [raw for _, raw in firsts],
                ground.account_id,
            ],
        )
        return {nodes[number - 1]: _Identity(*row) for number, *row in cursor.fetchall()}


def _insert_identities(ground: Ground, picture: Picture, born: Mapping[IdentityKey, IdentityKey]) -> None:
    if not born:
        return
    firsts = [picture.seen[node] for node in born]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO identity_identity (id, account_id, kind, scope, value, epoch, raw_value, first_seen, contact_id)
            SELECT v.id, %s, v.kind, v.scope, v.value, v.epoch, v.raw, v.first_seen, v.contact
            FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::timestamptz[],
              %b::uuid[]) AS v(id, kind, scope, value, epoch, raw, first_seen, contact)
            """,
            [
                ground.account_id,
                [ground.ids[node] for node in born],
                [node.kind for node in born],
                [node.scope for node in born],
                [node.value for node in born],
                [node.epoch for node in born],
                [raw for _, raw in firsts],
                [at for at, _ in firsts],
                [ground.ids[contact] for contact in born.values()],
            ],
        )


def _update_first_sights(ground: Ground, picture: Picture, earlier: Collection[IdentityKey]) -> None:
    if not earlier:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE identity_identity i SET first_seen = v.at, raw_value = v.raw
            FROM unnest(%b::uuid[], %b::timestamptz[], %b::text[]) AS v(id, at, raw)
            WHERE i.account_id = %s AND i.id = v.id
            """,
            [
                [ground.ids[node] for node in earlier],
                [picture.seen[node][0] for node in earlier],
                [picture.seen[node][1] for node in earlier],
                ground.account_id,
            ],
        )


def _match_evidence(ground: Ground, picture: Picture, edges: Collection[Edge]) -> dict[Edge, _Evidence]:
    if not edges:
        return {}
    numbered = list(edges)
    spans = [picture.edges[edge] for edge in numbered]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT v.number, v.first < e.first_seen, v.last >= e.last_seen + interval '1 day'
            FROM unnest(%b::text[], %b::uuid[], %b::uuid[], %b::timestamptz[], %b::timestamptz[])
              WITH ORDINALITY AS v(rule, a, b, first, last, number)
            JOIN identity_evidence e ON e.account_id = %s AND (e.rule, e.a_id, e.b_id) = (v.rule, v.a, v.b)
            """,
            [
                *_split(ground, numbered),
                [span.first for span in spans],
                [span.last for span in spans],
                ground.account_id,
            ],
        )
        return {numbered[number - 1]: _Evidence(*row) for number, *row in cursor.fetchall()}


def _write_evidence(
    ground: Ground, picture: Picture, edges: Collection[Edge], verdicts: Mapping[Edge, EdgeVerdict]
) -> None:
    """An edge without a verdict gets it when its ends are regrouped. Its proof is what an explanation can show when the
    event itself is gone: the rule, the key with its middle hidden, the event, the time.
    """
    if not edges:
        return
    spans = [picture.edges[edge] for edge in edges]
    keys = [edge.a if edge.a.kind in KEYS else edge.b for edge in edges]
    found = [verdicts.get(edge) for edge in edges]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO identity_evidence AS e
              (account_id, rule, a_id, b_id, first_seen, last_seen, proof, status, violated)
            SELECT %s, v.rule, v.a, v.b, v.first, v.last,
              jsonb_build_object('rule', v.rule, 'key', v.key, 'value', v.value, 'event', v.source, 'at', v.first),
              v.status, v.violated
            FROM unnest(%b::text[], %b::uuid[], %b::uuid[], %b::timestamptz[], %b::timestamptz[], %b::uuid[],
              %b::text[], %b::text[], %b::text[], %b::text[])
              AS v(rule, a, b, first, last, source, key, value, status, violated)
            ON CONFLICT (account_id, rule, a_id, b_id) DO UPDATE
            SET proof = CASE WHEN EXCLUDED.first_seen < e.first_seen THEN EXCLUDED.proof ELSE e.proof END,
              first_seen = least(e.first_seen, EXCLUDED.first_seen),
              last_seen = greatest(e.last_seen, EXCLUDED.last_seen)
            """,
            [
                ground.account_id,
                *_split(ground, edges),
                [span.first for span in spans],
                [span.last for span in spans],
                [span.source for span in spans],
                [key.kind for key in keys],
                [mask(key.value) for key in keys],
                [verdict.status if verdict else "" for verdict in found],
                [verdict.violated or "" if verdict else "" for verdict in found],
            ],
        )


def _split(ground: Ground, edges: Iterable[Edge]) -> tuple[list[str], list[UUID], list[UUID]]:
    rows = list(edges)
    return [edge.rule for edge in rows], [ground.ids[edge.a] for edge in rows], [ground.ids[edge.b] for edge in rows]


def mask(value: str) -> str:
    """A value with all but its ends hidden: `+34…222`."""
    shown = max(1, min(4, len(value) // 4))
    return f"{value[:shown]}…{value[-shown:]}"
