"""The events of one update: it has an `update_id` and one part, whose name is its kind.

Private chats are conversations. Groups and channels have many readers and no one user: Unknown.

https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from channels_ingest.channels.telegram.chats import (
    Chat,
    read_connection,
    read_key,
    read_name,
    read_own_phone,
    read_sender,
)
from channels_ingest.channels.telegram.content import read_content
from channels_ingest.events import (
    UNDATED,
    Broken,
    ChannelNotice,
    ConsentChanged,
    Content,
    Event,
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
    Unreadable,
    clean_json,
    dump_json,
    read_id,
    read_instant,
    read_list,
    read_object,
    read_text,
)

CONSENT = "messages"  # whether the user lets the bot write at all
PAID_REACTION = "⭐"
OTHER_REACTION = "❔"  # an emoji of somebody's own drawing: Telegram gives its number only

# What is told in a chat without anybody having written.
_NOTES = (
    "pinned_message",
    "message_auto_delete_timer_changed",
    "write_access_allowed",
    "connected_website",
    "chat_background_set",
    "chat_owner_changed",
    "proximity_alert_triggered",
)
_CONSENTS = {"kicked": False, "member": True}

Part = Mapping[str, Any]


def read_update(update: dict[str, Any], *, came: str) -> Iterator[Event | Broken]:
    """`came`: when the request came, for the kinds that have no time of their own. Raises Unreadable."""
    kinds = [kind for kind in update if kind != "update_id"]
    if "update_id" not in update or not kinds:
        raise Unreadable("no update")
    kind = next((kind for kind in kinds if kind in _READERS), kinds[0])
    part = update[kind]
    if kind not in _READERS:
        yield _pass_over(kind, read_object(part))
    elif not isinstance(part, dict):
        raise Unreadable("not an object")
    else:
        yield from _READERS[kind](part, came)


def _pass_over(kind: str, part: Part) -> Unknown:
    try:
        at = read_instant(part.get("date"))
    except Unreadable:
        at = UNDATED
    return Unknown("", at, kind=read_text(kind, limit=100))


def _find_stranger(kind: str, part: Part) -> Unknown | None:
    """What is no part of a conversation with one user."""
    type = read_text(read_object(part.get("chat")).get("type"), limit=40)
    if type != "private":
        return _pass_over(f"{kind}:{type or 'chat'}", part)
    note = next((note for note in _NOTES if note in part), None)
    return _pass_over(f"{kind}:{note}", part) if note else None


def _read_message(message: Part, came: str) -> Iterator[Event]:
    if stranger := _find_stranger("message", message):
        yield stranger
        return
    chat = Chat(read_key(message["chat"].get("id")))
    yield _build_message(MessageReceived, message, chat, author=_read_author(message, chat))


def _read_business_message(message: Part, came: str) -> Iterator[Event]:
    """In a chat of a business account: of the customer, whose id is the chat's, or of the account's owner.

    What a bot wrote there for the owner was sent by us: its own answer says so.
    """
    if stranger := _find_stranger("business_message", message):
        yield stranger
        return
    if "sender_business_bot" in message:
        yield _pass_over("business_message:bot", message)
        return
    chat = Chat(read_key(message["chat"].get("id")), read_connection(message.get("business_connection_id")))
    if read_key(read_object(message.get("from")).get("id")) == chat.id:
        yield _build_message(MessageReceived, message, chat, author=_read_author(message, chat))
    else:
        yield _build_message(MessageEchoed, message, chat, author=read_sender(message["chat"], chat))


def _read_author(message: Part, chat: Chat) -> Sender:
    user = read_object(message.get("from")) or message["chat"]
    return read_sender(user, chat, claims=read_own_phone(message))


def _build_message(
    event: type[MessageReceived] | type[MessageEchoed], message: Part, chat: Chat, *, author: Sender
) -> Event:
    number = message.get("message_id")
    id, at = chat.name_message(number), read_instant(message.get("date"))
    return event("", at, author, id, read_content(message, chat), sequence=max(int(read_key(number)), 0))


def _read_edit(message: Part, came: str, *, kind: str) -> Iterator[Event]:
    """A location that moves is edited every few seconds, which would bury its chat."""
    if stranger := _find_stranger(kind, message):
        yield stranger
        return
    if "live_period" in read_object(message.get("location")):
        yield _pass_over(f"{kind}:live_location", message)
        return
    connection = message.get("business_connection_id")
    chat = Chat(read_key(message["chat"].get("id")), read_connection(connection) if connection is not None else "")
    at = read_instant(message.get("edit_date") or message.get("date"))
    yield MessageEdited("", at, chat.name_message(message.get("message_id")), read_content(message, chat))


def _read_deletions(deleted: Part, came: str) -> Iterator[Event | Broken]:
    if stranger := _find_stranger("deleted_business_messages", deleted):
        yield stranger
        return
    chat = Chat(read_key(deleted["chat"].get("id")), read_connection(deleted.get("business_connection_id")))
    at = read_instant(came)
    for number in read_list(deleted.get("message_ids")):
        try:
            yield MessageDeleted("", at, chat.name_message(number))
        except Unreadable as error:
            yield Broken(dump_json(number), str(error))


def _read_button(query: Part, came: str) -> Iterator[Event]:
    """A pressed button of an earlier message, old as it may be: `date` would be the message's own, 0 for one that
    Telegram has forgotten.
    """
    message, user = read_object(query.get("message")), read_object(query.get("from"))
    if message and (stranger := _find_stranger("callback_query", message)):
        yield stranger
        return
    connection = message.get("business_connection_id")
    chat = Chat(
        read_key(read_object(message.get("chat")).get("id") if message else user.get("id")),
        read_connection(connection) if connection is not None else "",
    )
    data = read_text(query.get("data"), limit=1000) or read_text(query.get("game_short_name"), limit=200)
    label = _find_label(message, data)
    content = Content(
        MessageType.TEXT,
        label or data,
        data={"button": clean_json({"text": label, "data": data})},
        reply_to=chat.name_message(message.get("message_id")) if message else None,
    )
    id = read_id(f"callback:{read_id(query.get('id'))}")
    yield MessageReceived("", read_instant(came), read_sender(user, chat), id, content)


def _find_label(message: Part, data: str) -> str:
    """What stands on the button that carries `data`."""
    rows = read_list(read_object(message.get("reply_markup")).get("inline_keyboard"))
    buttons = [read_object(button) for row in rows for button in read_list(row)]
    found = (read_text(button.get("text"), limit=1000) for button in buttons if button.get("callback_data") == data)
    return next(found, "")


def _read_reaction(change: Part, came: str) -> Iterator[Event]:
    """The new list replaces the old one; a user may have several."""
    stranger = _find_stranger("message_reaction", change)
    user = read_object(change.get("user"))
    if stranger or not user:
        yield stranger or _pass_over("message_reaction:anonymous", change)
        return
    chat = Chat(read_key(change["chat"].get("id")))
    emoji = "".join(map(_read_emoji, read_list(change.get("new_reaction"))))[:40]
    at = read_instant(change.get("date"))
    yield ReactionChanged("", at, chat.name_message(change.get("message_id")), read_sender(user, chat), emoji)


def _read_emoji(reaction: Any) -> str:
    body = read_object(reaction)
    if body.get("type") == "paid":
        return PAID_REACTION
    return read_text(body.get("emoji"), limit=20) or OTHER_REACTION


def _read_membership(change: Part, came: str) -> Iterator[Event]:
    """The user blocked the bot, or took that back."""
    status = read_text(read_object(change.get("new_chat_member")).get("status"), limit=40)
    stranger = _find_stranger("my_chat_member", change)
    if stranger or status not in _CONSENTS:
        yield stranger or _pass_over(f"my_chat_member:{status}", change)
        return
    chat = Chat(read_key(change["chat"].get("id")))
    sender = read_sender(read_object(change.get("from")) or change["chat"], chat)
    yield ConsentChanged("", read_instant(change.get("date")), sender, CONSENT, _CONSENTS[status])


def _read_connection(connection: Part, came: str) -> Iterator[Event]:
    """A business account lets the bot into its chats, changes what it may do there, or puts it out."""
    name = read_name(read_object(connection.get("user"))) or "Somebody"
    rights = read_object(connection.get("rights"))
    if connection.get("is_enabled") is not True:
        text = f"{name} has disconnected the bot from their business account."
    elif rights.get("can_reply") is True:
        text = f"{name} has connected the bot to their business account. It may reply there."
    else:
        text = f"{name} has connected the bot to their business account. It may not reply there."
    is_enabled = connection.get("is_enabled") is True
    yield ChannelNotice("", read_instant(connection.get("date")), "business", text, severe=not is_enabled)


_READERS: dict[str, Callable[[Part, str], Iterator[Event | Broken]]] = {
    "message": _read_message,
    "edited_message": partial(_read_edit, kind="edited_message"),
    "callback_query": _read_button,
    "message_reaction": _read_reaction,
    "my_chat_member": _read_membership,
    "business_connection": _read_connection,
    "business_message": _read_business_message,
    "edited_business_message": partial(_read_edit, kind="edited_business_message"),
    "deleted_business_messages": _read_deletions,
}
