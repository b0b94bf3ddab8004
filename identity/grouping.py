"""Keeps the stored grouping equal to `resolve()`: reads what surrounds a change, resolves it, writes what differs.

Everything here runs inside a scope that holds the account lock.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import connection

from identity.interchange import settings_from_json
from identity.keys import IdentityIds
from identity.neighbourhood import resolve_around
from identity.resolver import DecisionFact, EdgeVerdict, EvidenceFact, Facts, IdentityKey, Resolution
from identity.rules import Rule, Settings, default_settings
from oneview.common.ids import new_id


@dataclass(frozen=True, slots=True)
class Move:
    """An identity went from one contact to another."""

    identity: UUID
    origin: UUID
    target: UUID


@dataclass(frozen=True, slots=True)
class Ground:
    """What the grouping of an account rests on: its ids, its region for numbers written without one, and its rules."""

    account_id: int
    ids: IdentityIds
    region: str | None
    settings: Settings
    settings_version: int


class _Rules(dict[str, Rule]):
    """Evidence of a rule that the settings do not name is kept and links nobody."""

    def __missing__(self, name: str) -> Rule:
        return Rule(name, rule_class=5, policy="off")


def read_ground(account_id: int) -> Ground:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT a.identity_key, a.region, s.version, s.document FROM accounts_account a
            LEFT JOIN identity_settings s ON s.account_id = a.id
            WHERE a.id = %s ORDER BY s.version DESC LIMIT 1
            """,
            [account_id],
        )
        key, region, version, document = cursor.fetchone()
    settings = settings_from_json(json.loads(document)) if document else default_settings()
    settings = replace(settings, rules=_Rules(settings.rules))
    return Ground(account_id, IdentityIds(bytes(key)), region or None, settings, version or 0)


def regroup(ground: Ground, touched: Set[UUID]) -> tuple[Move, ...]:
    """Resolves again around the identities `touched`, stores contacts and verdicts that changed, returns the moves."""
    if not touched:
        return ()
    seeds = _read_members(ground, touched)
    resolution = resolve_around(seeds, load=lambda keys: _load_facts(ground, keys), settings=ground.settings)
    _store_verdicts(ground, resolution.edges)
    return _store_contacts(ground, resolution)


def record_moves(ground: Ground, moves: Sequence[Move], *, cause: str, now: datetime) -> None:
    """Writes moves that belong together into the history."""
    if not moves:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO identity_change
              (id, account_id, batch, cause, identity_id, from_contact, to_contact, settings_version, at)
            SELECT v.id, %s, %s, %s, v.identity, v.origin, v.target, %s, %s
            FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[]) AS v(id, identity, origin, target)
            """,
            [
                ground.account_id,
                new_id(),
                cause,
                ground.settings_version,
                now,
                [new_id() for _ in moves],
                [move.identity for move in moves],
                [move.origin for move in moves],
                [move.target for move in moves],
            ],
        )


def group_by_target(moves: Iterable[Move]) -> dict[UUID, set[UUID]]:
    """For each contact that gained identities, the contacts they came from."""
    sources: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for move in moves:
        sources[move.target].add(move.origin)
    return dict(sources)


def _read_members(ground: Ground, touched: Set[UUID]) -> set[IdentityKey]:
    """The keys of every identity that shares a contact with one of `touched`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT kind, scope, value, epoch FROM identity_identity WHERE account_id = %s AND contact_id IN
              (SELECT contact_id FROM identity_identity WHERE account_id = %s AND id = ANY(%b::uuid[]))
            """,
            [ground.account_id, ground.account_id, list(touched)],
        )
        return {IdentityKey(*row) for row in cursor.fetchall()}


def _load_facts(ground: Ground, keys: Set[IdentityKey]) -> Facts:
    ids = [ground.ids[key] for key in keys]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT kind, scope, value, epoch, first_seen FROM identity_identity
            WHERE account_id = %s AND id = ANY(%b::uuid[])
            """,
            [ground.account_id, ids],
        )
        identities = {IdentityKey(*row[:4]): row[4] for row in cursor.fetchall()}
        cursor.execute(
            """
            SELECT e.rule, e.first_seen, a.kind, a.scope, a.value, a.epoch, b.kind, b.scope, b.value, b.epoch
            FROM identity_evidence e
            JOIN identity_identity a ON (a.account_id, a.id) = (e.account_id, e.a_id)
            JOIN identity_identity b ON (b.account_id, b.id) = (e.account_id, e.b_id)
            WHERE e.account_id = %s AND (e.a_id = ANY(%b::uuid[]) OR e.b_id = ANY(%b::uuid[]))
            """,
            [ground.account_id, ids, ids],
        )
        evidence = [
            EvidenceFact(rule, IdentityKey(*ends[:4]), IdentityKey(*ends[4:]), seen)
            for rule, seen, *ends in cursor.fetchall()
        ]
        around = list({*ids, *(ground.ids[end] for fact in evidence for end in (fact.a, fact.b))})
        cursor.execute(
            """
            SELECT d.op, d.rule, d.at, a.kind, a.scope, a.value, a.epoch, b.kind, b.scope, b.value, b.epoch
            FROM identity_decision d
            JOIN identity_identity a ON (a.account_id, a.id) = (d.account_id, d.a_id)
            LEFT JOIN identity_identity b ON (b.account_id, b.id) = (d.account_id, d.b_id)
            WHERE d.account_id = %s AND (d.a_id = ANY(%b::uuid[]) OR d.b_id = ANY(%b::uuid[]))
            """,
            [ground.account_id, around, around],
        )
        decisions = [_read_decision(*row) for row in cursor.fetchall()]
    return Facts(identities=identities, evidence=evidence, decisions=decisions)


def _read_decision(op: str, rule: str, at: datetime, *ends: str | int | None) -> DecisionFact:
    a = IdentityKey(*ends[:4])  # type: ignore[arg-type]
    if ends[4] is None:
        return DecisionFact(op=op, at=at, identity=a)  # type: ignore[arg-type]
    return DecisionFact(op=op, at=at, rule=rule or None, a=a, b=IdentityKey(*ends[4:]))  # type: ignore[arg-type]


def _store_verdicts(ground: Ground, edges: Sequence[EdgeVerdict]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE identity_evidence e SET status = v.status, violated = v.violated
            FROM unnest(%b::text[], %b::uuid[], %b::uuid[], %b::text[], %b::text[]) AS v(rule, a, b, status, violated)
            WHERE e.account_id = %s AND (e.rule, e.a_id, e.b_id) = (v.rule, v.a, v.b)
              AND (e.status, e.violated) IS DISTINCT FROM (v.status, v.violated)
            """,
            [
                [edge.rule for edge in edges],
                [ground.ids[edge.a] for edge in edges],
                [ground.ids[edge.b] for edge in edges],
                [edge.status for edge in edges],
                [edge.violated or "" for edge in edges],
                ground.account_id,
            ],
        )


def _store_contacts(ground: Ground, resolution: Resolution) -> tuple[Move, ...]:
    target = {
        ground.ids[member]: ground.ids[contact.id] for contact in resolution.contacts for member in contact.identities
    }
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE identity_identity i SET contact_id = v.target
            FROM unnest(%b::uuid[], %b::uuid[]) AS v(id, target)
            JOIN identity_identity before ON before.account_id = %s AND before.id = v.id
            WHERE i.account_id = %s AND i.id = v.id AND i.contact_id <> v.target
            RETURNING i.id, before.contact_id, v.target
            """,
            [list(target), list(target.values()), ground.account_id, ground.account_id],
        )
        return tuple(Move(*row) for row in sorted(cursor.fetchall()))
