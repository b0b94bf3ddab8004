"""Lines in the timeline that say what was done, by whom. They carry names of what happened; the words are made when
they are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.db.models import F

from inbox.models import Message, Thread
from inbox.models.message import AuthorKind, Direction, make_message_id
from inbox.realtime import Change
from oneview.accounts.models import Account


@dataclass(frozen=True, slots=True)
class Line:
    """`event`: assigned, given, left, team, open, snoozed, resolved, joined, blocked, spam, unblocked, taken_over,
    handed_over, handed_back, escalated. `detail`: names of people and teams, channels, instants, a bot's reason, as
    strings.
    """

    event: str
    detail: Mapping[str, str]


def tell_line(account: Account, conversation_id: UUID, line: Line, *, now: datetime) -> list[Change]:
    """Writes one line; what to log, nothing where the conversation has no thread."""
    return tell_lines(account, {conversation_id: line}, now=now)


def tell_lines(account: Account, lines: Mapping[UUID, Line], *, now: datetime) -> list[Change]:
    """As `write_lines`; what to log."""
    written = write_lines(account, lines, now=now)
    return [Change("message.created", conversation, message) for conversation, message in written]


def write_lines(account: Account, lines: Mapping[UUID, Line], *, now: datetime) -> list[tuple[UUID, UUID]]:
    """Writes a line into the most recently active thread of each conversation; it moves none up.

    (conversation, message) of those that have a thread.
    """
    threads = Thread.objects.filter(account=account, conversation_id__in=list(lines))
    newest = threads.order_by("conversation_id", F("last_message_id").desc(nulls_last=True), "id")
    found = newest.distinct("conversation_id")
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('inbox_arrival') FROM generate_series(1, %s)", [len(lines)])
        arrivals = [row[0] for row in cursor.fetchall()]
    messages = [
        Message(
            id=make_message_id(now, sequence=0, arrival=arrival),
            account=account,
            thread=thread,
            direction=Direction.OUTBOUND,
            author_kind=AuthorKind.SYSTEM,
            type="text",
            data={"event": lines[thread.conversation_id].event, **lines[thread.conversation_id].detail},
            external_id="",
            sent_at=now,
            received_at=now,
            private=True,
        )
        for thread, arrival in zip(found, arrivals, strict=False)
    ]
    Message.objects.bulk_create(messages)
    return [(message.thread.conversation_id, message.id) for message in messages]
