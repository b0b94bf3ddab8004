"""What a supervisor looks at: who waits, where and for whom, and what does not get through. A fixed number of
statements.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from channels_ingest.registry import load_channels
from identity.models import Contact
from inbox.models import Endpoint, Handover, LiveCounter, RefusedReply
from inbox.selectors.channels import get_channels
from inbox.selectors.visibility import oldest_visible
from inbox.shapes import ChannelShape
from oneview.common.ids import floor_id, time_of

MOST_ROWS = 30
DAY = timedelta(hours=24)

# A conversation waits since the first message of its user that none of ours follows.
WAITING = """
SELECT c.id, coalesce(k.name, ''), coalesce(nullif(u.name, ''), u.email, ''), coalesce(team.name, ''),
  c.channels[1], wait.since, count(*) OVER ()
FROM inbox_conversation c
LEFT JOIN identity_contact k ON (k.account_id, k.id) = (c.account_id, c.id)
LEFT JOIN accounts_user u ON u.id = c.assignee_id
LEFT JOIN accounts_team team ON (team.account_id, team.id) = (c.account_id, c.team_id)
CROSS JOIN LATERAL (
  SELECT min(m.id::text)::uuid AS since FROM inbox_thread t
  JOIN inbox_message m ON (m.account_id, m.thread_id) = (t.account_id, t.id)
  WHERE (t.account_id, t.conversation_id) = (c.account_id, c.id) AND m.direction = 'inbound' AND m.id >= %(floor)s
    AND m.id > coalesce((
      SELECT max(o.id::text)::uuid FROM inbox_thread own
      JOIN inbox_message o ON (o.account_id, o.thread_id) = (own.account_id, own.id)
      WHERE (own.account_id, own.conversation_id) = (c.account_id, c.id) AND o.direction = 'outbound'
        AND NOT o.private AND o.author_kind <> 'system' AND o.status <> 'failed' AND o.id >= %(floor)s
    ), %(floor)s)
) wait
WHERE c.account_id = %(account)s AND c.status = 'open' AND c.turn = 'human' AND c.last_message_id >= %(floor)s
  AND NOT coalesce(k.blocked, false) AND wait.since IS NOT NULL
ORDER BY wait.since LIMIT %(most)s
"""

CHANNELS = """
SELECT channel, count(*), count(*) FILTER (WHERE unread > 0), count(*) FILTER (WHERE turn = 'bot') FROM (
  SELECT unnest(channels) AS channel, unread, turn FROM inbox_conversation
  WHERE account_id = %(account)s AND status = 'open' AND last_message_id >= %(floor)s
) open GROUP BY channel
"""

LAGS = """
SELECT c.id,
  (SELECT now() - min(e.received_at) FROM channels_ingest_inboundevent e
    WHERE (e.account_id, e.channel_id) = (c.account_id, c.id) AND e.state = 0),
  (SELECT now() - min(o.next_attempt_at) FROM channels_ingest_outboxmessage o
    WHERE (o.account_id, o.channel_id) = (c.account_id, c.id) AND o.state IN ('queued', 'sending')
      AND o.next_attempt_at < now())
FROM channels_ingest_channel c WHERE c.account_id = %(account)s
"""

AGENTS = """
SELECT u.id, coalesce(nullif(u.name, ''), u.email), m.is_away, m.capacity, m.role,
  count(c.id), count(c.id) FILTER (WHERE c.unread > 0)
FROM accounts_membership m JOIN accounts_user u ON u.id = m.user_id
LEFT JOIN inbox_conversation c ON c.account_id = m.account_id AND c.status = 'open' AND c.last_message_id >= %(floor)s
  AND (c.assignee_id = u.id OR u.id = ANY(c.assignees))
WHERE m.account_id = %(account)s AND m.is_active AND u.is_active
GROUP BY u.id, u.name, u.email, m.is_away, m.capacity, m.role ORDER BY 2, u.id
"""

FAILED = """
SELECT t.conversation_id, coalesce(k.name, ''), m.author_name, t.channel_id, m.status_reason, m.id, count(*) OVER ()
FROM inbox_message m JOIN inbox_thread t ON (t.account_id, t.id) = (m.account_id, m.thread_id)
LEFT JOIN identity_contact k ON (k.account_id, k.id) = (t.account_id, t.conversation_id)
WHERE m.account_id = %(account)s AND m.id >= %(yesterday)s AND m.status IN ('failed', 'unknown')
ORDER BY m.id DESC LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """`assignee` and `team` are names, empty for nobody and none."""

    conversation: UUID
    name: str
    assignee: str
    team: str
    channel: ChannelShape | None
    since: datetime


@dataclass(frozen=True, slots=True)
class ChannelLoad:
    """Open conversations, those with unread messages, those a bot answers. Lags: how long the oldest entry waits to be
    taken in, and to be sent.
    """

    channel: ChannelShape
    open: int
    unread: int
    with_bot: int
    inbound_lag: timedelta
    outbound_lag: timedelta


@dataclass(frozen=True, slots=True)
class AgentLoad:
    """`capacity`: None for any number."""

    id: int
    name: str
    is_away: bool
    capacity: int | None
    is_supervisor: bool
    open: int
    unread: int


@dataclass(frozen=True, slots=True)
class WaitingHandover:
    conversation: UUID
    bot: str
    reason: str
    at: datetime
    is_escalated: bool


@dataclass(frozen=True, slots=True)
class FailedSend:
    conversation: UUID
    name: str
    author: str
    channel: ChannelShape | None
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EndpointLag:
    """An endpoint that is off, or that has not taken everything. `behind`: events."""

    id: UUID
    url: str
    bot: str
    is_on: bool
    behind: int
    reason: str


@dataclass(frozen=True, slots=True)
class Overview:
    """Lists hold the first rows; the counts beside them count all. `refused`: replies of bots in the last day that were
    not theirs to send.
    """

    waiting: tuple[Waiting, ...]
    waiting_count: int
    closing: int
    handovers: tuple[WaitingHandover, ...]
    handover_count: int
    channels: tuple[ChannelLoad, ...]
    agents: tuple[AgentLoad, ...]
    failed: tuple[FailedSend, ...]
    failed_count: int
    refused: int
    endpoints: tuple[EndpointLag, ...]

    @property
    def longest(self) -> datetime | None:
        """Since when the first one waits."""
        return self.waiting[0].since if self.waiting else None


def read_overview(account_id: int, *, now: datetime, window: timedelta) -> Overview:
    asked = {
        "account": account_id,
        "floor": oldest_visible(now, window),
        "yesterday": max(oldest_visible(now, window), floor_id(now - DAY)),
        "most": MOST_ROWS,
    }
    channels = get_channels(account_id)
    waiting, failed = _query(WAITING, asked), _query(FAILED, asked)
    handovers = _find_handovers(account_id, since=now - window)
    return Overview(
        waiting=tuple(
            Waiting(id, name, assignee, team, channels.get(channel), time_of(since))
            for id, name, assignee, team, channel, since, _ in waiting
        ),
        waiting_count=waiting[0][-1] if waiting else 0,
        closing=_count_closing(account_id, channels, now=now),
        handovers=tuple(
            WaitingHandover(row.thread.conversation_id, row.bot, row.reason, row.at, row.escalated_at is not None)
            for row in handovers.order_by("at").select_related("thread")[:MOST_ROWS]
        ),
        handover_count=handovers.count(),
        channels=_read_channels(channels, asked),
        agents=tuple(
            AgentLoad(id, name, is_away, capacity, role == "supervisor", open, unread)
            for id, name, is_away, capacity, role, open, unread in _query(AGENTS, asked)
        ),
        failed=tuple(
            FailedSend(conversation, name, author, channels.get(channel), reason, time_of(id))
            for conversation, name, author, channel, reason, id, _ in failed
        ),
        failed_count=failed[0][-1] if failed else 0,
        refused=RefusedReply.objects.filter(account=account_id, at__gte=now - DAY).count(),
        endpoints=_list_endpoints(account_id),
    )


def _query(statement: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, asked)
        return list(cursor.fetchall())


def _read_channels(channels: dict[UUID, ChannelShape], asked: dict[str, Any]) -> tuple[ChannelLoad, ...]:
    loads = {id: (open, unread, with_bot) for id, open, unread, with_bot in _query(CHANNELS, asked)}
    lags = {id: (inbound or timedelta(), outbound or timedelta()) for id, inbound, outbound in _query(LAGS, asked)}
    rows = []
    for id, channel in channels.items():
        open, unread, with_bot = loads.get(id, (0, 0, 0))
        inbound_lag, outbound_lag = lags.get(id, (timedelta(), timedelta()))
        rows.append(ChannelLoad(channel, open, unread, with_bot, inbound_lag, outbound_lag))
    return tuple(rows)


def _count_closing(account_id: int, channels: dict[UUID, ChannelShape], *, now: datetime) -> int:
    """Open threads whose time to answer freely ends within the hour and whose user waits."""
    kinds, windows = load_channels(), []
    for id, channel in channels.items():
        window = kinds[channel.kind].capabilities.window if channel.kind in kinds else None
        if window is not None:
            windows.append((id, now - window))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM inbox_thread t "
            "JOIN unnest(%b::uuid[], %b::timestamptz[]) AS closed(channel, at) ON t.channel_id = closed.channel "
            "WHERE t.account_id = %s AND t.status = 'open' AND t.unread > 0 "
            "AND t.last_inbound_at > closed.at AND t.last_inbound_at <= closed.at + interval '1 hour'",
            [[id for id, _ in windows], [at for _, at in windows], account_id],
        )
        return int(cursor.fetchone()[0])


def _find_handovers(account_id: int, *, since: datetime) -> QuerySet[Handover]:
    """Those that nobody has taken, of contacts who are not blocked."""
    blocked = Contact.objects.filter(account=account_id, blocked=True).values("id")
    waiting = Handover.objects.filter(account=account_id, claimed_at=None, at__gte=since)
    return waiting.exclude(thread__conversation_id__in=blocked)


def _list_endpoints(account_id: int) -> tuple[EndpointLag, ...]:
    head = LiveCounter.objects.filter(account_id=account_id).values_list("seq", flat=True).first() or 0
    rows = Endpoint.objects.filter(account=account_id).defer("secret").order_by("id")
    lags = (
        EndpointLag(row.id, row.url, row.bot, row.state == Endpoint.State.ON, max(0, head - row.after), row.reason)
        for row in rows
    )
    return tuple(lag for lag in lags if not lag.is_on or lag.reason)
