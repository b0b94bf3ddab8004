"""Gives what waits in the queues of teams to their members, and takes back what is of those who have left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from inbox.folds import fold_conversations, lock_conversations
from inbox.lines import Line, tell_lines
from inbox.models import Conversation
from inbox.models.thread import Status
from inbox.realtime import Change, append_changes
from inbox.selectors.waiting import Taker, Waiting, list_routing_teams, list_takers, list_waiting, recheck_waiting
from oneview.accounts.models import Account, Team
from oneview.accounts.selectors import list_former_members

MOST_AT_ONCE = 200

# Whoever else gives to them waits here, so that a load that is read below is true until the end.
LOCK_MEMBERS = """
SELECT 1 FROM accounts_membership WHERE account_id = %s AND user_id IN (
  SELECT user_id FROM accounts_teammember WHERE account_id = %s AND team_id = ANY(%b::uuid[])
) ORDER BY id FOR NO KEY UPDATE
"""

GIVE = """
UPDATE inbox_thread t SET assignee_id = given.to_user
FROM unnest(%b::uuid[], %b::bigint[]) AS given(conversation, to_user)
WHERE t.account_id = %s AND t.conversation_id = given.conversation
"""

NOTE_GIVEN = """
UPDATE accounts_teammember seat SET given_at = given.at FROM unnest(%b::uuid[], %b::timestamptz[]) AS given(seat, at)
WHERE seat.account_id = %s AND seat.id = given.seat
"""

TAKE_BACK = """
UPDATE inbox_thread SET assignee_id = NULL FROM (
  SELECT id, assignee_id AS former FROM inbox_thread
  WHERE account_id = %s AND conversation_id = ANY(%b::uuid[]) AND assignee_id = ANY(%b::bigint[])
    AND status <> 'resolved'
) taken
WHERE inbox_thread.account_id = %s AND inbox_thread.id = taken.id
RETURNING inbox_thread.conversation_id, taken.former
"""


def route_waiting(account: Account, *, now: datetime) -> int:
    """Gives out what waits with teams that are there and share by themselves; how many conversations. Safe when several
    do it at once.
    """
    teams = {team.id: team for team in list_routing_teams(account.id, now=now)}
    if not teams:
        return 0
    scope: dict[str, Any] = {"now": now, "window": account.window}
    takers = list_takers(account.id, teams=teams, **scope)
    staffed = {taker.team for taker in takers}
    queue = list_waiting(account.id, teams=staffed, **scope) if staffed else []
    waiting = [each for each in queue if any(taker.reaches(each) for taker in takers)][:MOST_AT_ONCE]
    if not waiting:
        return 0
    lock_conversations(account.id, [each.id for each in waiting])
    with connection.cursor() as cursor:
        cursor.execute(LOCK_MEMBERS, [account.id, account.id, list(staffed)])
    waiting = recheck_waiting(account.id, waiting, teams=staffed)
    given = share_out(waiting, list_takers(account.id, teams=staffed, **scope), teams=teams, now=now)
    if given:
        _give(account, given, now=now)
    return len(given)


def share_out(
    waiting: Iterable[Waiting], takers: Sequence[Taker], *, teams: Mapping[UUID, Team], now: datetime
) -> list[tuple[Waiting, Taker, datetime]]:
    """Who gets what, and when they were given it: each instant is later than all before. What nobody can take stays."""
    loads = {taker.user: taker.load for taker in takers}
    last = {taker.id: taker.given_at for taker in takers}
    at = max([now, *filter(None, last.values())])
    given: list[tuple[Waiting, Taker, datetime]] = []

    def rank(taker: Taker) -> tuple[int, bool, datetime, UUID]:
        since = last[taker.id]
        load = loads[taker.user] if teams[taker.team].routing == Team.Routing.LEAST_BUSY else 0
        return load, since is not None, since or now, taker.id

    for each in waiting:
        able = [
            taker
            for taker in takers
            if taker.reaches(each) and (taker.capacity is None or loads[taker.user] < taker.capacity)
        ]
        if able:
            taker = min(able, key=rank)
            at += timedelta(microseconds=1)
            given.append((each, taker, at))
            loads[taker.user] += 1
            last[taker.id] = at
    return given


def _give(account: Account, given: Sequence[tuple[Waiting, Taker, datetime]], *, now: datetime) -> None:
    conversations = [each.id for each, _, _ in given]
    latest = {taker.id: at for _, taker, at in given}
    with connection.cursor() as cursor:
        cursor.execute(GIVE, [conversations, [taker.user for _, taker, _ in given], account.id])
        cursor.execute(NOTE_GIVEN, [list(latest), list(latest.values()), account.id])
    _conclude(account, {each.id: Line("given", {"to": taker.name}) for each, taker, _ in given}, now=now)


def take_back(account: Account, *, now: datetime) -> int:
    """Makes nobody's what is not resolved and assigned to who is no active member any more; how many conversations."""
    former = dict(list_former_members(account.id))
    theirs = Conversation.objects.filter(account=account, assignee__in=list(former)).exclude(status=Status.RESOLVED)
    found = list(theirs.values_list("id", flat=True)) if former else []
    if not found:
        return 0
    lock_conversations(account.id, found)
    with connection.cursor() as cursor:
        cursor.execute(TAKE_BACK, [account.id, found, list(former), account.id])
        lines = {conversation: Line("left", {"of": former[user]}) for conversation, user in cursor.fetchall()}
    if lines:
        _conclude(account, lines, now=now)
    return len(lines)


def _conclude(account: Account, lines: Mapping[UUID, Line], *, now: datetime) -> None:
    told = tell_lines(account, lines, now=now)
    fold_conversations(account.id, lines)
    append_changes(account.id, [*told, *(Change("conversation.updated", id) for id in sorted(lines))], now=now)
