"""The events of one entry of a webhook.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from channels_ingest.channels.messenger.content import read_claims, read_content, read_order, read_postback
from channels_ingest.channels.messenger.notices import build_policy_notice, build_roles_notice
from channels_ingest.channels.messenger.reactions import EMOJIS
from channels_ingest.events import (
    UNDATED,
    Broken,
    ConsentChanged,
    Content,
    DeliveredUpTo,
    DeliveryState,
    DeliveryUpdated,
    Event,
    IdentifierLearned,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    MessageType,
    ReactionChanged,
    Sender,
    Unknown,
)
from channels_ingest.payload import (
    MAX_ID,
    Unreadable,
    dump_json,
    read_each,
    read_id,
    read_instant,
    read_list,
    read_object,
    read_text,
)

_OUR_KEY = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Place:
    """What the elements of one entry share: the page and, for what has none of its own, the time. `standby`: another
    app has these conversations, the page only listens.
    """

    page: str
    time: datetime
    standby: bool = False


@dataclass(frozen=True, slots=True)
class Item:
    """One element: the user at the other end, `ours` when the page itself acted, and the time."""

    place: Place
    user: Sender
    ours: bool
    at: datetime


def read_entry(entry: dict[str, Any]) -> Iterator[Event | Broken]:
    """Raises Unreadable where no page is named."""
    page = read_text(entry.get("id"), limit=200).strip()
    if not page:
        raise Unreadable("no page")
    place = Place(page, _read_time(entry.get("time")) or UNDATED)
    yield from read_each(entry.get("messaging"), partial(_read_item, place))
    yield from read_each(entry.get("standby"), partial(_read_item, replace(place, standby=True)))
    yield from read_each(entry.get("changes"), partial(_read_change, place))


def _read_change(place: Place, change: dict[str, Any]) -> Iterator[Event]:
    """Some deliveries wrap an element like this; most fields tell of other things than messages."""
    value = change.get("value")
    if isinstance(value, dict) and _find_kind(value):
        yield from _read_item(place, value)
    else:
        yield Unknown(place.page, place.time, kind=f"change:{read_text(change.get('field'), limit=60)}")


def _read_item(place: Place, item: dict[str, Any]) -> Iterator[Event]:
    kind = _find_kind(item)
    body = item.get(kind)
    at = _read_time(item.get("timestamp")) or _read_time(read_object(body).get("watermark")) or place.time
    if not kind:
        names = [name for name in item if name not in ("sender", "recipient", "timestamp")]
        yield Unknown(place.page, at, kind=read_text(names[0], limit=60) if names else "empty")
        return
    if not isinstance(body, dict):
        raise Unreadable(f"no {kind}")
    if kind in _NOTICES:
        yield _NOTICES[kind](place.page, at, body)
        return
    user, ours = _read_user(place, item)
    if user is not None:
        yield from _READERS[kind](Item(place, user, ours, at), body)
    elif read_text(read_object(item.get("sender")).get("user_ref")) or read_text(body.get("user_ref")):
        yield Unknown(place.page, at, kind=f"{kind}:user_ref")  # nobody yet: the id comes with their first message
    else:
        raise Unreadable("no user")


def _find_kind(item: dict[str, Any]) -> str:
    return next((kind for kind in (*_READERS, *_NOTICES) if item.get(kind) is not None), "")


def _read_user(place: Place, item: dict[str, Any]) -> tuple[Sender | None, bool]:
    """The user and whether the page is the one who acted: then they stand where the recipient does."""
    sender, recipient = (read_object(item.get(side)).get("id") for side in ("sender", "recipient"))
    ours = read_text(sender) == place.page or read_object(item.get("message")).get("is_echo") is True
    user = recipient if ours else sender
    if not read_text(user).strip():
        return None, ours
    return Sender(read_id(user), {"id": read_text(user, limit=MAX_ID)}), ours


def _read_time(value: Any) -> datetime | None:
    try:
        return read_instant(value)
    except Unreadable:
        return None


def _read_message(item: Item, message: dict[str, Any]) -> Iterator[Event]:
    id = read_id(message.get("mid"))
    key = read_text(message.get("metadata"), limit=100)
    if message.get("is_deleted") is True:
        yield MessageDeleted(item.place.page, item.at, id)
    elif item.ours and _OUR_KEY.fullmatch(key):
        yield DeliveryUpdated(item.place.page, item.at, id, DeliveryState.SENT, message_id=key)
    else:
        item = replace(item, user=replace(item.user, claims=() if item.ours else read_claims(message)))
        yield _build_message(item, id, read_content(message))


def _read_postback(item: Item, postback: dict[str, Any]) -> Iterator[Event]:
    """Older versions of the API give it no id."""
    id = postback.get("mid") or _make_id("postback", item, postback.get("payload") or postback.get("title"))
    yield _build_message(item, read_id(id), read_postback(postback))


def _read_order(item: Item, order: dict[str, Any]) -> Iterator[Event]:
    yield _build_message(item, _make_id("order", item, order), read_order(order))


def _build_message(item: Item, id: str, content: Content) -> MessageReceived | MessageEchoed:
    if item.at == UNDATED:
        raise Unreadable("no readable time")
    if item.place.standby:
        content = replace(content, data={**content.data, "standby": True})
    return (MessageEchoed if item.ours else MessageReceived)(item.place.page, item.at, item.user, id, content)


def _make_id(kind: str, item: Item, said: Any) -> str:
    """The same for the same bytes, whatever time they come."""
    digest = hashlib.sha256(dump_json([item.user.value, item.at.isoformat(), said])).hexdigest()
    return f"{kind}:{digest}"


def _read_edit(item: Item, edit: dict[str, Any]) -> Iterator[Event]:
    """Each edit carries the whole new text."""
    content = Content(MessageType.TEXT, read_text(edit.get("text")))
    yield MessageEdited(item.place.page, item.at, read_id(edit.get("mid")), content)


def _read_reaction(item: Item, reaction: dict[str, Any]) -> Iterator[Event]:
    if item.ours:
        yield Unknown(item.place.page, item.at, kind="echo:reaction")
        return
    name = read_text(reaction.get("reaction"), limit=40)
    emoji = read_text(reaction.get("emoji"), limit=40) or EMOJIS.get(name, "")
    if reaction.get("action") == "unreact":
        emoji = ""
    elif not emoji:
        yield Unknown(item.place.page, item.at, kind=f"reaction:{name}")
        return
    yield ReactionChanged(item.place.page, item.at, read_id(reaction.get("mid")), item.user, emoji)


def _read_delivery(item: Item, delivery: dict[str, Any]) -> Iterator[Event]:
    """The ids may be missing or not all; the watermark counts for every message up to it."""
    for mid in filter(read_text, read_list(delivery.get("mids"))):
        yield DeliveryUpdated(item.place.page, item.at, read_id(mid), DeliveryState.DELIVERED)
    yield _build_watermark(item, delivery, DeliveryState.DELIVERED)


def _read_read(item: Item, read: dict[str, Any]) -> Iterator[Event]:
    yield _build_watermark(item, read, DeliveryState.READ)


def _build_watermark(item: Item, receipt: dict[str, Any], state: DeliveryState) -> DeliveredUpTo:
    return DeliveredUpTo(item.place.page, item.at, item.user, state, read_instant(receipt.get("watermark")))


def _read_referral(item: Item, referral: dict[str, Any]) -> Iterator[Event]:
    """A known user came by a link, an advertisement or a plugin, and has said nothing yet."""
    words = {"referral": referral.get("ref"), "referral_source": referral.get("source")}
    told = {name: text for name, word in words.items() if (text := read_text(word, limit=200))}
    yield IdentifierLearned(item.place.page, item.at, replace(item.user, attributes=told))


def _read_optin(item: Item, optin: dict[str, Any]) -> Iterator[Event]:
    """A subscription to notifications, or a click on the "Send to Messenger" plugin."""
    category = read_text(optin.get("type"), limit=60)
    if category:
        granted = optin.get("notification_messages_status") != "STOP_NOTIFICATIONS"
        yield ConsentChanged(item.place.page, item.at, item.user, category, granted)
    else:
        yield from _read_referral(item, optin)


def _ignore(kind: str, item: Item, body: dict[str, Any]) -> Iterator[Event]:
    """What an inbox does nothing about: who has the turn among apps, links to accounts elsewhere, marks for bots."""
    yield Unknown(item.place.page, item.at, kind=kind)


_READERS: dict[str, Callable[[Item, dict[str, Any]], Iterator[Event]]] = {
    "message": _read_message,
    "message_edit": _read_edit,
    "postback": _read_postback,
    "order": _read_order,
    "reaction": _read_reaction,
    "delivery": _read_delivery,
    "read": _read_read,
    "referral": _read_referral,
    "optin": _read_optin,
    **{
        kind: partial(_ignore, kind)
        for kind in (
            "account_linking",
            "pass_thread_control",
            "take_thread_control",
            "request_thread_control",
            "response_feedback",
        )
    },
}
# They tell of the page and have no sender.
_NOTICES = {"policy_enforcement": build_policy_notice, "app_roles": build_roles_notice}
