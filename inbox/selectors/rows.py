"""Rows of the list: a conversation, its contact and its newest message, in one statement."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from inbox.models.message import AuthorKind
from inbox.selectors.channels import get_channels, show_in_app
from inbox.selectors.visibility import oldest_visible
from inbox.shapes import Agent, Author, ChannelShape, ConversationShape, Preview, TeamShape
from oneview.accounts.selectors import name_members
from oneview.common.ids import time_of

PREVIEW_LENGTH = 160

READ = f"""
SELECT
  c.id, c.status, c.snoozed_until, c.assignee_id, c.assignees, c.team_id, coalesce(g.name, ''), c.turn, c.labels,
  c.channels, c.app_channels, c.unread, c.last_message_id, coalesce(k.name, ''), coalesce(k.blocked, false),
  m.author_kind, m.author_id, m.author_name, m.type, left(m.text, {2 * PREVIEW_LENGTH}), m.direction, m.status,
  m.private, m.deleted_at IS NOT NULL, m.redacted_at IS NOT NULL,
  c.turn = 'human' AND c.status <> 'resolved' AND EXISTS (
    SELECT FROM inbox_thread t JOIN inbox_handover h ON (h.account_id, h.thread_id) = (t.account_id, t.id)
    WHERE t.account_id = c.account_id AND t.conversation_id = c.id AND h.claimed_at IS NULL),
  ARRAY(SELECT DISTINCT n.user_id FROM inbox_mention n
    JOIN inbox_thread t ON (t.account_id, t.id) = (n.account_id, n.thread_id)
    WHERE n.account_id = c.account_id AND t.conversation_id = c.id AND n.seen_at IS NULL AND n.message_id >= %s)
FROM inbox_conversation c
LEFT JOIN identity_contact k ON (k.account_id, k.id) = (c.account_id, c.id)
LEFT JOIN accounts_team g ON (g.account_id, g.id) = (c.account_id, c.team_id)
LEFT JOIN inbox_message m ON (m.account_id, m.id) = (c.account_id, c.last_message_id)
WHERE c.account_id = %s AND c.id = ANY(%b::uuid[]) AND c.last_message_id >= %s
ORDER BY c.last_message_id DESC
"""


class _Row(NamedTuple):
    id: UUID
    status: str
    snoozed_until: datetime | None
    assignee: int | None
    assignees: list[int]
    team: UUID | None
    team_name: str
    turn: str
    labels: str
    channels: list[UUID]
    app_channels: list[UUID]
    unread: int
    last_message: UUID
    name: str
    blocked: bool
    author_kind: str | None
    author_id: int
    author_name: str
    type: str
    text: str
    direction: str
    message_status: str
    private: bool
    deleted: bool
    redacted: bool
    handed_over: bool
    mentions: list[int]


def read_rows(
    account_id: int, conversation_ids: Iterable[UUID], *, now: datetime, window: timedelta
) -> tuple[ConversationShape, ...]:
    """Those of the ids that exist and have something to see, newest first."""
    with connection.cursor() as cursor:
        floor = oldest_visible(now, window)
        cursor.execute(READ, [floor, account_id, list(conversation_ids), floor])
        rows = [_Row(*row) for row in cursor.fetchall()]
    if not rows:
        return ()
    channels = get_channels(account_id)
    assigned = {id for row in rows for id in row.assignees}
    names = name_members(account_id, assigned) if assigned else {}
    return tuple(_shape(row, channels, names) for row in rows)


def _shape(row: _Row, channels: Mapping[UUID, ChannelShape], names: Mapping[int, str]) -> ConversationShape:
    return ConversationShape(
        id=row.id,
        name=row.name,
        status=row.status,
        snoozed_until=row.snoozed_until,
        assignee=None if row.assignee is None else _agent(names, row.assignee),
        assignees=tuple(_agent(names, id) for id in row.assignees),
        team=None if row.team is None else TeamShape(row.team, row.team_name),
        turn=row.turn,
        labels=tuple(json.loads(row.labels)),
        unread=row.unread,
        channels=tuple(
            show_in_app(channels[id]) if id in row.app_channels else channels[id]
            for id in row.channels
            if id in channels
        ),
        last_message=_preview(row),
        last_activity_at=time_of(row.last_message),
        blocked=row.blocked,
        handed_over=row.handed_over,
        mentions=tuple(row.mentions),
    )


def _preview(row: _Row) -> Preview | None:
    if row.author_kind is None:
        return None
    name = row.name if row.author_kind == AuthorKind.USER else row.author_name
    return Preview(
        id=row.last_message,
        author=Author(row.author_kind, row.author_id, name),
        type=row.type,
        text="" if row.deleted else " ".join(row.text.split())[:PREVIEW_LENGTH],
        direction=row.direction,
        status=row.message_status,
        private=row.private,
        deleted=row.deleted,
        redacted=row.redacted,
        at=time_of(row.last_message),
    )


def _agent(names: Mapping[int, str], id: int) -> Agent:
    """Who has left the account keeps their name; whose membership was removed is known by number only."""
    return Agent(id, names.get(id) or _("Former agent"))
