"""Identities and the evidence between them: takes in what was seen, writes what is new."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from identity.grouping import Ground, Move
from identity.resolver import EdgeVerdict, EvidenceFact, resolve
from identity.rules import IdentityKey
from identity.sights import Edge, Picture, Span

REFRESH = timedelta(days=1)
KEYS = ("phone", "email", "customer")


class _Known(NamedTuple):
    contact: UUID
    first: tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class Stored:
    """`contact_of`: before regrouping, for every identity of the picture; `new` ones with those they were born into;
    `touched`: where the grouping may have changed.
    """

    contact_of: dict[UUID, UUID]
    new: tuple[Move, ...]
    touched: set[UUID]


def store_picture(ground: Ground, picture: Picture) -> Stored:
    """People who are all new are grouped here, without reading what is stored: nothing of it can be about them."""
    ids = ground.ids
    known = _read_identities(ground, picture.seen)
    earlier = {node: first for node, first in picture.seen.items() if node in known and first < known[node].first}
    new = {node: first for node, first in picture.seen.items() if node not in known}
    fresh = _select_apart(picture.edges, known)
    contacts, verdicts = _group(ground, fresh, picture)
    moves = tuple(Move(ids[node], ids[node], ids[contacts.get(node, node)]) for node in new)
    _insert_identities(ground, new, moves)
    _update_first_sights(ground, earlier)
    changed, touching = _compare(picture.edges, _read_spans(ground, picture.edges.keys() - fresh))
    _write_edges(ground, changed, verdicts)
    return Stored(
        contact_of={ids[node]: each.contact for node, each in known.items()} | {m.identity: m.target for m in moves},
        new=moves,
        touched={ids[end] for edge in touching - fresh for end in (edge.a, edge.b)} | {ids[node] for node in earlier},
    )


def _select_apart(edges: Iterable[Edge], known: Set[IdentityKey] | Mapping[IdentityKey, Any]) -> set[Edge]:
    """The edges from which no way leads to an identity that was known before."""
    edges_at: defaultdict[IdentityKey, list[Edge]] = defaultdict(list)
    for edge in edges:
        edges_at[edge.a].append(edge)
        edges_at[edge.b].append(edge)
    apart = set(edges)
    reached = {node for node in edges_at if node in known}
    queue = deque(reached)
    while queue:
        for edge in edges_at[queue.popleft()]:
            apart.discard(edge)
            ends = {edge.a, edge.b} - reached
            reached |= ends
            queue.extend(ends)
    return apart


def _group(
    ground: Ground, fresh: Set[Edge], picture: Picture
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


def _read_identities(ground: Ground, nodes: Iterable[IdentityKey]) -> dict[IdentityKey, _Known]:
    by_id = {ground.ids[node]: node for node in nodes}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, contact_id, first_seen, raw_value FROM identity_identity "
            "WHERE account_id = %s AND id = ANY(%b::uuid[])",
            [ground.account_id, list(by_id)],
        )
        return {by_id[id]: _Known(contact, (first_seen, raw)) for id, contact, first_seen, raw in cursor.fetchall()}


def _insert_identities(ground: Ground, new: Mapping[IdentityKey, tuple[datetime, str]], born: Iterable[Move]) -> None:
    if not new:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO identity_identity (id, account_id, kind, scope, value, epoch, raw_value, first_seen, "
            "contact_id) "
            "SELECT v.id, %s, v.kind, v.scope, v.value, v.epoch, v.raw, v.first_seen, v.contact "
            "FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::text[], %b::bigint[], %b::text[], %b::timestamptz[], "
            "%b::uuid[]) AS v(id, kind, scope, value, epoch, raw, first_seen, contact)",
            [
                ground.account_id,
                [move.identity for move in born],
                [node.kind for node in new],
                [node.scope for node in new],
                [node.value for node in new],
                [node.epoch for node in new],
                [raw for _, raw in new.values()],
                [at for at, _ in new.values()],
                [move.target for move in born],
            ],
        )


def _update_first_sights(ground: Ground, earlier: Mapping[IdentityKey, tuple[datetime, str]]) -> None:
    if not earlier:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE identity_identity i SET first_seen = v.at, raw_value = v.raw "
            "FROM unnest(%b::uuid[], %b::timestamptz[], %b::text[]) AS v(id, at, raw) "
            "WHERE i.account_id = %s AND i.id = v.id",
            [
                [ground.ids[node] for node in earlier],
                [at for at, _ in earlier.values()],
                [raw for _, raw in earlier.values()],
                ground.account_id,
            ],
        )


def _read_spans(ground: Ground, edges: Iterable[Edge]) -> dict[Edge, tuple[datetime, datetime]]:
    by_ids = {(edge.rule, ground.ids[edge.a], ground.ids[edge.b]): edge for edge in edges}
    if not by_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT e.rule, e.a_id, e.b_id, e.first_seen, e.last_seen FROM identity_evidence e "
            "JOIN unnest(%b::text[], %b::uuid[], %b::uuid[]) AS v(rule, a, b) ON (e.rule, e.a_id, e.b_id) = (v.rule, "
            "v.a, v.b) "
            "WHERE e.account_id = %s",
            [[rule for rule, _, _ in by_ids], [a for _, a, _ in by_ids], [b for _, _, b in by_ids], ground.account_id],
        )
        return {by_ids[rule, a, b]: (first, last) for rule, a, b, first, last in cursor.fetchall()}


def _compare(
    edges: Mapping[Edge, Span], stored: Mapping[Edge, tuple[datetime, datetime]]
) -> tuple[dict[Edge, Span], set[Edge]]:
    """The edges to write: new, seen earlier, or not refreshed for a day; and those that may change the grouping."""
    changed: dict[Edge, Span] = {}
    touching: set[Edge] = set()
    for edge, span in edges.items():
        known = stored.get(edge)
        if known is None or span.first < known[0]:
            touching.add(edge)
        elif span.last <= known[1] + REFRESH:
            continue
        changed[edge] = span
    return changed, touching


def _write_edges(ground: Ground, edges: Mapping[Edge, Span], verdicts: Mapping[Edge, EdgeVerdict]) -> None:
    """An edge without a verdict gets it when its ends are regrouped."""
    if not edges:
        return
    found = [verdicts.get(edge) for edge in edges]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO identity_evidence AS e (account_id, rule, a_id, b_id, first_seen, last_seen, proof, status, "
            "violated) "
            "SELECT %s, v.rule, v.a, v.b, v.first_seen, v.last_seen, v.proof, v.status, v.violated "
            "FROM unnest(%b::text[], %b::uuid[], %b::uuid[], %b::timestamptz[], %b::timestamptz[], %b::jsonb[], "
            "%b::text[], %b::text[]) AS v(rule, a, b, first_seen, last_seen, proof, status, violated) "
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
                [Jsonb(_proof(edge, span)) for edge, span in edges.items()],
                [verdict.status if verdict else "" for verdict in found],
                [verdict.violated or "" if verdict else "" for verdict in found],
            ],
        )


def _proof(edge: Edge, span: Span) -> dict[str, Any]:
    """What an explanation can show when the event itself is gone: the rule, the key with its middle hidden, the event,
    the time.
    """
    key = edge.a if edge.a.kind in KEYS else edge.b
    return {
        "rule": edge.rule,
        "key": key.kind,
        "value": mask(key.value),
        "event": str(span.source),
        "at": span.first.isoformat(),
    }


def mask(value: str) -> str:
    """A value with all but its ends hidden: `+346…222`."""
    shown = max(1, min(4, len(value) // 4))
    return f"{value[:shown]}…{value[-shown:]}"
