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
OPAQUE_KINDS = frozenset({"visitor", "messenger", "instagram"})
MAX_NAME, MAX_VALUE = 60, 1000
# Attributes that are no details. Blocked is an agent's word alone, a tag also a bot's.
BLOCKED, TAG = "blocked", "tag:"
YES, NO = "yes", "no"


class Rank(IntEnum):
    """Who says so. What an agent writes stands before what a platform tells."""

    AGENT = 0
    SIGNED = 1
    PLATFORM = 2
    TYPED = 4


# A value that is said again, and that the contact shows already, changes nothing but its time.
_STORE = """
WITH fact AS (
  SELECT * FROM unnest(%b::uuid[], %b::text[], %b::smallint[], %b::timestamptz[], %b::text[], %b::uuid[])
  AS v (identity_id, name, rank, observed_at, value, id)
), known AS (
  SELECT t.identity_id, t.name, t.rank, t.value, c.attributes ->> t.name AS shown FROM fact f
  JOIN identity_attribute t ON t.account_id = %s AND (t.identity_id, t.name, t.rank) = (f.identity_id, f.name, f.rank)
  JOIN identity_identity i ON (i.account_id, i.id) = (t.account_id, t.identity_id)
  LEFT JOIN identity_contact c ON (c.account_id, c.id) = (i.account_id, i.contact_id)
), written AS (
  INSERT INTO identity_attribute AS t (id, account_id, identity_id, name, rank, observed_at, value)
  SELECT id, %s, identity_id, name, rank, observed_at, value FROM fact
  ON CONFLICT (account_id, identity_id, name, rank) DO UPDATE
  SET observed_at = EXCLUDED.observed_at, value = EXCLUDED.value
  WHERE (EXCLUDED.observed_at, EXCLUDED.value) > (t.observed_at, t.value)
  RETURNING t.identity_id, t.name, t.rank, t.value
)
SELECT DISTINCT w.identity_id FROM written w
LEFT JOIN known k ON (k.identity_id, k.name, k.rank) = (w.identity_id, w.name, w.rank)
WHERE k.value IS DISTINCT FROM w.value OR k.shown IS DISTINCT FROM w.value
"""


class AttributeFact(NamedTuple):
    """An empty `value` takes the word of that rank back."""

    identity: UUID
    name: str
    value: str
    rank: int
    observed_at: datetime


def store_attributes(account_id: int, facts: Iterable[AttributeFact]) -> set[UUID]:
    """Keeps of each (identity, name, rank) the newest value; of one instant the greater. Returns the identities whose
    contacts may show something else now.
    """
    newest: dict[tuple[UUID, str, int], tuple[datetime, str]] = {}
    for identity, name, value, rank, observed_at in facts:
        key, candidate = (identity, name[:MAX_NAME], rank), (observed_at, value[:MAX_VALUE])
        if key not in newest or candidate > newest[key]:
            newest[key] = candidate
    if not newest:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            _STORE,
            [
                [identity for identity, _, _ in newest],
                [name for _, name, _ in newest],
                [rank for _, _, rank in newest],
                [observed_at for observed_at, _ in newest.values()],
                [value for _, value in newest.values()],
                [new_id() for _ in newest],
                account_id,
                account_id,
            ],
        )
        return {row[0] for row in cursor.fetchall()}


def read_last_word(account_id: int, contact_id: UUID, names: Iterable[str], *, rank: Rank) -> datetime | None:
    """When somebody of that rank last said something of these names of the contact."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT max(t.observed_at) FROM identity_identity i
            JOIN identity_attribute t ON (t.account_id, t.identity_id) = (i.account_id, i.id)
            WHERE i.account_id = %s AND i.contact_id = %s AND t.rank = %s AND t.name = ANY(%b::text[])
            """,
            [account_id, contact_id, rank, list(names)],
        )
        last: datetime | None = cursor.fetchone()[0]
        return last


@dataclass(slots=True)
class _Contact:
    """`raw`: the canonical identity's value, for people; `keys`: number and address, the ones learnt last; `said`:
    attributes; `typed`: what users or bots say of phone and e-mail; `decided`: what is said that is no detail.
    """

    raw: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    typed: dict[str, str] = field(default_factory=dict)
    decided: dict[str, str] = field(default_factory=dict)

    @property
    def tags(self) -> list[str]:
        return sorted(
            name.removeprefix(TAG) for name, value in self.decided.items() if name.startswith(TAG) and value != NO
        )

    @property
    def attributes(self) -> dict[str, str]:
        """Phone and e-mail are the contact's keys, unless somebody with a say wrote another."""
        return self.typed | self.keys | self.said

    @property
    def name(self) -> str:
        """Its name, else its number or address, else the identity it is named after."""
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
            """
            SELECT contact_id, id = contact_id, kind, value, raw_value FROM identity_identity
            WHERE account_id = %s AND contact_id = ANY(%b::uuid[])
            ORDER BY contact_id, first_seen, id
            """,
            [account_id, list(ids)],
        )
        for id, is_canonical, kind, value, raw in cursor.fetchall():
            contact = contacts.setdefault(id, _Contact())
            if is_canonical:
                contact.raw = _shorten(kind, raw)
            if kind in NAMED_BY_KEY:
                contact.keys[kind] = value
        cursor.execute(
            """
            SELECT DISTINCT ON (i.contact_id, t.name, t.rank) i.contact_id, t.name, t.rank, t.value
            FROM identity_identity i
            JOIN identity_attribute t ON (t.account_id, t.identity_id) = (i.account_id, i.id)
            WHERE i.account_id = %s AND i.contact_id = ANY(%b::uuid[])
            ORDER BY i.contact_id, t.name, t.rank, t.observed_at DESC, t.value DESC
            """,
            [account_id, list(ids)],
        )
        for id, name, rank, value in cursor.fetchall():
            contact = contacts[id]
            if not value:
                continue
            if name == BLOCKED or name.startswith(TAG):
                if rank == Rank.AGENT or (rank == Rank.TYPED and name != BLOCKED):
                    contact.decided.setdefault(name, value)
            elif name in NAMED_BY_KEY and rank == Rank.TYPED:
                contact.typed[name] = value
            else:
                contact.said.setdefault(name, value)
    return contacts


def _store_contacts(account_id: int, contacts: Mapping[UUID, _Contact]) -> set[UUID]:
    if not contacts:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO identity_contact AS c (id, account_id, name, attributes, tags, blocked, version)
            SELECT v.id, %s, v.name, v.attributes, v.tags, v.blocked, 1
            FROM unnest(%b::uuid[], %b::text[], %b::jsonb[], %b::jsonb[], %b::bool[])
              AS v(id, name, attributes, tags, blocked)
            ON CONFLICT (account_id, id) DO UPDATE
            SET name = EXCLUDED.name, attributes = EXCLUDED.attributes, tags = EXCLUDED.tags,
              blocked = EXCLUDED.blocked, version = c.version + 1
            WHERE (c.name, c.attributes, c.tags, c.blocked)
              IS DISTINCT FROM (EXCLUDED.name, EXCLUDED.attributes, EXCLUDED.tags, EXCLUDED.blocked)
            RETURNING c.id
            """,
            [
                account_id,
                list(contacts),
                [contact.name for contact in contacts.values()],
                [Jsonb(contact.attributes) for contact in contacts.values()],
                [Jsonb(contact.tags) for contact in contacts.values()],
                [BLOCKED in contact.decided for contact in contacts.values()],
            ],
        )
        return {row[0] for row in cursor.fetchall()}


def _shorten(kind: str, raw: str) -> str:
    """A generated identifier is no name: its end tells one from the other."""
    return f"{kind.capitalize()} …{raw[-4:]}" if kind in OPAQUE_KINDS else raw


@lru_cache(maxsize=4096)
def format_phone(value: str) -> str:
    """A number as people write it, in international form; anything else as it is."""
    try:
        return phonenumbers.format_number(phonenumbers.parse(value), phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return value
