"""Timelines. Messages are read by thread, merged by id; everything that hangs on them comes in a fixed number of
queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from channels_ingest.models import MediaObject
from identity.models import Contact
from identity.selectors import get_contacts
from inbox.models import Message, MessageKey, Snapshot, Thread
from inbox.models.message import AuthorKind
from inbox.selectors.channels import get_channels
from inbox.selectors.lines import describe_line
from inbox.selectors.visibility import oldest_visible
from inbox.shapes import Attachment, Author, ChannelShape, MessageShape, Quote, Reaction, Revision, Timeline

QUOTE_LENGTH = 200
LAST_ID = UUID(int=(1 << 128) - 1)


def list_messages(
    account_id: int,
    conversation_id: UUID,
    *,
    now: datetime,
    window: timedelta,
    before: UUID | None = None,
    after: UUID | None = None,
    limit: int = 30,
) -> Timeline:
    """The newest messages of a conversation, or those next to a cursor; oldest first."""
    floor = oldest_visible(now, window)
    forward = after is not None
    low = max(floor, after) if after else floor
    ids = _page_ids(
        account_id, conversation_id, low=low, excluded=after, high=before or LAST_ID, forward=forward, limit=limit + 1
    )
    more, ids = len(ids) > limit, ids[:limit]
    messages = get_messages(account_id, ids, now=now, window=window)
    older = messages[0].id if messages and (more if not forward else True) else None
    newer = messages[-1].id if messages and (more if forward else before is not None) else None
    return Timeline(messages, before=older, after=newer)


def get_messages(account_id: int, ids: Iterable[UUID], *, now: datetime, window: timedelta) -> tuple[MessageShape, ...]:
    """Those of the ids that exist and can be seen, oldest first."""
    floor = oldest_visible(now, window)
    wanted = [id for id in ids if id >= floor]
    rows = (
        list(Message.objects.filter(account=account_id, id__in=wanted).defer("search", "receipts").order_by("id"))
        if wanted
        else []
    )
    return _shape(account_id, rows, floor=floor)


def get_context(account_id: int, message_id: UUID, *, now: datetime, window: timedelta) -> Mapping[str, Any]:
    """What was known of user and account when the message was written; empty when nothing was kept."""
    floor = oldest_visible(now, window)
    snapshots = Message.objects.filter(account=account_id, id=message_id, id__gte=floor).values("snapshot_id")
    row = Snapshot.objects.filter(account=account_id, id__in=snapshots).first()
    return row.document if row else {}


def _page_ids(
    account_id: int, conversation_id: UUID, *, low: UUID, excluded: UUID | None, high: UUID, forward: bool, limit: int
) -> list[UUID]:
    """Each thread gives its own page from its own index; the merged page is the first of them together."""
    direction = "ASC" if forward else "DESC"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT p.id FROM inbox_thread t CROSS JOIN LATERAL (SELECT m.id FROM inbox_message m WHERE m.account_id "
            "= %s "
            f"AND m.thread_id = t.id AND m.id >= %s AND m.id < %s AND m.id <> %s ORDER BY m.id {direction} LIMIT %s) p "
            f"WHERE t.account_id = %s AND t.conversation_id = %s ORDER BY p.id {direction} LIMIT %s",
            [account_id, low, high, excluded or UUID(int=0), limit, account_id, conversation_id, limit],
        )
        return [row[0] for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What the messages of a page refer to."""

    threads: Mapping[UUID, Thread]
    channels: Mapping[UUID, ChannelShape]
    contacts: Mapping[UUID, Contact]
    media: Mapping[UUID, MediaObject]
    quotes: Mapping[tuple[UUID, str], Message]

    def user_name(self, thread: Thread) -> str:
        contact = self.contacts.get(thread.conversation_id)
        return contact.name if contact else ""


def _shape(account_id: int, rows: Sequence[Message], *, floor: UUID) -> tuple[MessageShape, ...]:
    if not rows:
        return ()
    threads = {
        thread.id: thread
        for thread in Thread.objects.filter(account=account_id, id__in={row.thread_id for row in rows})
    }
    around = _Surroundings(
        threads=threads,
        channels=get_channels(account_id),
        contacts=get_contacts(account_id, {thread.conversation_id for thread in threads.values()}),
        media=_read_media(account_id, rows),
        quotes=_read_quotes(account_id, rows, threads=threads, floor=floor),
    )
    return tuple(_shape_message(row, around) for row in rows)


def _read_media(account_id: int, rows: Sequence[Message]) -> dict[UUID, MediaObject]:
    ids = [row.id for row in rows if row.attachments]
    return (
        {media.id: media for media in MediaObject.objects.filter(account=account_id, message_id__in=ids)} if ids else {}
    )


def _read_quotes(
    account_id: int, rows: Sequence[Message], *, threads: Mapping[UUID, Thread], floor: UUID
) -> dict[tuple[UUID, str], Message]:
    """The quoted messages by (channel, external id)."""
    wanted = {(threads[row.thread_id].channel_id, row.reply_to) for row in rows if row.reply_to}
    if not wanted:
        return {}
    keys = MessageKey.objects.filter(
        account=account_id,
        channel_id__in={channel for channel, _ in wanted},
        external_id__in={external for _, external in wanted},
    )
    found = {(key.channel_id, key.external_id): key.message_id for key in keys}
    quoted = Message.objects.filter(account=account_id, id__in=[id for id in found.values() if id >= floor])
    messages = {message.id: message for message in quoted}
    return {key: messages[id] for key, id in found.items() if id in messages}


def _shape_message(row: Message, around: _Surroundings) -> MessageShape:
    thread = around.threads[row.thread_id]
    deleted = row.deleted_at is not None
    return MessageShape(
        id=row.id,
        conversation=thread.conversation_id,
        thread=thread.id,
        channel=around.channels[thread.channel_id],
        identity=thread.identity_id,
        direction=row.direction,
        author=_author(row, thread, around),
        type=row.type,
        text=_text(row),
        data={} if deleted else row.data,
        attachments=() if deleted else tuple(_attachment(entry, around.media) for entry in row.attachments),
        reply_to=_quote(row, thread, around),
        reactions=tuple(_reaction(entry, thread, around) for entry in row.reactions if entry["emoji"]),
        revisions=()
        if deleted
        else tuple(Revision(entry["text"], datetime.fromisoformat(entry["at"])) for entry in row.revisions),
        external_id=row.external_id,
        client_id=row.client_id,
        sent_at=row.sent_at,
        received_at=row.received_at,
        status=row.status,
        status_reason=row.status_reason,
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
        private=row.private,
        forwarded=row.forwarded,
        labels=tuple(row.labels),
        fields=row.fields,
    )


def _text(row: Message) -> str:
    if row.author_kind == AuthorKind.SYSTEM:
        return describe_line(row.data)
    return "" if row.deleted_at else row.text


def _author(row: Message, thread: Thread, around: _Surroundings) -> Author:
    if row.author_kind == AuthorKind.USER:
        return Author(row.author_kind, None, around.user_name(thread) or row.author_name)
    if row.author_kind == AuthorKind.AGENT and row.author_id is None:
        channel = around.channels[thread.channel_id].label
        return Author(row.author_kind, None, row.author_name or _("%(channel)s app") % {"channel": channel})
    return Author(row.author_kind, row.author_id, row.author_name)


def _attachment(entry: Mapping[str, Any], media: Mapping[UUID, MediaObject]) -> Attachment:
    id = UUID(entry["id"])
    found = media.get(id)
    state = found.state if found else "failed"
    return Attachment(
        id=id,
        kind=found.kind if found else "file",
        name=(found.name if found else "") or entry["name"],
        type=(found.type if found else "") or entry["type"],
        size=found.size if found and found.size is not None else entry["size"],
        state=state,
        url=f"/api/v1/files/{id}/" if state == "stored" else "",
        voice=bool(entry.get("voice")),
    )


def _quote(row: Message, thread: Thread, around: _Surroundings) -> Quote | None:
    if not row.reply_to:
        return None
    quoted = around.quotes.get((thread.channel_id, row.reply_to))
    if quoted is None:
        return Quote(None, "", "", gone=True)
    author = _author(quoted, thread, around)
    text = "" if quoted.deleted_at else " ".join(quoted.text[:QUOTE_LENGTH].split())
    return Quote(quoted.id, author.name, text, gone=False)


def _reaction(entry: Mapping[str, Any], thread: Thread, around: _Surroundings) -> Reaction:
    return Reaction(entry["emoji"], Author(AuthorKind.USER, None, around.user_name(thread) or entry.get("name", "")))
