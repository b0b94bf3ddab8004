"""Conversations folded from their threads. `fold_threads` is the rule; `fold_conversations` keeps the table equal to
it.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _
from psycopg.types.json import Jsonb

from inbox.models import Conversation
from inbox.models.thread import Status, Turn
from oneview.common.errors import NotFound

LOCK = "SELECT 1 FROM inbox_conversation WHERE account_id = %s AND id = ANY(%b::uuid[]) ORDER BY id FOR NO KEY UPDATE"

READ_THREADS = """
SELECT
  conversation_id, channel_id, status, snoozed_until, assignee_id, team_id, turn, labels, unread, last_message_id,
  coalesce(address ->> 'platform', '') IN ('ios', 'android')
FROM inbox_thread
WHERE account_id = %s AND conversation_id = ANY(%b::uuid[]) AND last_message_id IS NOT NULL
"""

STORE = """
INSERT INTO inbox_conversation (
  account_id, id, status, snoozed_until, assignee_id, assignees, team_id, turn, labels, channels,
  app_channels, unread, last_message_id)
SELECT
  %s, id, status, snoozed_until, assignee_id, assignees::bigint[], team_id, turn, labels, channels::uuid[],
  app_channels::uuid[], unread, last_message_id
FROM unnest(
  %b::uuid[], %b::text[], %b::timestamptz[], %b::bigint[], %b::text[], %b::uuid[], %b::text[], %b::jsonb[], %b::text[],
  %b::text[], %b::int[], %b::uuid[]
) AS folded(
  id, status, snoozed_until, assignee_id, assignees, team_id, turn, labels, channels, app_channels, unread,
  last_message_id)
ON CONFLICT (account_id, id) DO UPDATE SET
  status = EXCLUDED.status, snoozed_until = EXCLUDED.snoozed_until, assignee_id = EXCLUDED.assignee_id,
  assignees = EXCLUDED.assignees, team_id = EXCLUDED.team_id, turn = EXCLUDED.turn, labels = EXCLUDED.labels,
  channels = EXCLUDED.channels, app_channels = EXCLUDED.app_channels, unread = EXCLUDED.unread,
  last_message_id = EXCLUDED.last_message_id
"""


_MOST_OPEN = (Status.OPEN, Status.SNOOZED, Status.RESOLVED)


@dataclass(frozen=True, slots=True)
class ThreadState:
    channel_id: UUID
    status: str
    snoozed_until: datetime | None
    assignee_id: int | None
    team_id: UUID | None
    turn: str
    labels: tuple[str, ...]
    unread: int
    last_message_id: UUID
    in_app: bool = False


@dataclass(frozen=True, slots=True)
class ConversationState:
    """`channels`: the most recently active first; `app_channels`: those that are used from a mobile app."""

    status: str
    snoozed_until: datetime | None
    assignee_id: int | None
    assignees: tuple[int, ...]
    team_id: UUID | None
    turn: str
    labels: tuple[str, ...]
    channels: tuple[UUID, ...]
    app_channels: tuple[UUID, ...]
    unread: int
    last_message_id: UUID

    @property
    def waits_for_team(self) -> bool:
        """For somebody of it to take it."""
        is_free = self.assignee_id is None and self.turn == Turn.HUMAN
        return self.status == Status.OPEN and is_free and self.team_id is not None


def fold_threads(threads: Sequence[ThreadState]) -> ConversationState:
    """One conversation of one or more threads: as open as its most open one; assignee, team and turn come from those
    that are as open.
    """
    recent = sorted(threads, key=lambda thread: thread.last_message_id, reverse=True)
    status = min((thread.status for thread in recent), key=lambda value: _MOST_OPEN.index(Status(value)))
    leading = [thread for thread in recent if thread.status == status]
    assignees = [thread.assignee_id for thread in leading if thread.assignee_id is not None]
    return ConversationState(
        status=status,
        snoozed_until=min((t.snoozed_until for t in leading if t.snoozed_until), default=None)
        if status == Status.SNOOZED
        else None,
        assignee_id=assignees[0] if assignees else None,
        assignees=tuple(dict.fromkeys(assignees)),
        team_id=next((thread.team_id for thread in leading if thread.team_id), None),
        turn=Turn.HUMAN if any(thread.turn == Turn.HUMAN for thread in leading) else Turn.BOT,
        labels=tuple(sorted({label for thread in recent for label in thread.labels})),
        channels=tuple(dict.fromkeys(thread.channel_id for thread in recent)),
        app_channels=tuple(dict.fromkeys(thread.channel_id for thread in recent if thread.in_app)),
        unread=sum(thread.unread for thread in recent),
        last_message_id=recent[0].last_message_id,
    )


def lock_conversations(account_id: int, conversation_ids: Iterable[UUID]) -> None:
    """Where two agents, or a bot and an agent, meet. In id order, before any thread."""
    with connection.cursor() as cursor:
        cursor.execute(
            LOCK,
            [account_id, list(set(conversation_ids))],
        )


def lock_conversation(account_id: int, conversation_id: UUID) -> Conversation:
    """Raises NotFound."""
    lock_conversations(account_id, [conversation_id])
    conversation = Conversation.objects.filter(account=account_id, id=conversation_id).first()
    if conversation is None:
        raise NotFound(_("This conversation does not exist."))
    return conversation


def fold_conversations(account_id: int, conversation_ids: Iterable[UUID]) -> dict[UUID, ConversationState]:
    """Makes these rows anew from their threads; one without a message or without a contact is removed. What they are
    now.
    """
    wanted = list(set(conversation_ids))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            READ_THREADS,
            [account_id, wanted],
        )
        threads: defaultdict[UUID, list[ThreadState]] = defaultdict(list)
        for conversation, *columns in cursor.fetchall():
            columns[6] = tuple(json.loads(columns[6]))  # labels
            threads[conversation].append(ThreadState(*columns))
        if empty := [id for id in wanted if id not in threads]:
            cursor.execute(
                "DELETE FROM inbox_conversation WHERE account_id = %s AND id = ANY(%b::uuid[])", [account_id, empty]
            )
        states = {id: fold_threads(found) for id, found in sorted(threads.items())}
        _store(account_id, states)
        return states


def _store(account_id: int, states: dict[UUID, ConversationState]) -> None:
    folded = list(states.values())
    with connection.cursor() as cursor:
        cursor.execute(
            STORE,
            [
                account_id,
                list(states),
                [state.status for state in folded],
                [state.snoozed_until for state in folded],
                [state.assignee_id for state in folded],
                [_array(state.assignees) for state in folded],
                [state.team_id for state in folded],
                [state.turn for state in folded],
                [Jsonb(list(state.labels)) for state in folded],
                [_array(state.channels) for state in folded],
                [_array(state.app_channels) for state in folded],
                [state.unread for state in folded],
                [state.last_message_id for state in folded],
            ],
        )


def _array(values: Iterable[object]) -> str:
    """An array literal: arrays of arrays must be even, so a row's array travels as text."""
    return "{" + ",".join(map(str, values)) + "}"
