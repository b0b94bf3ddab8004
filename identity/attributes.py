"""What is said of a user, kept on the identity it was said of, and folded into the contact.

A contact shows, for each name, the value of the least rank, and of equal rank the newest: a function of the facts, so a
split gives every part its own values back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from uuid import UUID

import phonenumbers
from django.db import connection
from psycopg.types.json import Jsonb

from identity.rules import IdentityKey
from oneview.common.ids import new_id

NAMED_BY_KEY = ("phone", "email")


class Rank(IntEnum):
    """Who says so. What an agent writes stands before what a platform tells."""

    AGENT = 0
    SIGNED = 1
    PLATFORM = 2
    TYPED = 4


@dataclass(frozen=True, slots=True)
class AttributeFact:
    identity: UUID
    name: str
    value: str
    rank: Rank
    observed_at: datetime


def store_attributes(account_id: int, facts: Iterable[AttributeFact]) -> set[UUID]:
    """Keeps of each (identity, name, rank) the newest value; of one instant the greater. Returns the identities of
    those it wrote.
    """
    newest: dict[tuple[UUID, str, int], tuple[datetime, str]] = {}
    for fact in facts:
        key, candidate = (fact.identity, fact.name, int(fact.rank)), (fact.observed_at, fact.value)
        newest[key] = max(candidate, newest.get(key, candidate))
    if not newest:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT identity_id, name, rank, observed_at, value FROM identity_attribute WHERE account_id = %s AND "
            "identity_id = ANY(%s)",
            [account_id, list({identity for identity, _, _ in newest})],
        )
        stored = {(row[0], row[1], row[2]): (row[3], row[4]) for row in cursor.fetchall()}
        changed = {key: found for key, found in newest.items() if key not in stored or found > stored[key]}
        cursor.execute(
            "INSERT INTO identity_attribute (id, account_id, identity_id, name, rank, observed_at, value) "
            "SELECT v.id, %s, v.identity, v.name, v.rank, v.observed_at, v.value "
            "FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::smallint[], %s::timestamptz[], %s::text[]) "
            "AS v(id, identity, name, rank, observed_at, value) "
            "ON CONFLICT (account_id, identity_id, name, rank) DO UPDATE SET observed_at = EXCLUDED.observed_at, "
            "value = EXCLUDED.value",
            [
                account_id,
                [new_id() for _ in changed],
                [identity for identity, _, _ in changed],
                [name for _, name, _ in changed],
                [rank for _, _, rank in changed],
                [observed_at for observed_at, _ in changed.values()],
                [value for _, value in changed.values()],
            ],
        )
    return {identity for identity, _, _ in changed}


def fold_contacts(account_id: int, contact_ids: Iterable[UUID]) -> set[UUID]:
    """Makes the rows of these contacts anew from the attributes of their identities, and removes those that are no
    contact any more.

    Returns the contacts whose rows changed.
    """
    wanted = list(set(contact_ids))
    if not wanted:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT contact_id, kind, scope, value, epoch, raw_value FROM identity_identity "
            "WHERE account_id = %s AND contact_id = ANY(%s) ORDER BY contact_id, first_seen, id",
            [account_id, wanted],
        )
        members: dict[UUID, list[tuple[IdentityKey, str]]] = {}
        for contact, kind, scope, value, epoch, raw in cursor.fetchall():
            members.setdefault(contact, []).append((IdentityKey(kind, scope, value, epoch), raw))
        cursor.execute(
            "SELECT DISTINCT ON (i.contact_id, t.name) i.contact_id, t.name, t.value FROM identity_identity i "
            "JOIN identity_attribute t ON (t.account_id, t.identity_id) = (i.account_id, i.id) "
            "WHERE i.account_id = %s AND i.contact_id = ANY(%s) "
            "ORDER BY i.contact_id, t.name, t.rank, t.observed_at DESC, t.value DESC",
            [account_id, wanted],
        )
        said: dict[UUID, dict[str, str]] = {}
        for contact, name, value in cursor.fetchall():
            said.setdefault(contact, {})[name] = value
        attributes = {contact: _with_keys(said.get(contact, {}), found) for contact, found in members.items()}
        names = {contact: _name(attributes[contact], members[contact]) for contact in members}
        cursor.execute(
            "DELETE FROM identity_contact WHERE account_id = %s AND id = ANY(%s)",
            [account_id, [contact for contact in wanted if contact not in members]],
        )
    return _store_contacts(account_id, attributes, names=names)


def _with_keys(said: Mapping[str, str], members: Sequence[tuple[IdentityKey, str]]) -> dict[str, str]:
    """Phone and e-mail of a contact are its proven keys, unless somebody with a say wrote another."""
    known: dict[str, str] = {}
    for key, _ in members:
        if key.kind in NAMED_BY_KEY:
            known.setdefault(key.kind, key.value)
    return {**known, **{name: value for name, value in said.items() if value}}


def _name(attributes: Mapping[str, str], members: Sequence[tuple[IdentityKey, str]]) -> str:
    """What a contact is called: its name, else its number or address, else the value of its first identity."""
    if name := attributes.get("name"):
        return name
    if phone := attributes.get("phone"):
        return format_phone(phone)
    return attributes.get("email") or attributes.get("username") or members[0][1]


def format_phone(value: str) -> str:
    """A number as people write it, in international form; anything else as it is."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(value), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return value


def _store_contacts(
    account_id: int, attributes: Mapping[UUID, Mapping[str, str]], *, names: Mapping[UUID, str]
) -> set[UUID]:
    contacts = list(attributes)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO identity_contact AS c (id, account_id, name, attributes, blocked, version) "
            "SELECT v.id, %s, v.name, v.attributes, false, 1 FROM unnest(%s::uuid[], %s::text[], %s::jsonb[]) AS "
            "v(id, name, attributes) "
            "ON CONFLICT (account_id, id) DO UPDATE SET name = EXCLUDED.name, attributes = EXCLUDED.attributes, "
            "version = c.version + 1 "
            "WHERE (c.name, c.attributes) IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.attributes) RETURNING c.id",
            [
                account_id,
                contacts,
                [names[contact] for contact in contacts],
                [Jsonb(dict(attributes[contact])) for contact in contacts],
            ],
        )
        return {row[0] for row in cursor.fetchall()}
