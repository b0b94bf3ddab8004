"""Threads follow their identity when it goes from one contact to another. Messages stay where they were written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from identity.grouping import Move, group_by_target
from inbox.realtime import Change


@dataclass(frozen=True, slots=True)
class Moved:
    """Conversations to fold again, and what to tell."""

    conversations: frozenset[UUID]
    changes: tuple[Change, ...]


def move_threads(account_id: int, moves: Sequence[Move]) -> Moved:
    if not moves:
        return Moved(frozenset(), ())
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE inbox_thread t SET conversation_id = v.target FROM unnest(%b::uuid[], %b::uuid[]) AS v(identity, "
            "target) "
            "WHERE t.account_id = %s AND t.identity_id = v.identity AND t.conversation_id <> v.target "
            "RETURNING v.identity",
            [[move.identity for move in moves], [move.target for move in moves], account_id],
        )
        with_threads = {row[0] for row in cursor.fetchall()}
    carried = [move for move in moves if move.identity in with_threads]
    changes = tuple(
        Change(
            "conversation.moved",
            target,
            detail={"from": [str(origin) for origin in sorted(origins)], "to": str(target)},
        )
        for target, origins in sorted(group_by_target(carried).items())
    )
    return Moved(frozenset(contact for move in carried for contact in (move.origin, move.target)), changes)
