"""Timelines. Messages are read by thread, merged by id; everything that hangs on them comes in a fixed number of
queries.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from channels_ingest.models import MediaObject
from identity.selectors import get_names
from inbox.models import Message, MessageKey, Snapshot
from inbox.models.message import AuthorKind
from inbox.selectors.channels import get_channels, show_in_app
from inbox.selectors.handovers import read_handovers
from inbox.selectors.lines import describe_line
from inbox.selectors.mentions import get_mentions
from inbox.selectors.visibility import oldest_visible
from inbox.shapes import (
    Attachment,
    Author,
    Called,
    ChannelShape,
    HandoverShape,
    MessageShape,
    Quote,
    Reaction,
    Revision,
    Timeline,
)
from oneview.common.errors import NotFound

QUOTE_LENGTH = 200
LAST_ID = UUID(int=(1 << 128) - 1)
OUR_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

READ = """
SELECT
  m.id, t.id, t.conversation_id, t.channel_id, t.identity_id, m.direction, m.author_kind, m.author_id, m.author_name,
  m.type, m.text, m.data, m.attachments, m.reply_to, m.reactions, m.revisions, m.external_id, m.client_id, m.sent_at,
  m.received_at, m.status, m.status_reason, m.edited_at, m.deleted_at, m.redacted_at, m.redacted_by,
  m.private, m.forwarded, m.labels, m.fields,
  coalesce(t.address ->> 'platform', '') IN ('ios', 'android')
FROM inbox_message m JOIN inbox_thread t ON (t.account_id, t.id) = (m.account_id, m.thread_id)
WHERE m.account_id = %s AND m.id = ANY(%b::uuid[]) ORDER BY m.id
"""


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
    return _shape(account_id, _read(account_id, [id for id in ids if id >= floor]), floor=floor)


def get_message(account_id: int, message_id: UUID, *, now: datetime, window: timedelta) -> MessageShape:
    """Raises NotFound."""
    found = get_messages(account_id, [message_id], now=now, window=window)
    if not found:
        raise NotFound(_("This message does not exist or can't be seen any more."))
    return found[0]


def get_contexts(
    account_id: int, ids: Iterable[UUID], *, now: datetime, window: timedelta
) -> dict[UUID, Mapping[str, Any]]:
    """What was known of user and account when each message was written, as far as it was kept."""
    floor = oldest_visible(now, window)
    messages = Message.objects.filter(account=account_id, id__in=[id for id in ids if id >= floor])
    snapshots = dict(messages.exclude(snapshot_id=None).values_list("id", "snapshot_id"))
    found = Snapshot.objects.filter(account=account_id, id__in=set(snapshots.values()))
    documents = {row.id: row.document for row in found}
    return {id: documents[snapshot] for id, snapshot in snapshots.items() if snapshot in documents}


class _Row(NamedTuple):
    """A message with what it needs of its thread. JSON is text."""

    id: UUID
    thread: UUID
    conversation: UUID
    channel: UUID
    identity: UUID
    direction: str
    author_kind: str
    author_id: int | None
    author_name: str
    type: str
    text: str
    data: str
    attachments: str
    reply_to: str
    reactions: str
    revisions: str
    external_id: str
    client_id: str
    sent_at: datetime
    received_at: datetime
    status: str
    status_reason: str
    edited_at: datetime | None
    deleted_at: datetime | None
    redacted_at: datetime | None
    redacted_by: str
    private: bool
    forwarded: bool
    labels: str
    fields: str
    in_app: bool


def _read(account_id: int, ids: Sequence[UUID]) -> list[_Row]:
    if not ids:
        return []
    with connection.cursor() as cursor:
        cursor.execute(READ, [account_id, list(ids)])
        return [_Row(*row) for row in cursor.fetchall()]


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

    channels: Mapping[UUID, ChannelShape]
    names: Mapping[UUID, str]
    media: Mapping[UUID, MediaObject]
    quotes: Mapping[tuple[UUID, str], _Row]
    handovers: Mapping[UUID, HandoverShape]
    mentions: Mapping[UUID, tuple[Called, ...]]


def _shape(account_id: int, rows: Sequence[_Row], *, floor: UUID) -> tuple[MessageShape, ...]:
    if not rows:
        return ()
    around = _Surroundings(
        channels=get_channels(account_id),
        names=get_names(account_id, {row.conversation for row in rows}),
        media=_read_media(account_id, rows),
        quotes=_read_quotes(account_id, rows, floor=floor),
        handovers=read_handovers(account_id, [row.id for row in rows if _tells_of_handover(row)]),
        mentions=get_mentions(account_id, [row.id for row in rows if row.private and "@" in row.text]),
    )
    return tuple(_shape_message(row, around) for row in rows)


def _read_media(account_id: int, rows: Sequence[_Row]) -> dict[UUID, MediaObject]:
    ids = [row.id for row in rows if row.attachments != "[]"]
    return (
        {media.id: media for media in MediaObject.objects.filter(account=account_id, message_id__in=ids)} if ids else {}
    )


def _read_quotes(account_id: int, rows: Sequence[_Row], *, floor: UUID) -> dict[tuple[UUID, str], _Row]:
    """The quoted messages by (channel, external id); a visitor, who knows no external ids, names ours."""
    wanted = {(row.channel, row.reply_to) for row in rows if row.reply_to}
    if not wanted:
        return {}
    keys = MessageKey.objects.filter(
        account=account_id,
        channel_id__in={channel for channel, _ in wanted},
        external_id__in={external for _, external in wanted},
    )
    found = {key: UUID(key[1]) for key in wanted if OUR_ID.fullmatch(key[1])}
    found |= {(key.channel_id, key.external_id): key.message_id for key in keys}
    messages = {row.id: row for row in _read(account_id, [id for id in found.values() if id >= floor])}
    return {key: messages[id] for key, id in found.items() if id in messages}


def _shape_message(row: _Row, around: _Surroundings) -> MessageShape:
    deleted = row.deleted_at is not None
    return MessageShape(
        id=row.id,
        conversation=row.conversation,
        thread=row.thread,
        channel=_channel(row, around),
        identity=row.identity,
        direction=row.direction,
        author=_author(row, around),
        type=row.type,
        text=_text(row),
        data={} if deleted else json.loads(row.data),
        attachments=() if deleted else tuple(_attachment(entry, around.media) for entry in json.loads(row.attachments)),
        reply_to=_quote(row, around),
        reactions=tuple(_reaction(entry, row, around) for entry in json.loads(row.reactions) if entry["emoji"]),
        revisions=()
        if deleted
        else tuple(Revision(entry["text"], datetime.fromisoformat(entry["at"])) for entry in json.loads(row.revisions)),
        external_id=row.external_id,
        client_id=row.client_id,
        sent_at=row.sent_at,
        received_at=row.received_at,
        status=row.status,
        status_reason=row.status_reason,
        edited_at=row.edited_at,
        deleted_at=row.deleted_at,
        redacted_at=row.redacted_at,
        redacted_by=row.redacted_by,
        private=row.private,
        forwarded=row.forwarded,
        labels=tuple(json.loads(row.labels)),
        fields=json.loads(row.fields),
        handover=around.handovers.get(row.id),
        mentions=() if deleted else around.mentions.get(row.id, ()),
    )


def _tells_of_handover(row: _Row) -> bool:
    return row.author_kind == AuthorKind.SYSTEM and json.loads(row.data).get("event") == "handed_over"


def _channel(row: _Row, around: _Surroundings) -> ChannelShape:
    channel = around.channels[row.channel]
    return show_in_app(channel) if row.in_app else channel


def _text(row: _Row) -> str:
    if row.author_kind == AuthorKind.SYSTEM and row.private:
        return describe_line(json.loads(row.data))
    return "" if row.deleted_at else row.text


def _author(row: _Row, around: _Surroundings) -> Author:
    if row.author_kind == AuthorKind.USER:
        return Author(row.author_kind, None, around.names.get(row.conversation) or row.author_name)
    if row.author_kind == AuthorKind.AGENT and row.author_id is None:
        channel = around.channels[row.channel].label
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


def _quote(row: _Row, around: _Surroundings) -> Quote | None:
    if not row.reply_to:
        return None
    quoted = around.quotes.get((row.channel, row.reply_to))
    if quoted is None or not _may_quote(row, quoted):
        return Quote(None, "", "", gone=True)
    text = "" if quoted.deleted_at else " ".join(quoted.text[:QUOTE_LENGTH].split())
    text = _("Message redacted") if quoted.redacted_at else text
    return Quote(quoted.id, _author(quoted, around).name, text, gone=False)


def _may_quote(row: _Row, quoted: _Row) -> bool:
    """Whoever names an id of ours may have guessed it: only what they were shown counts."""
    return row.reply_to != str(quoted.id) or (quoted.thread == row.thread and not quoted.private)


def _reaction(entry: Mapping[str, Any], row: _Row, around: _Surroundings) -> Reaction:
    name = around.names.get(row.conversation) or entry.get("name", "")
    return Reaction(entry["emoji"], Author(AuthorKind.USER, None, name))
