"""What may be done with channels, files and messages on their way. Runs inside the caller's scope."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from channels_ingest.base import ChannelAdapter, secrets
from channels_ingest.calls import LOCAL_FIELD
from channels_ingest.events import DeliveryState, DeliveryUpdated, MediaRef
from channels_ingest.media import clean_name, make_folder, make_path, path_of, write_file
from channels_ingest.models import (
    Channel,
    EndedSession,
    InboundEvent,
    MediaObject,
    MediaState,
    OutboxMessage,
    OutboxState,
)
from channels_ingest.outbox import DELIVER
from channels_ingest.registry import load_channels
from channels_ingest.replay import replay_quarantined as replay_quarantined
from channels_ingest.selectors import describe_channel
from channels_ingest.sink import Received, get_sink
from channels_ingest.sniffing import kind_of, sniff_type
from oneview.common.errors import Conflict, FieldError, Invalid, NotFound, NotPossible
from oneview.common.ids import new_id, time_of
from oneview.common.jobs import enqueue_on_commit
from oneview.common.scope import scope

LONGEST_TYPE = 120
RETRIED = "retried"

_WITHDRAW = """
UPDATE channels_ingest_outboxmessage o SET
  withdrawn = %s, code = %s, reason = %s, state = CASE WHEN o.state = 'queued' THEN 'failed' ELSE o.state END
FROM channels_ingest_channel c
WHERE o.account_id = %s AND o.message_id = ANY(%b::uuid[]) AND o.state IN ('queued', 'sending')
  AND (c.account_id, c.id) = (o.account_id, o.channel_id) AND c.kind <> ALL(%s)
RETURNING o.message_id, o.state
"""

_WANT_MEDIA = """
INSERT INTO channels_ingest_mediaobject
  (account_id, id, channel_id, message_id, kind, name, type, size, ref, state, path, attempts, next_attempt_at, reason)
SELECT %s, id, channel_id, message_id, kind, name, type, size, ref::jsonb, 'wanted', '', 0, now(), ''
FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::text[])
  AS wanted(id, channel_id, message_id, kind, name, type, size, ref)
"""


@dataclass(frozen=True, slots=True)
class WantedMedia:
    """A file that is still at the provider: the id it will have here, and the message it belongs to."""

    id: UUID
    channel_id: UUID
    message_id: UUID
    kind: str
    ref: MediaRef


@dataclass(frozen=True, slots=True)
class Claimed:
    """An upload that a message names as its own."""

    id: UUID
    message_id: UUID
    channel_id: UUID


def create_channel(
    account_id: int, *, kind: str, name: str, external_id: str, credentials: Mapping[str, Any]
) -> Channel:
    """Raises Invalid, and Conflict when this provider account is connected already, in whatever account."""
    adapter = load_channels().get(kind)
    if adapter is None:
        raise Invalid(FieldError("kind", "invalid", _("There is no such kind of channel.")))
    external_id, name = external_id.strip(), name.strip()
    if not external_id or not name:
        field = "name" if external_id else "external_id"
        raise Invalid(FieldError(field, "required", _("This is needed.")))
    channel = Channel(account_id=account_id, kind=kind, name=name, external_id=external_id)
    channel.credentials = _check_credentials(adapter, credentials)
    try:
        with transaction.atomic():
            channel.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(_("This channel is connected already.")) from error
    return channel


def update_channel(account_id: int, channel_id: UUID, *, name: str, credentials: Mapping[str, Any]) -> Channel:
    """Also connects a disconnected channel again: what waited is sent. Raises NotFound and Invalid."""
    channel = Channel.objects.select_for_update(no_key=True).filter(account_id=account_id, id=channel_id).first()
    if channel is None:
        raise NotFound
    channel.credentials = _check_credentials(load_channels()[channel.kind], credentials)
    channel.name, channel.state, channel.state_reason = name.strip() or channel.name, Channel.State.CONNECTED, ""
    channel.save(update_fields=["name", "credentials", "state", "state_reason"])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE channels_ingest_outboxmessage SET next_attempt_at = now() "
            "WHERE account_id = %s AND channel_id = %s AND state = 'queued' AND next_attempt_at > now()",
            [account_id, channel_id],
        )
    enqueue_on_commit("channels_ingest.tasks.sweep_outbox", queue="periodic")
    return channel


def drop_former_secrets(account_id: int, channel_id: UUID, *, field: str) -> None:
    """Only the newest value of a rotating secret is valid from now on. Raises NotFound, NotPossible where there is no
    other.
    """
    channel = Channel.objects.select_for_update(no_key=True).filter(account_id=account_id, id=channel_id).first()
    if channel is None:
        raise NotFound
    values = secrets(channel.credentials, field)
    if len(values) < 2:
        raise NotPossible(_("There is only one value of this secret."))
    channel.credentials = {**channel.credentials, field: values[0]}
    channel.save(update_fields=["credentials"])


def enqueue_message(
    account_id: int, *, channel_id: UUID, thread_id: UUID, message_id: UUID, content: Mapping[str, Any], now: datetime
) -> None:
    """Puts a message into the outbox; it is sent after the commit, behind the others of its thread.

    `content`: `address` {..}, `text`, `reply_to` an external id or None, `files` [media ids], `reaction` [external id,
    emoji] or None, `template` {..} or None, `until` the ISO instant after which it must not be sent or None.
    """
    OutboxMessage.objects.create(
        account_id=account_id,
        channel_id=channel_id,
        thread_id=thread_id,
        message_id=message_id,
        content=dict(content),
        next_attempt_at=now,
    )
    enqueue_on_commit(DELIVER, account_id, str(thread_id), queue="outbound")


def withdraw_messages(account_id: int, message_ids: Sequence[UUID], *, code: str, reason: str) -> list[UUID]:
    """Keeps messages from going out; those that have failed by it, of which the caller tells the sink's side.

    One that is being sent is left alone: should it come back unsent it fails then, and the sink is told with `code`.
    Where a message is seen as soon as it is stored there is nothing to hold back.
    """
    instant = [kind for kind, adapter in load_channels().items() if adapter.capabilities.instant]
    with connection.cursor() as cursor:
        cursor.execute(_WITHDRAW, [code, code, reason, account_id, list(message_ids), instant])
        return [message for message, state in cursor.fetchall() if state == OutboxState.FAILED]


def retry_delivery(account_id: int, outbox_id: UUID) -> None:
    """Sends a failed message again, or one whose outcome nobody knows. Raises NotFound and NotPossible."""
    with scope(account_id) as now:
        rows = OutboxMessage.objects.select_for_update(no_key=True, of=("self",)).select_related("channel")
        row = rows.filter(account_id=account_id, id=outbox_id).first()
        if row is None:
            raise NotFound
        if row.withdrawn:
            raise NotPossible(_("This message was withdrawn. What it said is for people to say now."))
        event = DeliveryUpdated(
            row.channel.external_id,
            now,
            external_id="",
            state=DeliveryState.QUEUED,
            code=RETRIED,
            message_id=str(row.message_id),
        )
        get_sink()(account_id, [Received(event, describe_channel(row.channel), now, row.id)], now=now)
        settled = OutboxMessage.objects.filter(
            account_id=account_id,
            id=outbox_id,
            state__in=(OutboxState.FAILED, OutboxState.UNKNOWN),
            content__isnull=False,
        )
        if not settled.update(
            state=OutboxState.QUEUED,
            attempts=0,
            token=None,
            leased_until=None,
            next_attempt_at=now,
            reason="",
            code="",
        ):
            raise NotPossible(_("Only a message that failed can be sent again."))
        enqueue_on_commit(DELIVER, account_id, str(row.thread_id), queue="outbound")


def store_request(account_id: int, channel_id: UUID, *, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """A request that came in by another way than the door, for the drain; it finds it within half a second."""
    InboundEvent.objects.create(
        account_id=account_id, channel_id=channel_id, headers=dict(headers), body=body, received_at=now
    )


def end_session(account_id: int, channel_id: UUID, session: str, *, now: datetime) -> None:
    """The door and open sockets learn of it within seconds."""
    EndedSession.objects.create(account_id=account_id, channel_id=channel_id, session=session, ended_at=now)


def want_media(account_id: int, wanted: Sequence[WantedMedia]) -> None:
    """Notes files of new messages; they are fetched after the commit."""
    if not wanted:
        return
    rows = [
        (
            media.id,
            media.channel_id,
            media.message_id,
            media.kind,
            clean_name(media.ref.name or ""),
            media.ref.type[:LONGEST_TYPE],
            media.ref.size,
            json.dumps({**media.ref.ref, **({"sha256": media.ref.sha256} if media.ref.sha256 else {})}),
        )
        for media in wanted
    ]
    with connection.cursor() as cursor:
        cursor.execute(_WANT_MEDIA, [account_id, *(list(column) for column in zip(*rows, strict=True))])
    enqueue_on_commit("channels_ingest.tasks.sweep_media", queue="media")


def store_upload(account_id: int, *, name: str, content_type: str, content: bytes) -> MediaObject:
    """A file that an agent or visitor gives; it belongs to no message until `claim_uploads`."""
    media = MediaObject(account_id=account_id, id=new_id(), name=clean_name(name), state=MediaState.STORED)
    media.type = sniff_type(content, declared=content_type)
    media.kind, media.size = kind_of(media.type), len(content)
    media.path = write_file(account_id, media.id, content, day=time_of(media.id).date())
    media.save(force_insert=True)
    return media


def claim_uploads(account_id: int, ids: Sequence[UUID], *, message_id: UUID, channel_id: UUID) -> None:
    """Makes uploads the files of a message. Raises Invalid when one is not there or belongs to another message."""
    if take_uploads(account_id, [Claimed(id, message_id, channel_id) for id in ids]).keys() != set(ids):
        raise Invalid(FieldError("attachments", "not_found", _("A file was not found. Upload it again.")))


def take_uploads(account_id: int, claims: Sequence[Claimed]) -> dict[UUID, UUID]:
    """Makes uploads the files of arriving messages: the message of each. Those that are gone, or that a message has,
    stay out; the first that names one gets it.
    """
    wanted: dict[UUID, Claimed] = {}
    for claim in claims:
        wanted.setdefault(claim.id, claim)
    if not wanted:
        return {}
    uploads = list(
        MediaObject.objects.select_for_update(no_key=True)
        .filter(account_id=account_id, id__in=list(wanted), state=MediaState.STORED, message_id=None)
        .order_by("id")
    )
    for media in uploads:
        claim = wanted[media.id]
        _move_to_day(media, time_of(claim.message_id).date())
        media.message_id, media.channel_id = claim.message_id, claim.channel_id
    MediaObject.objects.bulk_update(uploads, ["message_id", "channel_id", "path"])
    return {media.id: wanted[media.id].message_id for media in uploads}


def _move_to_day(media: MediaObject, day: date) -> None:
    """A file uploaded before midnight must not leave a day before its message. The old name goes with its day."""
    path = make_path(media.account_id, media.id, day=day)
    if path != media.path:
        target = Path(settings.MEDIA_ROOT, path)
        make_folder(target.parent)
        with suppress(FileExistsError):
            target.hardlink_to(path_of(media))
        media.path = path


def _check_credentials(adapter: ChannelAdapter, credentials: Mapping[str, Any]) -> dict[str, Any]:
    """The document to store. Raises Invalid, naming every entry that is missing, unknown or no text."""
    fields = {field.name: field for field in adapter.credentials}
    errors = [
        FieldError(name, "required", _("This is needed."))
        for name, field in fields.items()
        if field.required and not secrets(credentials, name)
    ]
    for name, value in credentials.items():
        if name not in fields and not (name == LOCAL_FIELD and settings.ALLOW_LOCAL_PROVIDERS):
            errors.append(FieldError(name, "unknown", _("This channel has no such entry.")))
        values = value if isinstance(value, list) and name in fields and fields[name].rotates else [value]
        if not all(isinstance(each, str) for each in values):
            errors.append(FieldError(name, "invalid", _("This must be text.")))
    if errors:
        raise Invalid(*errors)
    return dict(credentials)
