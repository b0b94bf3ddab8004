"""Reads: which contact an identity belongs to now, and why its identities are together."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from identity.keys import IdentityIds
from identity.models import Change, Contact, Decision, Evidence, Identity
from identity.rules import IdentityKey


@dataclass(frozen=True, slots=True)
class Link:
    """The evidence by which an identity belongs to its contact, on the way to the identity that the contact is named
    after.
    """

    id: int
    rule: str
    other: UUID
    first_seen: datetime
    proof: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """One identity of a contact; `link` is None for the one that gives the contact its id."""

    id: UUID
    kind: str
    scope: str
    raw_value: str
    value: str
    first_seen: datetime
    link: Link | None


@dataclass(frozen=True, slots=True)
class Word:
    """What somebody says of a contact: `rank` of `identity.attributes.Rank`, `kind` of the identity it was said of."""

    value: str
    rank: int
    kind: str


def find_contact_id(account_id: int, identity_id: UUID) -> UUID | None:
    """The contact that any identity id ever handed out belongs to now."""
    return find_contact_ids(account_id, [identity_id]).get(identity_id)


def find_contact_ids(account_id: int, identity_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The same for several, by the id asked for."""
    found = Identity.objects.filter(account=account_id, id__in=list(identity_ids))
    return dict(found.values_list("id", "contact_id"))


def name_identities(account_id: int, values: Iterable[IdentityKey]) -> list[UUID]:
    """The ids that these have, or will have once they are seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT identity_key FROM accounts_account WHERE id = %s", [account_id])
        (secret,) = cursor.fetchone()
    ids = IdentityIds(bytes(secret))
    return [ids[value] for value in values]


def get_contacts(account_id: int, contact_ids: Iterable[UUID]) -> dict[UUID, Contact]:
    return {contact.id: contact for contact in Contact.objects.filter(account=account_id, id__in=list(contact_ids))}


def get_names(account_id: int, contact_ids: Iterable[UUID]) -> dict[UUID, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, name FROM identity_contact WHERE account_id = %s AND id = ANY(%b::uuid[])",
            [account_id, list(contact_ids)],
        )
        return dict(cursor.fetchall())


def list_members(account_id: int, contact_id: UUID) -> tuple[Member, ...]:
    """The identities of a contact, its canonical one first, each with the link that leads towards that one."""
    return list_members_of(account_id, [contact_id])[contact_id]


def list_members_of(account_id: int, contact_ids: Iterable[UUID]) -> dict[UUID, tuple[Member, ...]]:
    """The same for several contacts."""
    identities: dict[UUID, list[Identity]] = {id: [] for id in contact_ids}
    for row in Identity.objects.filter(account=account_id, contact_id__in=list(identities)):
        identities[row.contact_id].append(row)
    contact_of = {row.id: row.contact_id for rows in identities.values() for row in rows}
    linked: defaultdict[UUID, list[Evidence]] = defaultdict(list)
    ids = list(contact_of)
    for evidence in Evidence.objects.filter(account=account_id, status="linked", a__in=ids, b__in=ids):
        linked[contact_of[evidence.a_id]].append(evidence)
    return {id: _order_members(id, rows, _find_links(id, linked[id])) for id, rows in identities.items()}


def _order_members(contact_id: UUID, rows: Iterable[Identity], links: Mapping[UUID, Link]) -> tuple[Member, ...]:
    ordered = sorted(rows, key=lambda row: (row.id != contact_id, row.first_seen, row.id))
    return tuple(
        Member(row.id, row.kind, row.scope, row.raw_value, row.value, row.first_seen, links.get(row.id))
        for row in ordered
    )


def list_evidence(account_id: int, contact_id: UUID) -> list[Evidence]:
    """Every row that touches the contact, linked or not, oldest first: why it is one, and what else was seen."""
    members = list(Identity.objects.filter(account=account_id, contact_id=contact_id).values_list("id", flat=True))
    rows = Evidence.objects.filter(account=account_id).filter(a__in=members) | Evidence.objects.filter(
        account=account_id, b__in=members
    )
    return list(rows.distinct().order_by("first_seen", "id"))


def list_changes(account_id: int, contact_id: UUID) -> list[Change]:
    """How the contact's identities came and went, newest first."""
    members = list(Identity.objects.filter(account=account_id, contact_id=contact_id).values_list("id", flat=True))
    return list(Change.objects.filter(account=account_id, identity__in=members).order_by("-at", "-id")[:100])


def list_decisions(account_id: int, identity_ids: Iterable[UUID]) -> list[Decision]:
    ids = list(identity_ids)
    rows = Decision.objects.filter(account=account_id, a__in=ids) | Decision.objects.filter(
        account=account_id, b__in=ids
    )
    return list(rows.distinct().order_by("-at", "-id"))


def list_words(account_id: int, contact_ids: Iterable[UUID]) -> dict[UUID, dict[str, list[Word]]]:
    """What is said of contacts, by name; the word that stands before the others first."""
    words: dict[UUID, dict[str, list[Word]]] = {id: {} for id in contact_ids}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT ON (i.contact_id, t.name, t.rank) i.contact_id, t.name, t.value, t.rank, i.kind
            FROM identity_identity i
            JOIN identity_attribute t ON (t.account_id, t.identity_id) = (i.account_id, i.id)
            WHERE i.account_id = %s AND i.contact_id = ANY(%b::uuid[])
            ORDER BY i.contact_id, t.name, t.rank, t.observed_at DESC, t.value DESC
            """,
            [account_id, list(words)],
        )
        for id, name, value, rank, kind in cursor.fetchall():
            if value:
                words[id].setdefault(name, []).append(Word(value, rank, kind))
    return words


def find_sharers(account_id: int, contact_id: UUID, keys: Collection[tuple[str, str]]) -> dict[UUID, str]:
    """Other contacts that have one of these keys (kind phone or email, value), by identity or by somebody's word, with
    the kind of key. Without those that it was decided are not the same.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH wanted AS (SELECT * FROM unnest(%b::text[], %b::text[]) AS v(kind, value))
            SELECT contact_id, kind FROM (
              SELECT DISTINCT ON (i.kind, i.value) i.contact_id, i.kind FROM wanted w
              JOIN identity_identity i
                ON i.account_id = %s AND (i.kind, i.scope, i.value) = (w.kind, '', w.value)
              ORDER BY i.kind, i.value, i.epoch DESC
            ) holder
            UNION
            SELECT c.id, w.kind FROM wanted w
            JOIN identity_attribute t
              ON t.account_id = %s AND t.name IN ('phone', 'email') AND t.name = w.kind
              AND left(t.value, 200) = left(w.value, 200)
            JOIN identity_identity i ON (i.account_id, i.id) = (t.account_id, t.identity_id)
            JOIN identity_contact c ON (c.account_id, c.id) = (i.account_id, i.contact_id)
            WHERE c.attributes ->> w.kind = w.value
            """,
            [[kind for kind, _ in keys], [value for _, value in keys], account_id, account_id],
        )
        sharing = {id: kind for id, kind in sorted(cursor.fetchall()) if id != contact_id}
    apart = _list_apart(account_id, contact_id) if sharing else set()
    return {id: kind for id, kind in sharing.items() if id not in apart}


def _list_apart(account_id: int, contact_id: UUID) -> set[UUID]:
    """The contacts that the last decision says are somebody else than this one."""
    members = set(Identity.objects.filter(account=account_id, contact_id=contact_id).values_list("id", flat=True))
    last: dict[tuple[UUID, UUID | None], Decision] = {}
    for decision in list_decisions(account_id, members):
        last.setdefault((decision.a_id, decision.b_id), decision)
    apart = (Decision.Op.CANNOT_LINK, Decision.Op.REVOKE)
    ends = {id for pair, decision in last.items() if decision.op in apart for id in pair if id and id not in members}
    return set(find_contact_ids(account_id, ends).values())


def _find_links(root: UUID, evidence: Iterable[Evidence]) -> dict[UUID, Link]:
    """For each identity the first edge of a shortest way to `root`."""
    edges: defaultdict[UUID, list[tuple[UUID, Evidence]]] = defaultdict(list)
    for row in sorted(evidence, key=lambda row: (row.first_seen, row.id)):
        edges[row.a_id].append((row.b_id, row))
        edges[row.b_id].append((row.a_id, row))
    links: dict[UUID, Link] = {}
    queue = deque([root])
    while queue:
        here = queue.popleft()
        for there, row in edges[here]:
            if there != root and there not in links:
                links[there] = Link(row.id, row.rule, here, row.first_seen, row.proof)
                queue.append(there)
    return links
