"""What a message says: the part of a Message object that depends on its kind.

https://core.telegram.org/bots/api#message
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from channels_ingest.channels.telegram.chats import Chat, read_name
from channels_ingest.events import Content, MediaRef, MessageType
from channels_ingest.payload import (
    MAX_ID,
    Unreadable,
    clean_json,
    read_id,
    read_list,
    read_number,
    read_object,
    read_text,
)

_START = re.compile(r"/start(?:@\w+)?\s+(\S.*)", re.DOTALL)
_LARGEST_SIZE = 2**53
# Objects that stand in a message whatever it says; another one names a kind that is not shown.
_ENVELOPE = {
    "chat",
    "from",
    "sender_chat",
    "sender_business_bot",
    "direct_messages_topic",
    "forward_origin",
    "reply_to_message",
    "reply_to_story",
    "external_reply",
    "quote",
    "via_bot",
    "suggested_post_info",
    "entities",
    "caption_entities",
    "link_preview_options",
    "reply_markup",
}
# Kinds of file, with the MIME type of those that do not say it.
_FILES = {
    "video": (MessageType.VIDEO, "video/mp4"),
    "video_note": (MessageType.VIDEO, "video/mp4"),
    "live_photo": (MessageType.VIDEO, "video/mp4"),
    "audio": (MessageType.AUDIO, "audio/mpeg"),
    "voice": (MessageType.AUDIO, "audio/ogg"),
    "document": (MessageType.FILE, "application/octet-stream"),
}


def read_content(message: Mapping[str, Any], chat: Chat) -> Content:
    """Never raises: what is not understood becomes a message of type unsupported that holds it."""
    content = _read_kind(message)
    origin = read_object(message.get("forward_origin"))
    extras = {
        "media_group_id": read_text(message.get("media_group_id"), limit=MAX_ID),
        "quote": read_text(read_object(message.get("quote")).get("text")),
        "forwarded_from": _read_origin(origin),
        "links": list(_list_hidden_links(message)),
    }
    return replace(
        content,
        data={**content.data, **{name: value for name, value in extras.items() if value}},
        reply_to=_read_quoted(message, chat),
        forwarded=bool(origin),
    )


def _read_kind(message: Mapping[str, Any]) -> Content:
    for kind, read in _READERS.items():
        if kind in message:
            try:
                return read(message)
            except Unreadable:
                break
    else:
        bodies = (key for key, value in message.items() if isinstance(value, dict | list) and key not in _ENVELOPE)
        kind = next(bodies, "")
    what = clean_json({kind: message[kind]}) if kind in message else {}
    return Content(
        MessageType.UNSUPPORTED,
        read_text(message.get("caption")),
        data={**what, "type": read_text(kind, limit=60)},
    )


def _read_quoted(message: Mapping[str, Any], chat: Chat) -> str | None:
    try:
        return chat.name_message(read_object(message.get("reply_to_message")).get("message_id"))
    except Unreadable:
        return None


def _read_origin(origin: Mapping[str, Any]) -> str:
    """The name of who wrote a forwarded message: a user, one who hides, a group or a channel."""
    room = read_object(origin.get("sender_chat")) or read_object(origin.get("chat"))
    return (
        read_name(read_object(origin.get("sender_user")))
        or read_text(origin.get("sender_user_name"), limit=200)
        or read_text(room.get("title"), limit=200)
    )


def _list_hidden_links(message: Mapping[str, Any]) -> Iterator[str]:
    """Addresses behind words of the text: the text alone does not show them."""
    for entity in map(read_object, read_list(message.get("entities")) + read_list(message.get("caption_entities"))):
        if entity.get("type") == "text_link" and (url := read_text(entity.get("url"), limit=2000)):
            yield url


def _read_text(message: Mapping[str, Any]) -> Content:
    """What a deep link carries comes behind `/start`."""
    text = read_text(message["text"])
    if not text:
        raise Unreadable("no text")
    start = _START.fullmatch(text)
    return Content(MessageType.TEXT, text, data={"start": start[1].strip()} if start else {})


def _read_photo(message: Mapping[str, Any]) -> Content:
    """The same picture in rising sizes."""
    sizes = [size for size in read_list(message["photo"]) if isinstance(size, dict)]
    if not sizes:
        raise Unreadable("no picture")
    return Content(MessageType.IMAGE, read_text(message.get("caption")), (_build_ref(sizes[-1], "image/jpeg"),))


def _read_file(kind: str, message: Mapping[str, Any]) -> Content:
    type, usual = _FILES[kind]
    file = read_object(message[kind])
    song = " - ".join(filter(None, (read_text(file.get(part), limit=100) for part in ("performer", "title"))))
    ref = replace(_build_ref(file, usual, name=song), voice=kind == "voice")
    return Content(type, read_text(message.get("caption")), (ref,))


def _read_animation(message: Mapping[str, Any]) -> Content:
    """A film without sound, or a GIF that its sender's app did not turn into one."""
    ref = _build_ref(read_object(message["animation"]), "video/mp4")
    type = MessageType.IMAGE if ref.type.startswith("image/") else MessageType.VIDEO
    return Content(type, read_text(message.get("caption")), (ref,))


def _read_sticker(message: Mapping[str, Any]) -> Content:
    """One that moves has a format no browser shows, or is a film: its still picture stands for it."""
    sticker = read_object(message["sticker"])
    moves = sticker.get("is_animated") is True or sticker.get("is_video") is True
    still = read_object(sticker.get("thumbnail")) if moves else {}
    return Content(
        MessageType.STICKER,
        read_text(sticker.get("emoji"), limit=40),
        (_build_ref(still or sticker, "image/webp"),),
        data={"animated": True} if moves else {},
    )


def _build_ref(file: Mapping[str, Any], usual: str, *, name: str = "") -> MediaRef:
    size = read_number(file.get("file_size"))
    return MediaRef(
        ref={"id": read_id(file.get("file_id"))},
        type=read_text(file.get("mime_type"), limit=120).partition(";")[0].strip().lower() or usual,
        name=read_text(file.get("file_name"), limit=255) or name or None,
        size=size if isinstance(size, int) and 0 < size < _LARGEST_SIZE else None,
    )


def _read_location(message: Mapping[str, Any]) -> Content:
    """A pin, one that moves for `live_period` seconds, or a place with a name: then there is a venue as well."""
    venue = read_object(message.get("venue"))
    pin = read_object(message["location"])
    data = {part: read_number(pin.get(part)) for part in ("latitude", "longitude")}
    if None in data.values():
        raise Unreadable("no place")
    if (live := read_number(pin.get("live_period"))) is not None:
        data["live_period"] = live
    words = {"name": read_text(venue.get("title"), limit=1000), "address": read_text(venue.get("address"), limit=1000)}
    told = {name: word for name, word in words.items() if word}
    return Content(MessageType.LOCATION, ", ".join(told.values()), data={**data, **told})


def _read_contact(message: Mapping[str, Any]) -> Content:
    """The vcard says the same once more."""
    card = read_object(message["contact"])
    parts = ("phone_number", "user_id")
    data = {"name": read_name(card), **{part: read_text(card.get(part), limit=60) for part in parts}}
    data = {name: value for name, value in data.items() if value}
    if not data:
        raise Unreadable("an empty card")
    return Content(MessageType.CONTACT, data.get("name", ""), data={"contacts": [data]})


def _read_poll(message: Mapping[str, Any]) -> Content:
    return _build_list("poll", message, title="question", entries="options")


def _read_checklist(message: Mapping[str, Any]) -> Content:
    return _build_list("checklist", message, title="title", entries="tasks")


def _build_list(kind: str, message: Mapping[str, Any], *, title: str, entries: str) -> Content:
    body = read_object(message[kind])
    lines = [read_text(read_object(entry).get("text"), limit=300) for entry in read_list(body.get(entries))]
    text = "\n".join(filter(None, [read_text(body.get(title), limit=300), *(f"- {line}" for line in lines if line)]))
    if not text:
        raise Unreadable("an empty list")
    return Content(MessageType.TEXT, text, data={kind: clean_json(body)})


def _read_dice(message: Mapping[str, Any]) -> Content:
    dice = read_object(message["dice"])
    text = " ".join(filter(None, (read_text(dice.get("emoji"), limit=40), read_text(dice.get("value"), limit=40))))
    if not text:
        raise Unreadable("no dice")
    return Content(MessageType.TEXT, text, data={"dice": clean_json(dice)})


def _read_web_app(message: Mapping[str, Any]) -> Content:
    """What a web page that a button opened hands back; any user could make it up."""
    answer = clean_json(read_object(message["web_app_data"]))
    return Content(MessageType.TEXT, read_text(answer.get("button_text")), data={"web_app": answer})


# The first key that is there counts: an animation comes with a document as well.
_READERS: dict[str, Callable[[Mapping[str, Any]], Content]] = {
    "text": _read_text,
    "photo": _read_photo,
    "animation": _read_animation,
    **{kind: partial(_read_file, kind) for kind in _FILES},
    "sticker": _read_sticker,
    "location": _read_location,
    "contact": _read_contact,
    "poll": _read_poll,
    "checklist": _read_checklist,
    "dice": _read_dice,
    "web_app_data": _read_web_app,
}
