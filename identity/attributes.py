"""What is said of a user, kept on the identity it was said of, and folded into the contact.

A contact shows, for each name, the value of the least rank, and of equal rank the newest: a function of the facts, so a
split gives every part its own values back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import phonenumbers
from django.db import connection
from psycopg.types.json import Jsonb

from oneview.common.ids import new_id

NAMED_BY_KEY = ("phone", "email")
MAX_NAME, MAX_VALUE = 60, 1000


class Rank(IntEnum):
    """Who says so. What an agent writes stands before what a platform tells."""

    AGENT = 0
    SIGNED = 1
    PLATFORM = 2
    TYPED = 4


class AttributeFact(NamedTuple):
    """An empty `value` takes the word of that rank back."""

    identity: UUID
    name: str
    value: str
    rank: int
    observed_at: datetime


class _Stored(NamedTuple):
    """`shown`: what the contact shows under that name, whoever said it."""

    observed_at: datetime
    value: str
    shown: str | None


def store_attributes(account_id: int, facts: Iterable[AttributeFact]) -> set[UUID]:
    """Keeps of each (identity, name, rank) the newest value; of one instant the greater. Returns the identities whose
    contacts may show something else now.
    """
    newest: dict[tuple[UUID, str, int], tuple[datetime, str]] = {}
    for identity, name, value, rank, observed_at in facts:
        key, candidate = (identity, name[:MAX_NAME], rank), (observed_at, value[:MAX_VALUE])
        newest[key] = max(candidate, newest.get(key, candidate))
    if not newest:
        return set()
    stored = _read_stored(account_id, {identity for identity, _, _ in newest})
    changed = {key: found for key, found in newest.items() if key not in stored or found > stored[key][:2]}
    _write(account_id, changed)
    return {
        key[0]
        for key, (_, value) in changed.items()
        if key not in stored or not value == stored[key].value == stored[key].shown
    }


def _read_stored(account_id: int, identities: Iterable[UUID]) -> dict[tuple[UUID, str, int], _Stored]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT t.identity_id, t.name, t.rank, t.observed_at, t.value, c.attributes ->> t.name "
            "FROM identity_attribute t "
            "JOIN identity_identity i ON (i.account_id, i.id) = (t.account_id, t.identity_id) "
            "LEFT JOIN identity_contact c ON (c.account_id, c.id) = (i.account_id, i.contact_id) "
            "WHERE t.account_id = %s AND t.identity_id = ANY(%b::uuid[])",
            [account_id, list(identities)],
        )
        return {row[:3]: _Stored(*row[3:]) for row in cursor.fetchall()}


def _write(account_id: int, facts: Mapping[tuple[UUID, str, int], tuple[datetime, str]]) -> None:
    if not facts:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO identity_attribute (id, account_id, identity_id, name, rank, observed_at, value) "
            "SELECT v.id, %s, v.identity, v.name, v.rank, v.observed_at, v.value "
            "FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::smallint[], %b::timestamptz[], %b::text[]) "
            "AS v(id, identity, name, rank, observed_at, value) "
            "ON CONFLICT (account_id, identity_id, name, rank) DO UPDATE SET observed_at = EXCLUDED.observed_at, "
            "value = EXCLUDED.value",
            [
                account_id,
                [new_id() for _ in facts],
                [identity for identity, _, _ in facts],
                [name for _, name, _ in facts],
                [rank for _, _, rank in facts],
                [observed_at for observed_at, _ in facts.values()],
                [value for _, value in facts.values()],
            ],
        )


@dataclass(slots=True)
class _Contact:
    """`raw`: the canonical identity's value as written; `keys`: number and address, the ones learnt last; `said`: attributes."""

    raw: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)

    @property
    def attributes(self) -> dict[str, str]:
        """Phone and e-mail are the contact's keys, unless somebody with a say wrote another."""
        return self.keys | self.said

    @property
    def name(self) -> str:
        """Its name, else its number or address, else the value of the identity it is named after."""
        known = self.attributes
        if name := known.get("name"):
            return name
        if phone := known.get("phone"):
            return format_phone(phone)
        return known.get("email") or known.get("username") or self.raw


def fold_contacts(account_id: int, contact_ids: Iterable[UUID]) -> set[UUID]:
    """Makes the rows of these contacts anew from the attributes of their identities, and removes those that are no
    contact any more.

    Returns the contacts whose rows changed.
    """
    wanted = set(contact_ids)
    if not wanted:
        return set()
    contacts = _read_contacts(account_id, wanted)
    if gone := wanted - contacts.keys():
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM identity_contact WHERE account_id = %s AND id = ANY(%b::uuid[])", [account_id, list(gone)]
            )
    return _store_contacts(account_id, contacts)


def _read_contacts(account_id: int, ids: Iterable[UUID]) -> dict[UUID, _Contact]:
    contacts: dict[UUID, _Contact] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT contact_id, id = contact_id, kind, value, raw_value FROM identity_identity "
            "WHERE account_id = %s AND contact_id = ANY(%b::uuid[]) ORDER BY contact_id, first_seen, id",
            [account_id, list(ids)],
        )
        for id, is_canonical, kind, value, raw in cursor.fetchall():
            contact = contacts.setdefault(id, _Contact())
            if is_canonical:
                contact.raw = raw
            if kind in NAMED_BY_KEY:
                contact.keys[kind] = value
        cursor.execute(
            "SELECT DISTINCT ON (i.contact_id, t.name, t.rank) i.contact_id, t.name, t.value FROM identity_identity i "
            "JOIN identity_attribute t ON (t.account_id, t.identity_id) = (i.account_id, i.id) "
            "WHERE i.account_id = %s AND i.contact_id = ANY(%b::uuid[]) "
            "ORDER BY i.contact_id, t.name, t.rank, t.observed_at DESC, t.value DESC",
            [account_id, list(ids)],
        )
        for id, name, value in cursor.fetchall():
            if value:
                contacts[id].said.setdefault(name, value)
    return contacts


def _store_contacts(account_id: int, contacts: Mapping[UUID, _Contact]) -> set[UUID]:
    if not contacts:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO identity_contact AS c (id, account_id, name, attributes, blocked, version) "
            "SELECT v.id, %s, v.name, v.attributes, false, 1 FROM unnest(%b::uuid[], %b::text[], %b::jsonb[]) AS "
            "v(id, name, attributes) "
            "ON CONFLICT (account_id, id) DO UPDATE SET name = EXCLUDED.name, attributes = EXCLUDED.attributes, "
            "version = c.version + 1 "
            "WHERE (c.name, c.attributes) IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.attributes) RETURNING c.id",
            [
                account_id,
                list(contacts),
                [contact.name for contact in contacts.values()],
                [Jsonb(contact.attributes) for contact in contacts.values()],
            ],
        )
        return {row[0] for row in cursor.fetchall()}


@lru_cache(maxsize=4096)
def format_phone(value: str) -> str:
    """A number as people write it, in international form; anything else as it is."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(value), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return value
