"""What a message says, the same when a user wrote it and when it is an echo.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events/messages
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from channels_ingest.events import Claim, Content, MediaRef, MessageType
from channels_ingest.payload import clean_json, read_id, read_list, read_number, read_object, read_text

SITE = "https://www.facebook.com"

# The MIME types that Messenger turns files into; it does not say them. Of a file that was attached nothing is known.
_MEDIA = {
    "image": (MessageType.IMAGE, "image/jpeg"),
    "audio": (MessageType.AUDIO, "audio/mp4"),
    "video": (MessageType.VIDEO, "video/mp4"),
    "file": (MessageType.FILE, ""),
    "sticker": (MessageType.STICKER, "image/png"),
}
_EMAIL = re.compile(r"[^\s@<>]{1,64}@[^\s@<>]{1,200}\.[^\s@<>]{2,63}")
_PHONE = re.compile(r"\+[0-9]{7,15}", re.ASCII)
_PLACE_NAMES = {"latitude": "lat", "longitude": "long"}


def read_content(message: Mapping[str, Any]) -> Content:
    """An album is one message with many attachments; its type is that of the first file, place or card."""
    text = read_text(message.get("text"))
    parts = [_read_attachment(attachment) for attachment in _list_attachments(message)]
    lines = [text, *(part.text for part in parts if not _is_said(part, text))]
    text = "\n".join(filter(None, lines))
    kinds = (part.type for part in parts if part.type not in (MessageType.TEXT, MessageType.UNSUPPORTED))
    type = next(kinds, MessageType.TEXT if text else MessageType.UNSUPPORTED)
    data = {key: value for part in reversed(parts) for key, value in part.data.items()}
    if type == MessageType.UNSUPPORTED and not data:
        data = {"type": "empty"}
    reply_to = read_object(message.get("reply_to")).get("mid")
    return Content(
        type,
        text,
        media=tuple(media for part in parts for media in part.media),
        data=data | _read_extras(message),
        reply_to=read_id(reply_to) if read_text(reply_to).strip() else None,
    )


def read_claims(message: Mapping[str, Any]) -> tuple[Claim, ...]:
    """A phone or e-mail that the user gave when asked: the payload of such an answer is its text. It can be edited
    before it is sent, so it is no proof.
    """
    answer = read_text(read_object(message.get("quick_reply")).get("payload")).strip()
    if answer != read_text(message.get("text")).strip() or not answer.isascii():
        return ()
    if _PHONE.fullmatch(answer):
        return (Claim("typed", "phone", answer),)
    return (Claim("typed", "email", answer),) if _EMAIL.fullmatch(answer) else ()


def read_postback(postback: Mapping[str, Any]) -> Content:
    """A tap on a button, a menu or an ice breaker. In standby the payload is kept from us."""
    title, payload = read_text(postback.get("title")), read_text(postback.get("payload"))
    text = title or payload
    return Content(
        MessageType.TEXT if text else MessageType.UNSUPPORTED,
        text,
        data=({"postback": payload} if payload else {}) | _read_extras(postback),
    )


def read_order(order: Mapping[str, Any]) -> Content:
    """A cart. Its fields are named differently in different places of Meta's pages."""
    lines = [read_text(order.get("note"))]
    for product in map(read_object, read_list(order.get("products"))):
        name = read_text(product.get("name"), limit=200) or read_text(product.get("retailer_id"), limit=200)
        words = (product.get("quantity"), name or product.get("id"), product.get("unit_price"), product.get("currency"))
        lines.append(" ".join(filter(None, (read_text(word, limit=200) for word in words))))
    text = "\n".join(filter(None, lines))
    return Content(MessageType.TEXT if text else MessageType.UNSUPPORTED, text, data={"order": clean_json(order)})


def _read_extras(message: Mapping[str, Any]) -> dict[str, Any]:
    """How the message came to be, beside what it says. `app`: the application that wrote an echo."""
    quick_reply, commands = read_object(message.get("quick_reply")), read_list(message.get("commands"))
    extras = {
        "quick_reply": read_text(quick_reply.get("payload")),
        "referral": clean_json(read_object(message.get("referral"))),
        "commands": [read_text(read_object(command).get("name"), limit=200) for command in commands],
        "app": read_text(message.get("app_id"), limit=40),
    }
    return {key: value for key, value in extras.items() if value}


def _list_attachments(message: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """For a time a sticker came twice, as an image and as a sticker: once is enough."""
    stickers = set()
    for attachment in map(read_object, read_list(message.get("attachments"))):
        sticker = _read_sticker(attachment)
        if not sticker or sticker not in stickers:
            yield attachment
        stickers.add(sticker)


def _read_sticker(attachment: Mapping[str, Any]) -> str:
    return read_text(read_object(attachment.get("payload")).get("sticker_id"), limit=40)


def _read_attachment(attachment: Mapping[str, Any]) -> Content:
    kind = read_text(attachment.get("type"), limit=40)
    read = _READERS.get(kind)
    return (read(attachment) if read else None) or Content(MessageType.UNSUPPORTED, data={"type": kind})


def _read_media(attachment: Mapping[str, Any]) -> Content | None:
    url = read_text(read_object(attachment.get("payload")).get("url"))
    if not url:
        return None
    sticker = _read_sticker(attachment)
    kind = "sticker" if sticker else attachment["type"]
    type, mime_type = _MEDIA[kind]
    name = _read_name(url) if kind == "file" else None
    return Content(
        type,
        media=(MediaRef({"url": url}, mime_type, name),),
        data={"sticker_id": sticker} if sticker else {},
    )


def _read_name(url: str) -> str | None:
    """The name of a file is told by its address alone."""
    try:
        path = urlsplit(url).path
    except ValueError:
        return None
    return read_text(unquote(path.rpartition("/")[2]), limit=255) or None


def _read_link(attachment: Mapping[str, Any]) -> Content | None:
    """A page, a post or a reel. What is told of it stands in the payload or around it; addresses may be relative."""
    payload = read_object(attachment.get("payload"))
    url = read_text(payload.get("url")) or read_text(attachment.get("url"))
    title = read_text(payload.get("title"), limit=1000) or read_text(attachment.get("title"), limit=1000)
    if not url:
        return Content(MessageType.TEXT, title) if title else None
    link = {
        "type": read_text(attachment.get("type"), limit=40),
        "url": f"{SITE}{url}" if url.startswith("/") else url,
        "title": title,
        "id": read_text(payload.get("id"), limit=100) or read_text(payload.get("reel_video_id"), limit=100),
    }
    data = {"link": {key: value for key, value in link.items() if value}}
    return Content(MessageType.TEXT, " ".join(filter(None, (title, link["url"]))), data=data)


def _is_said(part: Content, text: str) -> bool:
    """Whether the words of the message hold this link already."""
    url = part.data.get("link", {}).get("url")
    return bool(url and url in text)


def _read_location(attachment: Mapping[str, Any]) -> Content | None:
    coordinates = read_object(read_object(attachment.get("payload")).get("coordinates"))
    place = {name: _read_degrees(coordinates.get(given)) for name, given in _PLACE_NAMES.items()}
    if None in place.values():
        return None
    title = read_text(attachment.get("title"), limit=1000)
    return Content(MessageType.LOCATION, title, data={**place, **({"name": title} if title else {})})


def _read_degrees(value: Any) -> float | int | None:
    if isinstance(value, str):
        try:
            degrees = float(value[:40])
        except ValueError:
            return None
        return degrees if math.isfinite(degrees) else None
    return read_number(value)


def _read_template(attachment: Mapping[str, Any]) -> Content:
    """Buttons and cards in an echo, or products that a user shares."""
    payload = read_object(attachment.get("payload"))
    elements = [*read_list(payload.get("elements")), *read_list(read_object(payload.get("product")).get("elements"))]
    cards = [(read_text(card.get("title")), read_text(card.get("subtitle"))) for card in map(read_object, elements)]
    lines = [read_text(payload.get("text")), *(": ".join(filter(None, card)) for card in cards)]
    text = "\n".join(filter(None, lines)) or read_text(attachment.get("title"), limit=1000)
    type = MessageType.TEMPLATE if text else MessageType.UNSUPPORTED
    return Content(type, text, data={"template": clean_json(payload)})


def _read_appointment(attachment: Mapping[str, Any]) -> Content:
    booking = read_object(attachment.get("payload"))
    status = read_text(booking.get("status"), limit=40)
    return Content(MessageType.TEXT, f"Appointment {status}".strip(), data={"appointment": clean_json(booking)})


_READERS: dict[str, Callable[[Mapping[str, Any]], Content | None]] = {
    **dict.fromkeys(_MEDIA, _read_media),
    **dict.fromkeys(("fallback", "share", "post", "ig_post", "reel", "ig_reel"), _read_link),
    "location": _read_location,
    "template": _read_template,
    "appointment_booking": _read_appointment,
}
