"""The live log: what changed, by name, numbered in the order of commits; and the bell that tells other processes to
read it.

The log is the truth, the bell only saves time: a hub that hears nothing finds the change when it next asks for the
heads.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from redis import Redis
from redis.exceptions import RedisError

from inbox.models import LiveCounter
from oneview.common.jobs import enqueue_on_commit

TYPES = (
    "message.created",
    "message.updated",
    "conversation.updated",
    "conversation.moved",
    "conversation.handed_over",
    "conversation.taken_over",
    "conversation.handed_back",
    "contact.updated",
    "contact.merged",
    "contact.split",
    "channel.updated",
)
DELIVER = "inbox.tasks.deliver_events"

MOST_BEHIND = 5_000
PAGE = 200

_BELL_SECONDS = 0.4  # connecting and publishing each take this long at most
_SILENT_SECONDS = 2.0  # after a failure nobody tries again for so long


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that changed. `type`: one of TYPES. `detail` holds further names and no text: a move, contacts
    that became one and one that came apart have {"from": [ids], "to": id}; a handover has {"handover": id}.
    """

    type: str
    conversation: UUID | None
    message: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoggedChange:
    seq: int
    at: datetime
    change: Change


@dataclass(frozen=True, slots=True)
class Stretch:
    """What the log says after a position: changes without a hole, and its head. `reset`: it can't say, the reader must
    start afresh.
    """

    changes: tuple[LoggedChange, ...]
    head: int
    reset: bool = False

    @property
    def to(self) -> int:
        return self.changes[-1].seq if self.changes else self.head

    @property
    def is_last(self) -> bool:
        return self.to == self.head


APPEND = """
WITH head AS (
  INSERT INTO inbox_livecounter (account_id, seq) VALUES (%(account)s, %(count)s)
  ON CONFLICT (account_id) DO UPDATE SET seq = inbox_livecounter.seq + %(count)s
  RETURNING seq
), logged AS (
  INSERT INTO inbox_liveevent (account_id, seq, type, conversation_id, message_id, detail, at)
  SELECT %(account)s, head.seq - %(count)s + change.number, change.type, change.conversation, change.message,
  change.detail::jsonb, %(now)s FROM head, unnest(%(types)b::text[], %(conversations)b::uuid[], %(messages)b::uuid[],
  %(details)b::text[])
    WITH ORDINALITY AS change (type, conversation, message, detail, number)
)
SELECT seq, ARRAY(
  SELECT id FROM inbox_endpoint WHERE account_id = %(account)s AND state = 'on' AND next_attempt_at <= %(now)s
) FROM head
"""

READ = """
SELECT counter.seq, event.seq, event.at, event.type, event.conversation_id, event.message_id, event.detail
FROM inbox_livecounter counter
LEFT JOIN LATERAL (
  SELECT * FROM inbox_liveevent WHERE account_id = %(account)s AND seq > %(after)s ORDER BY seq LIMIT %(limit)s
) event ON true
WHERE counter.account_id = %(account)s ORDER BY event.seq
"""


def append_changes(account_id: int, changes: Sequence[Change], *, now: datetime) -> int:
    """Logs changes and returns the new head. The last statement of a unit of work: the counter's row is locked until
    its end, which is what makes numbers follow the order of commits. After the commit the bell rings, and endpoints
    that wait for nothing are told.
    """
    if not changes:
        return read_head(account_id)
    with connection.cursor() as cursor:
        cursor.execute(
            APPEND,
            {
                "account": account_id,
                "count": len(changes),
                "now": now,
                "types": [change.type for change in changes],
                "conversations": [change.conversation for change in changes],
                "messages": [change.message for change in changes],
                "details": [json.dumps(change.detail, default=str) for change in changes],
            },
        )
        head, endpoints = cursor.fetchone()
    transaction.on_commit(partial(_publish, "ring", account_id, head), robust=True)
    for endpoint in endpoints:
        enqueue_on_commit(DELIVER, account_id, str(endpoint), queue="webhooks")
    return int(head)


def read_head(account_id: int) -> int:
    return LiveCounter.objects.filter(account_id=account_id).values_list("seq", flat=True).first() or 0


def read_heads(account_ids: Sequence[int]) -> dict[int, int]:
    """The heads of several accounts, outside of any scope; without those that have no log yet."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id, seq FROM live_heads(%s)", [list(account_ids)])
        return dict(cursor.fetchall())


def read_changes(account_id: int, *, after: int, limit: int = PAGE, whole: bool = False) -> Stretch:
    """What follows `after`. One statement, so changes and head are of one instant: the log is complete up to its head
    in any snapshot.

    `whole`: as far back as the log is kept. Where it is not, `reset` comes with the changes that still are.
    """
    with connection.cursor() as cursor:
        cursor.execute(READ, {"account": account_id, "after": after, "limit": limit})
        rows = cursor.fetchall()
    head = rows[0][0] if rows else 0
    changes = tuple(
        LoggedChange(seq, at, Change(type, conversation, message, json.loads(detail)))
        for _, seq, at, type, conversation, message, detail in rows
        if seq is not None
    )
    next_kept = changes[0].seq if changes else head + 1
    is_torn = after > head or next_kept != after + 1
    if whole:
        return Stretch(changes, head, reset=is_torn)
    return Stretch((), head, reset=True) if is_torn or head - after > MOST_BEHIND else Stretch(changes, head)


def publish_typing(account_id: int, *, conversation: UUID, author: Mapping[str, Any], on: bool) -> None:
    """`author`: {"kind", "id", "name"}. Passing: it takes no number and is lost when Redis is away."""
    _publish("typing", account_id, {"conversation": str(conversation), "author": author, "on": on})


def publish_viewing(account_id: int, *, process: str, conversation: UUID, agents: Mapping[int, str]) -> None:
    """All who look at a conversation through the sockets of one process: names by id."""
    content = {"process": process, "conversation": str(conversation), "agents": list(agents.items())}
    _publish("viewing", account_id, content)


def bell_channel() -> str:
    return f"{settings.REDIS_PREFIX}live"


@cache
def _bell() -> Redis:
    return Redis.from_url(
        settings.REDIS_URL, socket_timeout=_BELL_SECONDS, socket_connect_timeout=_BELL_SECONDS, retry=None
    )


_silent_until = 0.0


def _publish(kind: str, account_id: int, content: object) -> None:
    """Never raises, and never holds anybody longer than a second: an answer must not wait for Redis."""
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        _bell().publish(bell_channel(), json.dumps([kind, account_id, content]))
    except RedisError:
        _silent_until = time.monotonic() + _SILENT_SECONDS
