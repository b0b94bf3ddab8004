"""Who wrote and what: the user and the content of a message object, the same in webhooks, echoes and history."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from channels_ingest.channels.whatsapp.errors import ERRORS
from channels_ingest.events import Claim, Content, MediaRef, MessageType, Sender
from channels_ingest.payload import (
    MAX_ID,
    Unreadable,
    clean_json,
    load_json,
    read_id,
    read_list,
    read_number,
    read_object,
    read_text,
)

Contacts = Mapping[str, Mapping[str, Any]]

_PUNCTUATION = re.compile(r"[\s().-]")
_PHONE = re.compile(r"\+?[0-9]{5,15}", re.ASCII)
_MEDIA = {
    "image": MessageType.IMAGE,
    "video": MessageType.VIDEO,
    "audio": MessageType.AUDIO,
    "document": MessageType.FILE,
    "sticker": MessageType.STICKER,
}


def index_contacts(contacts: Any) -> Contacts:
    """The `contacts` of a value by user id and by phone; their order says nothing."""
    index: dict[str, Mapping[str, Any]] = {}
    for contact in map(read_object, read_list(contacts)):
        for key in ("user_id", "wa_id"):
            if name := read_text(contact.get(key)):
                index[name] = contact
    return index


def read_user(phone: Any, user_id: Any, parent_id: Any, contacts: Contacts) -> Sender:
    """The user behind a phone or a business-scoped user id (BSUID), joined with their contact. Raises Unreadable.

    The platform vouches for the phone and for the parent id. The latter is the same in all portfolios of a business:
    the scope "parent" keeps it apart from the ids of one.
    """
    number, bsuid = read_text(phone), read_text(user_id)
    if number and not read_phone(number):
        number, bsuid = "", bsuid or number
    contact = contacts.get(bsuid) or contacts.get(number) or {}
    bsuid = bsuid or read_text(contact.get("user_id"))
    number = number or read_text(contact.get("wa_id"))
    profile = read_object(contact.get("profile"))
    return build_user(
        number,
        bsuid,
        read_text(parent_id) or read_text(contact.get("parent_user_id")),
        name=read_text(profile.get("name"), limit=200),
        username=read_text(profile.get("username"), limit=200),
    )


def build_user(phone: str, user_id: str, parent_id: str, *, name: str = "", username: str = "") -> Sender:
    number = read_phone(phone)
    if not (number or user_id):
        raise Unreadable("no user")
    claims = [Claim("platform", "phone", f"+{number}")] if number else []
    if parent_id:
        claims.append(Claim("platform", "whatsapp", read_id(parent_id), "parent"))
    address = {"to": number, "recipient": user_id[:MAX_ID]}
    return Sender(
        value=read_id(user_id or number),
        address={key: value for key, value in address.items() if value},
        name=name.strip() or None,
        claims=tuple(claims),
        attributes={"username": username} if username else {},
    )


def read_phone(text: str) -> str:
    """The digits of a phone number, "" for anything else. Not normalised: a reply goes to the number as given."""
    bare = _PUNCTUATION.sub("", text[:40])
    return bare.lstrip("+") if _PHONE.fullmatch(bare) else ""


def read_shared_phones(message: Mapping[str, Any]) -> tuple[Claim, ...]:
    """The numbers a user gave when asked for their own. A card of any other origin proves nothing about who sent it."""
    cards = [
        card for card in map(read_object, read_list(message.get("contacts"))) if card.get("origin") == "contact_request"
    ]
    phones = [read_object(phone) for card in cards for phone in read_list(card.get("phones"))]
    numbers = [read_phone(read_text(phone.get("wa_id")) or read_text(phone.get("phone"))) for phone in phones]
    return tuple(Claim("platform", "phone", f"+{number}") for number in dict.fromkeys(numbers) if number)


def read_content(message: Mapping[str, Any], *, errors: Sequence[Any] = ()) -> Content:
    """`errors` are those of the value around the message; its own go first."""
    kind = read_text(message.get("type"), limit=40)
    read = _READERS.get(kind)
    try:
        content = read(message) if read else None
    except Unreadable:
        content = None
    content = content or _build_unsupported(kind, message, errors)
    context = read_object(message.get("context"))
    extras = {
        "referral": clean_json(read_object(message.get("referral"))),
        "product": clean_json(read_object(context.get("referred_product"))),
        "group": read_text(message.get("group_id"), limit=MAX_ID),
    }
    return replace(
        content,
        data={**content.data, **{key: value for key, value in extras.items() if value}},
        reply_to=read_id(context["id"]) if read_text(context.get("id")).strip() else None,
        forwarded=context.get("forwarded") is True or context.get("frequently_forwarded") is True,
    )


def _read_text(message: Mapping[str, Any]) -> Content | None:
    body = read_text(read_object(message.get("text")).get("body"))
    return Content(MessageType.TEXT, body) if body else None


def _read_media(message: Mapping[str, Any]) -> Content:
    kind = message["type"]
    media = read_object(message.get(kind))
    ref = MediaRef(
        ref={"id": read_id(media.get("id"))},
        type=read_text(media.get("mime_type"), limit=120).partition(";")[0].strip().lower(),
        name=read_text(media.get("filename"), limit=255) or None,
        sha256=_read_digest(media.get("sha256")),
        voice=media.get("voice") is True,
    )
    data = {"animated": True} if media.get("animated") is True else {}
    return Content(_MEDIA[kind], read_text(media.get("caption")), (ref,), data)


def _read_digest(value: Any) -> str | None:
    """The hash of a file comes in base64."""
    try:
        digest = base64.b64decode(read_text(value, limit=100), validate=True)
    except (binascii.Error, ValueError):
        return None
    return digest.hex() if len(digest) == 32 else None


def _read_location(message: Mapping[str, Any]) -> Content | None:
    place = read_object(message.get("location"))
    data = {key: read_number(place.get(key)) for key in ("latitude", "longitude")}
    if None in data.values():
        return None
    words = {key: read_text(place.get(key), limit=1000) for key in ("name", "address", "url")}
    text = ", ".join(words[key] for key in ("name", "address") if words[key])
    return Content(MessageType.LOCATION, text, data={**data, **{key: word for key, word in words.items() if word}})


def _read_cards(message: Mapping[str, Any]) -> Content | None:
    """The vcard says the same once more."""
    given = map(read_object, read_list(message.get("contacts")))
    cards = [{key: value for key, value in card.items() if key != "vcard"} for card in given]
    if not cards:
        return None
    names = [read_text(read_object(card.get("name")).get("formatted_name"), limit=200) for card in cards]
    return Content(MessageType.CONTACT, ", ".join(filter(None, names)), data={"contacts": clean_json(cards)})


def _read_interactive(message: Mapping[str, Any]) -> Content | None:
    """The answer to buttons, a list, a form (JSON in a string, at times broken) or a request to call."""
    answer = read_object(message.get("interactive"))
    name = read_text(answer.get("type"), limit=40)
    body = read_object(answer.get(name))
    if not body:
        return None
    data = {"type": name, **clean_json(body)}
    if name == "nfm_reply":
        form = read_text(body.get("response_json"))
        try:
            data["response_json"] = clean_json(load_json(form.encode()))
        except Unreadable:
            data["response_json"] = form
    text = read_text(body.get("title")) or read_text(body.get("body")) or read_text(body.get("response"))
    return Content(MessageType.TEXT, text, data={"interactive": data})


def _read_button(message: Mapping[str, Any]) -> Content | None:
    button = read_object(message.get("button"))
    text = read_text(button.get("text")) or read_text(button.get("payload"))
    return Content(MessageType.TEXT, text, data={"button": clean_json(button)}) if text else None


def _read_order(message: Mapping[str, Any]) -> Content | None:
    order = clean_json(read_object(message.get("order")))
    items = [read_object(item) for item in read_list(order.get("product_items"))]
    keys = ("quantity", "product_retailer_id", "item_price", "currency")
    lines = [" ".join(filter(None, (read_text(item.get(key), limit=100) for key in keys))) for item in items]
    text = "\n".join(filter(None, [read_text(order.get("text")), *lines]))
    return Content(MessageType.TEXT, text, data={"order": order}) if text else None


def _build_unsupported(kind: str, message: Mapping[str, Any], errors: Sequence[Any]) -> Content:
    """What WhatsApp keeps from us, or what this version cannot show, with the reason where there is one."""
    data = {"type": read_text(read_object(message.get("unsupported")).get("type"), limit=40) or kind}
    for error in map(read_object, [*read_list(message.get("errors")), *errors]):
        code, reason = ERRORS.describe(error)
        data |= {"code": code, "reason": reason}
        break
    return Content(MessageType.UNSUPPORTED, data=data)


_READERS: dict[str, Callable[[Mapping[str, Any]], Content | None]] = {
    **dict.fromkeys(_MEDIA, _read_media),
    "text": _read_text,
    "location": _read_location,
    "contacts": _read_cards,
    "interactive": _read_interactive,
    "button": _read_button,
    "order": _read_order,
}
