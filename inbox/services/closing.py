"""Tells users who write while their team is away that it is: once, over the channel they wrote on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from channels_ingest.services import enqueue_message
from inbox.arrivals import insert_keys
from inbox.folds import lock_conversations
from inbox.models import Message, Thread
from inbox.models.message import AuthorKind, Direction, make_message_id
from inbox.realtime import Change, append_changes
from inbox.selectors.channels import get_channels
from inbox.selectors.conversations import allow
from inbox.snapshots import ContextRequest, store_snapshots
from oneview.accounts.hours import is_open
from oneview.accounts.models import Account, Team
from oneview.common.ids import floor_id

LATEST = timedelta(hours=1)  # later than that it would be no answer any more

# Threads whose user wrote lately, to people, none of whom has answered, in a conversation that nobody has who is there.
DUE = """
SELECT t.id, c.team_id FROM inbox_conversation c
JOIN inbox_thread t ON (t.account_id, t.conversation_id) = (c.account_id, c.id)
LEFT JOIN identity_contact k ON (k.account_id, k.id) = (c.account_id, c.id)
WHERE c.account_id = %(account)s AND c.status = 'open' AND c.turn = 'human' AND c.team_id = ANY(%(teams)b::uuid[])
  AND c.last_message_id >= %(floor)s AND t.last_inbound_at >= %(since)s AND t.told_closed_at IS NULL
  AND NOT coalesce(k.blocked, false)
  AND NOT EXISTS (
    SELECT FROM inbox_message o
    WHERE (o.account_id, o.thread_id) = (t.account_id, t.id) AND o.id >= %(floor)s AND o.direction = 'outbound'
      AND o.author_kind = 'agent' AND NOT o.private AND o.received_at > t.last_inbound_at
  )
  AND NOT EXISTS (
    SELECT FROM accounts_membership m JOIN accounts_user u ON u.id = m.user_id
    WHERE m.account_id = c.account_id AND m.user_id = ANY(c.assignees) AND m.is_active AND u.is_active AND NOT m.is_away
  )
ORDER BY t.id
"""

TELL = """
UPDATE inbox_thread SET told_closed_at = %s
WHERE account_id = %s AND id = ANY(%b::uuid[]) AND told_closed_at IS NULL
RETURNING id, nextval('inbox_arrival')
"""


def tell_closed(account: Account, *, now: datetime) -> int:
    """Sends the text of each team that is closed to those who wrote to it since; how many were told. Safe when several
    do it at once.
    """
    teams = _list_closed_teams(account.id, now=now)
    due = _list_due(account.id, teams, now=now) if teams else []
    if not due:
        return 0
    lock_conversations(account.id, [thread.conversation_id for thread, _ in due])
    channels = get_channels(account.id)
    due = [
        (thread, team)
        for thread, team in _list_due(account.id, teams, now=now)
        if allow(thread, channels[thread.channel_id], blocked=False, now=now).can == "text"
    ]
    with connection.cursor() as cursor:
        cursor.execute(TELL, [now, account.id, [thread.id for thread, _ in due]])
        told = dict(cursor.fetchall())
    written = [(thread, team, told[thread.id]) for thread, team in due if thread.id in told]
    if written:
        _send(account, written, now=now)
    return len(written)


def _list_closed_teams(account_id: int, *, now: datetime) -> dict[UUID, Team]:
    teams = Team.objects.filter(account=account_id).exclude(closed_text="").exclude(hours={})
    return {team.id: team for team in teams if not is_open(team.hours, zone=team.time_zone, at=now)}


def _list_due(account_id: int, teams: dict[UUID, Team], *, now: datetime) -> list[tuple[Thread, Team]]:
    """Without those who wrote while the team was there."""
    since = now - LATEST
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"account": account_id, "teams": list(teams), "since": since, "floor": floor_id(since)})
        team_of = {thread: teams[team] for thread, team in cursor.fetchall()}
    threads = Thread.objects.filter(account=account_id, id__in=list(team_of)).order_by("id") if team_of else []
    return [
        (thread, team)
        for thread in threads
        if (team := team_of[thread.id])
        and thread.last_inbound_at
        and not is_open(team.hours, zone=team.time_zone, at=thread.last_inbound_at)
    ]


def _send(account: Account, written: Sequence[tuple[Thread, Team, int]], *, now: datetime) -> None:
    """Moves no conversation up: it goes on waiting for people."""
    contexts = [ContextRequest(thread.conversation_id, thread.channel_id, now) for thread, _, _ in written]
    snapshots = store_snapshots(account, contexts)
    messages = [
        _make_message(account, thread, team, arrival=arrival, snapshot=snapshot, now=now)
        for (thread, team, arrival), snapshot in zip(written, snapshots, strict=True)
    ]
    Message.objects.bulk_create(messages)
    insert_keys(account.id, [(each.thread.channel_id, each.external_id, each.id) for each in messages])
    for each in messages:
        content = {"address": each.thread.address, "text": each.text, "reply_to": None, "files": [], "until": None}
        enqueue_message(
            account.id,
            channel_id=each.thread.channel_id,
            thread_id=each.thread.id,
            message_id=each.id,
            content=content,
            now=now,
        )
    append_changes(
        account.id, [Change("message.created", each.thread.conversation_id, each.id) for each in messages], now=now
    )


def _make_message(
    account: Account, thread: Thread, team: Team, *, arrival: int, snapshot: UUID, now: datetime
) -> Message:
    id = make_message_id(now, sequence=0, arrival=arrival)
    return Message(
        id=id,
        account=account,
        thread=thread,
        snapshot_id=snapshot,
        direction=Direction.OUTBOUND,
        author_kind=AuthorKind.SYSTEM,
        author_name=team.name,
        type="text",
        text=team.closed_text,
        external_id=f"closed:{id}",
        sent_at=now,
        received_at=now,
        status="queued",
    )
