"""Reads: which contact an identity belongs to now, and why its identities are together."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
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
