"""What a system of the tenant's own tells us: one event a request, in the shape that docs/channels/api.md describes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from channels_ingest.events import (
    Claim,
    Content,
    DeliveryState,
    DeliveryUpdated,
    Event,
    MediaRef,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    MessageType,
    ReactionChanged,
    Sender,
    Unknown,
)
from channels_ingest.payload import MAX_ID, Unreadable, read_id, read_instant, read_list, read_object, read_text

MOST_FILES = 10
LONGEST_URL = 2_000
UNDELIVERED = "The message could not be delivered."
# The identity kinds that a user's own entries claim, under the same names.
CLAIMED = ("phone", "email")


def read_event(document: Any, *, came_at: str) -> Event:
    """`came_at`: the Unix seconds that the request was signed at, for what names no time. Raises Unreadable."""
    if not isinstance(document, dict):
        raise Unreadable("not an object")
    kind, data = read_text(document.get("type"), limit=60), document.get("data")
    if not kind:
        raise Unreadable("no type")
    if not isinstance(data, dict):
        raise Unreadable("no data")
    given = data.get("sent_at")
    at = read_instant(came_at) if given is None else read_time(given)
    read = _READERS.get(kind)
    return read(data, at) if read else Unknown("", at, kind=f"type:{kind}")


def read_time(value: Any) -> datetime:
    """An instant of RFC 3339, or Unix seconds or milliseconds. Raises Unreadable."""
    try:
        instant = datetime.fromisoformat(value).astimezone(UTC) if _has_zone(value) else None
    except (ValueError, OverflowError):
        instant = None
    return read_instant(value if instant is None else instant.timestamp())


def _has_zone(value: Any) -> bool:
    """Without its zone a time of the day may be any of a whole day's."""
    return isinstance(value, str) and ":" in value and datetime.fromisoformat(value).tzinfo is not None


def _read_created(data: Mapping[str, Any], at: datetime) -> MessageReceived:
    return MessageReceived("", at, _read_sender(data), read_id(data.get("id")), _read_content(data))


def _read_edited(data: Mapping[str, Any], at: datetime) -> MessageEdited:
    return MessageEdited("", at, read_id(data.get("id")), _read_content(data))


def _read_deleted(data: Mapping[str, Any], at: datetime) -> MessageDeleted:
    return MessageDeleted("", at, read_id(data.get("id")))


def _read_reaction(data: Mapping[str, Any], at: datetime) -> ReactionChanged:
    emoji = read_text(data.get("emoji"), limit=40)
    return ReactionChanged("", at, read_id(data.get("id")), _read_sender(data), emoji)


def _read_delivered(data: Mapping[str, Any], at: datetime) -> DeliveryUpdated:
    return DeliveryUpdated("", at, read_id(data.get("id")), DeliveryState.DELIVERED)


def _read_read(data: Mapping[str, Any], at: datetime) -> DeliveryUpdated:
    return DeliveryUpdated("", at, read_id(data.get("id")), DeliveryState.READ)


def _read_failed(data: Mapping[str, Any], at: datetime) -> DeliveryUpdated:
    reason = read_text(data.get("reason"), limit=300).strip() or UNDELIVERED
    code = read_text(data.get("code"), limit=60)
    return DeliveryUpdated("", at, read_id(data.get("id")), DeliveryState.FAILED, reason, code)


def _read_sender(data: Mapping[str, Any]) -> Sender:
    """What the tenant's system calls proven, it vouches for with its signature; the rest is what the user said."""
    user = read_object(data.get("user"))
    id = read_text(user.get("id")).strip()
    if not id or len(id.encode()) > MAX_ID:
        raise Unreadable(f"the user needs an id of at most {MAX_ID} bytes")
    proven = read_list(user.get("proven"))
    told = {kind: read_text(user.get(kind), limit=MAX_ID // 4).strip() for kind in CLAIMED}
    return Sender(
        value=id,
        address={"id": id},
        name=read_text(user.get("name"), limit=200).strip() or None,
        claims=tuple(
            Claim("signed" if kind in proven else "typed", kind, value) for kind, value in told.items() if value
        ),
        attributes={f"claimed_{kind}": value for kind, value in told.items() if value and kind not in proven},
    )


def _read_content(data: Mapping[str, Any]) -> Content:
    text = read_text(data.get("text"))
    attachments = data.get("attachments") or []
    if not isinstance(attachments, list):
        raise Unreadable("attachments are no list")
    if len(attachments) > MOST_FILES:
        raise Unreadable(f"more than {MOST_FILES} attachments")
    files = tuple(_read_file(read_object(attachment)) for attachment in attachments)
    if not text.strip() and not files:
        raise Unreadable("neither text nor attachments")
    reply_to = data.get("reply_to")
    return Content(
        _choose_type(files[0].type) if files else MessageType.TEXT,
        text,
        media=files,
        reply_to=None if reply_to is None else read_id(reply_to),
    )


def _read_file(attachment: Mapping[str, Any]) -> MediaRef:
    url = read_text(attachment.get("url"))
    if not url.startswith(("https://", "http://")) or len(url) > LONGEST_URL:
        raise Unreadable(f"an attachment needs a url of at most {LONGEST_URL} characters")
    return MediaRef(
        ref={"url": url},
        type=read_text(attachment.get("type"), limit=120).partition(";")[0].strip().lower(),
        name=read_text(attachment.get("name"), limit=255) or None,
    )


def _choose_type(mime_type: str) -> MessageType:
    family = mime_type.partition("/")[0]
    return MessageType(family) if family in ("image", "audio", "video") else MessageType.FILE


_READERS: dict[str, Callable[[Mapping[str, Any], datetime], Event]] = {
    "message.created": _read_created,
    "message.edited": _read_edited,
    "message.deleted": _read_deleted,
    "message.delivered": _read_delivered,
    "message.read": _read_read,
    "message.failed": _read_failed,
    "reaction": _read_reaction,
}
