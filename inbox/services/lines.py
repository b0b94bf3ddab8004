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
from oneview.accounts.models import Account


@dataclass(frozen=True, slots=True)
class Line:
    """`event`: assigned, open, snoozed, resolved. `detail`: names of people and instants, as strings."""

    event: str
    detail: Mapping[str, str]


def write_line(account: Account, conversation_id: UUID, line: Line, *, now: datetime) -> UUID | None:
    """Writes the line into the most recently active thread; it moves no conversation up. None without a thread."""
    threads = Thread.objects.filter(account=account, conversation_id=conversation_id)
    thread = threads.order_by(F("last_message_id").desc(nulls_last=True), "id").first()
    if thread is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('inbox_arrival')")
        (arrival,) = cursor.fetchone()
    message = Message.objects.create(
        id=make_message_id(now, sequence=0, arrival=arrival),
        account=account,
        thread=thread,
        direction=Direction.OUTBOUND,
        author_kind=AuthorKind.SYSTEM,
        type="text",
        data={"event": line.event, **line.detail},
        external_id="",
        sent_at=now,
        received_at=now,
        private=True,
    )
    return message.id
