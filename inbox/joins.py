"""What agents are told when conversations become one: a line in the timeline, with what their users share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from identity.grouping import Move
from inbox.lines import Line, tell_lines
from inbox.realtime import Change
from oneview.accounts.models import Account

# The threads of each conversation, and the links inside of its contact, with both ends.
READ_THREADS = """
SELECT t.conversation_id, t.identity_id, c.kind FROM inbox_thread t
JOIN channels_ingest_channel c ON (c.account_id, c.id) = (t.account_id, t.channel_id)
WHERE t.account_id = %s AND t.conversation_id = ANY(%b::uuid[]) AND t.last_message_id IS NOT NULL
ORDER BY t.conversation_id, c.kind
"""
READ_LINKS = """
SELECT a.contact_id, e.rule, a.id, a.kind, a.raw_value, b.id, b.kind, b.raw_value FROM identity_evidence e
JOIN identity_identity a ON (a.account_id, a.id) = (e.account_id, e.a_id)
JOIN identity_identity b ON (b.account_id, b.id) = (e.account_id, e.b_id)
WHERE e.account_id = %s AND e.status = 'linked' AND a.contact_id = ANY(%b::uuid[]) AND b.contact_id = a.contact_id
ORDER BY a.contact_id, e.first_seen, e.id
"""
SHARED = ("customer", "phone", "email")


@dataclass(frozen=True, slots=True)
class _Link:
    rule: str
    ends: tuple[tuple[UUID, str, str], tuple[UUID, str, str]]  # id, kind and value of each


def tell_joins(account: Account, moves: Sequence[Move], *, now: datetime) -> list[Change]:
    """A line in every conversation whose threads came from several contacts; what to log. After `move_threads`."""
    targets = {move.target for move in moves if move.origin != move.target}
    if not targets:
        return []
    origin_of = {move.identity: move.origin for move in moves}
    joined = {
        conversation: kinds
        for conversation, (origins, kinds) in _read_threads(account.id, targets, origin_of=origin_of).items()
        if len(origins) > 1
    }
    if not joined:
        return []
    links = _read_links(account.id, joined)
    lines = {
        conversation: Line(
            "joined", {"channels": ",".join(kinds), **_explain(links[conversation], conversation, origin_of)}
        )
        for conversation, kinds in joined.items()
    }
    return tell_lines(account, lines, now=now)


def _read_threads(
    account_id: int, conversations: set[UUID], *, origin_of: Mapping[UUID, UUID]
) -> dict[UUID, tuple[set[UUID], list[str]]]:
    """The contacts that the threads of each conversation came from, and the kinds of their channels."""
    found: defaultdict[UUID, tuple[set[UUID], list[str]]] = defaultdict(lambda: (set(), []))
    with connection.cursor() as cursor:
        cursor.execute(READ_THREADS, [account_id, list(conversations)])
        for conversation, identity, kind in cursor.fetchall():
            origins, kinds = found[conversation]
            origins.add(origin_of.get(identity, conversation))
            if kind not in kinds:
                kinds.append(kind)
    return found


def _read_links(account_id: int, conversations: Mapping[UUID, object]) -> defaultdict[UUID, list[_Link]]:
    found: defaultdict[UUID, list[_Link]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(READ_LINKS, [account_id, list(conversations)])
        for contact, rule, *ends in cursor.fetchall():
            found[contact].append(_Link(rule, (tuple(ends[:3]), tuple(ends[3:]))))
    return found


def _explain(links: Sequence[_Link], contact: UUID, origin_of: Mapping[UUID, UUID]) -> dict[str, str]:
    """The first link between identities that came from different contacts: what both sides have, else its rule."""
    for link in links:
        (a, a_kind, a_value), (b, b_kind, b_value) = link.ends
        if origin_of.get(a, contact) != origin_of.get(b, contact):
            known = {a_kind: a_value, b_kind: b_value}
            shared = next((kind for kind in SHARED if kind in known and link.rule != "possession"), "")
            return {"rule": link.rule, "shared": shared, "value": known.get(shared, "")}
    return {}
