"""What visitors may see: what was written in their own threads, under an identity they have shown to be theirs. Never
private notes, never what a merge has brought together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Set
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from inbox.models import Thread
from inbox.selectors.messages import LAST_ID, get_messages
from inbox.selectors.visibility import oldest_visible
from inbox.shapes import MessageShape
from oneview.common.ids import floor_id, time_of

OVERLAP = timedelta(seconds=5)  # longer than a reply waits for its turn
MOST_AGAIN = 20

# The ends of the page and what may be shown in it are the same for one thread and for several.
LIST = """
SELECT page.id FROM (
  SELECT m.id FROM inbox_thread t CROSS JOIN LATERAL (
    SELECT id FROM inbox_message
    WHERE account_id = t.account_id AND thread_id = t.id AND id > %s AND id < %s
      AND NOT private
    ORDER BY CASE WHEN %s THEN id END, id DESC LIMIT %s
  ) m
  WHERE t.account_id = %s AND t.channel_id = %s AND t.identity_id = ANY(%b::uuid[])
) page ORDER BY CASE WHEN %s THEN page.id END, page.id DESC LIMIT %s
"""

PICK = """
SELECT m.id, t.channel_id, t.identity_id FROM inbox_message m
JOIN inbox_thread t ON (t.account_id, t.id) = (m.account_id, m.thread_id)
WHERE m.account_id = %s AND m.id = ANY(%b::uuid[]) AND NOT m.private
"""


def list_visitor_messages(
    account_id: int,
    *,
    channel_id: UUID,
    identities: Collection[UUID],
    after: UUID | None,
    now: datetime,
    window: timedelta,
    limit: int,
) -> tuple[MessageShape, ...]:
    """Oldest first: those that follow `after`, or the newest ones.

    Ids go by time, not by commit: one that was on its way when `after` was given out stands before it. So a few that
    may be known come along, beyond `limit`.
    """
    floor = oldest_visible(now, window)
    theirs = account_id, channel_id, list(identities)
    if after is None or after < floor:
        ids = _list_ids(*theirs, low=floor, high=LAST_ID, limit=limit, forward=after is not None)
    else:
        recent = max(floor, floor_id(time_of(min(after, floor_id(now))) - OVERLAP))
        ids = [
            *_list_ids(*theirs, low=recent, high=after, limit=MOST_AGAIN, forward=False),
            *_list_ids(*theirs, low=after, high=LAST_ID, limit=limit, forward=True),
        ]
    return get_messages(account_id, ids, now=now, window=window)


def _list_ids(
    account_id: int,
    channel_id: UUID,
    identities: list[UUID],
    *,
    low: UUID,
    high: UUID,
    limit: int,
    forward: bool,
) -> list[UUID]:
    """Between both ends, neither included."""
    with connection.cursor() as cursor:
        cursor.execute(LIST, [low, high, forward, limit, account_id, channel_id, identities, forward, limit])
        return [row[0] for row in cursor.fetchall()]


def find_visitor_conversation(account_id: int, *, channel_id: UUID, identities: Collection[UUID]) -> UUID | None:
    """Where the thread lies in which there was something last."""
    threads = Thread.objects.filter(account=account_id, channel=channel_id, identity__in=list(identities))
    newest = threads.filter(last_message_id__isnull=False).order_by("-last_message_id")
    return newest.values_list("conversation_id", flat=True).first()


def get_visitor_messages(
    account_id: int,
    ids: Iterable[UUID],
    *,
    threads: Set[tuple[UUID, UUID]],
    now: datetime,
    window: timedelta,
) -> tuple[MessageShape, ...]:
    """Those of `ids` that stand in one of `threads`, (channel, identity) each."""
    with connection.cursor() as cursor:
        cursor.execute(PICK, [account_id, list(ids)])
        found = [id for id, channel, identity in cursor.fetchall() if (channel, identity) in threads]
    return get_messages(account_id, found, now=now, window=window) if found else ()
