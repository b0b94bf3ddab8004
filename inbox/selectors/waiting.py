"""Conversations that wait for somebody, and who could take them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from inbox.selectors.visibility import oldest_visible
from oneview.accounts.hours import is_open
from oneview.accounts.models import Team

# A conversation waits since the first message of its user that none of ours follows.
WAITING = """
SELECT c.id, c.team_id, c.channels FROM inbox_conversation c
LEFT JOIN identity_contact k ON (k.account_id, k.id) = (c.account_id, c.id)
CROSS JOIN LATERAL (
  SELECT min(m.id::text)::uuid AS id FROM inbox_thread t
  CROSS JOIN LATERAL (
    SELECT coalesce((
      SELECT o.id FROM inbox_message o
      WHERE (o.account_id, o.thread_id) = (t.account_id, t.id) AND o.direction = 'outbound' AND NOT o.private
        AND o.author_kind <> 'system' AND o.id >= %(floor)s ORDER BY o.id DESC LIMIT 1
    ), %(floor)s) AS id
  ) answered
  JOIN inbox_message m ON (m.account_id, m.thread_id) = (t.account_id, t.id)
    AND m.direction = 'inbound' AND m.id > answered.id AND m.id >= %(floor)s
  WHERE (t.account_id, t.conversation_id) = (c.account_id, c.id)
) since
WHERE c.account_id = %(account)s AND c.team_id = ANY(%(teams)b::uuid[]) AND c.assignee_id IS NULL
  AND c.status = 'open' AND c.turn = 'human' AND c.last_message_id >= %(floor)s
  AND NOT coalesce(k.blocked, false)
ORDER BY coalesce(since.id, c.last_message_id), c.id
"""

STILL_WAITING = """
SELECT c.id, c.team_id, c.channels FROM inbox_conversation c
LEFT JOIN identity_contact k ON (k.account_id, k.id) = (c.account_id, c.id)
WHERE c.account_id = %s AND c.id = ANY(%b::uuid[]) AND c.team_id = ANY(%b::uuid[]) AND c.assignee_id IS NULL
  AND c.status = 'open' AND c.turn = 'human' AND NOT coalesce(k.blocked, false)
ORDER BY array_position(%b::uuid[], c.id)
"""

TAKERS = """
SELECT seat.id, seat.team_id, m.user_id, coalesce(nullif(u.name, ''), u.email), seat.given_at,
  CASE WHEN m.role <> 'supervisor' THEN m.channels END, m.capacity, count(c.id)
FROM accounts_teammember seat
JOIN accounts_membership m ON (m.account_id, m.user_id) = (seat.account_id, seat.user_id)
JOIN accounts_user u ON u.id = m.user_id
LEFT JOIN inbox_conversation c ON (c.account_id, c.assignee_id) = (m.account_id, m.user_id)
  AND c.status = 'open' AND c.last_message_id >= %s
WHERE seat.account_id = %s AND seat.team_id = ANY(%b::uuid[]) AND m.is_active AND u.is_active AND NOT m.is_away
GROUP BY seat.id, seat.team_id, seat.given_at, m.id, u.id
HAVING m.capacity IS NULL OR count(c.id) < m.capacity
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    id: UUID
    team: UUID
    channels: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Taker:
    """A member of a team who can be given conversations. `id` and `given_at` are of their place in the team;
    `channels`: None for every one; `capacity`: None for any number; `load`: open conversations that they have.
    """

    id: UUID
    team: UUID
    user: int
    name: str
    given_at: datetime | None
    channels: frozenset[UUID] | None
    capacity: int | None
    load: int

    def reaches(self, waiting: Waiting) -> bool:
        sees = self.channels is None or not self.channels.isdisjoint(waiting.channels)
        return sees and self.team == waiting.team


def list_routing_teams(account_id: int, *, now: datetime) -> list[Team]:
    """Those that give out conversations by themselves, and are there now."""
    teams = Team.objects.filter(account=account_id).exclude(routing=Team.Routing.MANUAL)
    return [team for team in teams.order_by("id") if is_open(team.hours, zone=team.time_zone, at=now)]


def list_waiting(account_id: int, *, teams: Iterable[UUID], now: datetime, window: timedelta) -> list[Waiting]:
    """Longest waiting first."""
    with connection.cursor() as cursor:
        floor = oldest_visible(now, window)
        cursor.execute(WAITING, {"account": account_id, "teams": list(teams), "floor": floor})
        return [Waiting(id, team, frozenset(channels)) for id, team, channels in cursor.fetchall()]


def recheck_waiting(account_id: int, waiting: Iterable[Waiting], *, teams: Collection[UUID]) -> list[Waiting]:
    """Those that still wait, in the same order."""
    ids = [each.id for each in waiting]
    with connection.cursor() as cursor:
        cursor.execute(STILL_WAITING, [account_id, ids, list(teams), ids])
        return [Waiting(id, team, frozenset(channels)) for id, team, channels in cursor.fetchall()]


def list_takers(account_id: int, *, teams: Iterable[UUID], now: datetime, window: timedelta) -> list[Taker]:
    """Who is active, not away, and below capacity."""
    with connection.cursor() as cursor:
        cursor.execute(TAKERS, [oldest_visible(now, window), account_id, list(teams)])
        return [
            Taker(id, team, user, name, given_at, None if channels is None else frozenset(channels), capacity, load)
            for id, team, user, name, given_at, channels, capacity, load in cursor.fetchall()
        ]
