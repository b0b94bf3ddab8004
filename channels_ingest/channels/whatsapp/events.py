"""The events of one change of a webhook.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from channels_ingest.channels.whatsapp.content import (
    Contacts,
    build_user,
    index_contacts,
    read_content,
    read_phone,
    read_shared_phones,
    read_user,
)
from channels_ingest.channels.whatsapp.errors import ERRORS, UNDELIVERED
from channels_ingest.channels.whatsapp.notices import NOTICES, build_notice
from channels_ingest.events import (
    UNDATED,
    AddressChanged,
    Broken,
    ChannelNotice,
    ConsentChanged,
    DeliveryState,
    DeliveryUpdated,
    Event,
    IdentifierLearned,
    MessageDeleted,
    MessageEchoed,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    Sender,
    Unknown,
)
from channels_ingest.payload import (
    Unreadable,
    read_each,
    read_id,
    read_instant,
    read_list,
    read_object,
    read_text,
)

_STATES = {
    "sent": DeliveryState.SENT,
    "delivered": DeliveryState.DELIVERED,
    "read": DeliveryState.READ,
    "played": DeliveryState.READ,
    "failed": DeliveryState.FAILED,
}
_ADDRESS_CHANGES = {"user_changed_number", "user_changed_user_id", "customer_changed_number"}
_CHANGED = re.compile(r" changed from (\S{1,200}) to (\S{1,200})")


@dataclass(frozen=True, slots=True)
class Value:
    """What the elements of one `value` share: the channel (`phone_number_id`), our number, contacts, errors."""

    recipient: str
    number: str
    contacts: Contacts
    errors: list[Any]


def read_change(change: dict[str, Any], *, time: datetime) -> Iterator[Event | Broken]:
    """`time` is that of the entry, for what has none of its own. Raises Unreadable where no channel is named."""
    field, body = read_text(change.get("field"), limit=60), change.get("value")
    if not isinstance(body, dict):
        raise Unreadable("no value")
    metadata = read_object(body.get("metadata"))
    recipient = read_text(metadata.get("phone_number_id"), limit=200)
    if field in NOTICES:
        yield build_notice(recipient, time, field=field, body=body)
        return
    arrays = _FIELDS.get(field)
    if arrays is None or not body.keys() & {*arrays, "errors"}:
        yield Unknown(recipient, time, kind=field or "field")
        return
    if not recipient:
        raise Unreadable("no phone_number_id")
    value = Value(
        recipient,
        read_phone(read_text(metadata.get("display_phone_number"))),
        index_contacts(body.get("contacts")),
        read_list(body.get("errors")),
    )
    for name in arrays:
        yield from read_each(body.get(name), partial(_ARRAYS[name], value))
    if "messages" not in body:
        yield from read_each(body.get("errors"), partial(_read_error, value, time))


def _read_message(value: Value, message: dict[str, Any]) -> Iterator[Event]:
    kind = message.get("type")
    if kind == "system":
        yield _read_system(value, message)
        return
    sender = read_user(
        message.get("from"), message.get("from_user_id"), message.get("from_parent_user_id"), value.contacts
    )
    at = read_instant(message.get("timestamp"))
    if kind in ("edit", "revoke"):
        yield _read_change_of_message(value, at, message)
    elif kind == "reaction":
        reaction = read_object(message.get("reaction"))
        emoji = read_text(reaction.get("emoji"), limit=40)
        yield ReactionChanged(value.recipient, at, read_id(reaction.get("message_id")), sender, emoji)
    elif kind == "request_welcome":
        yield IdentifierLearned(value.recipient, at, sender)
    else:
        if kind == "contacts":
            sender = replace(sender, claims=tuple(dict.fromkeys(sender.claims + read_shared_phones(message))))
        content = read_content(message, errors=value.errors)
        yield MessageReceived(value.recipient, at, sender, read_id(message.get("id")), content)


def _read_echo(value: Value, message: dict[str, Any]) -> Iterator[Event]:
    """A message written in the WhatsApp Business app, or by another sender of this number."""
    kind = message.get("type")
    at = read_instant(message.get("timestamp"))
    if kind in ("edit", "revoke"):
        yield _read_change_of_message(value, at, message)
    elif kind == "reaction":
        yield Unknown(value.recipient, at, kind="echo:reaction")
    else:
        user = read_user(message.get("to"), message.get("to_user_id"), message.get("to_parent_user_id"), value.contacts)
        yield MessageEchoed(value.recipient, at, user, read_id(message.get("id")), read_content(message))


def _read_change_of_message(value: Value, at: datetime, message: dict[str, Any]) -> MessageEdited | MessageDeleted:
    change = read_object(message.get(message["type"]))
    target = read_id(change.get("original_message_id"))
    if message["type"] == "revoke":
        return MessageDeleted(value.recipient, at, target)
    return MessageEdited(value.recipient, at, target, read_content(read_object(change.get("message"))))


def _read_system(value: Value, message: dict[str, Any]) -> Event:
    """A user got a new number or a new id. Older payloads lack the previous id, the oldest use other names.

    With `user_changed_user_id`, `from` may hold the old or the new one: it counts only if nothing else names the old.
    """
    at = read_instant(message.get("timestamp"))
    system = read_object(message.get("system"))
    kind = read_text(system.get("type"), limit=40)
    if kind not in _ADDRESS_CHANGES:
        return Unknown(value.recipient, at, kind=f"system:{kind}")
    told = _CHANGED.search(read_text(system.get("body"), limit=1000))
    old, new = told.groups() if told else ("", "")
    old_phone, old_id = read_phone(old), read_text(system.get("previous_user_id"))
    if kind != "user_changed_user_id" or not (old or old_id):
        author = read_text(message.get("from")) or read_text(message.get("from_user_id"))
        old_phone = read_phone(author) or read_phone(read_text(system.get("customer"))) or old_phone
        old = old or author
    new_phone = read_phone(read_text(system.get("wa_id")) or read_text(system.get("new_wa_id"))) or read_phone(new)
    new_id = read_text(system.get("user_id"))
    return _build_address_change(
        value,
        at,
        message.get("id"),
        previous=build_user(
            old_phone, old_id or ("" if old_phone else old), read_text(system.get("previous_parent_user_id"))
        ),
        current=build_user(new_phone, new_id or ("" if new_phone else new), read_text(system.get("parent_user_id"))),
    )


def _read_user_id_update(value: Value, update: dict[str, Any]) -> Iterator[Event]:
    """Some partners forward this former draft. The phone stays with the user, so only the new id claims it."""
    ids, parents = read_object(update.get("user_id")), read_object(update.get("parent_user_id"))
    previous = build_user("", read_text(ids.get("previous")), read_text(parents.get("previous")))
    current = build_user(
        read_text(update.get("wa_id")), read_text(ids.get("current")), read_text(parents.get("current"))
    )
    key = f"user_id_update:{previous.value}:{current.value}"
    yield _build_address_change(value, read_instant(update.get("timestamp")), key, previous=previous, current=current)


def _build_address_change(value: Value, at: datetime, key: Any, *, previous: Sender, current: Sender) -> AddressChanged:
    if previous.value == current.value:
        raise Unreadable("the same address before and after")
    return AddressChanged(value.recipient, at, read_id(key), previous, current)


def _read_status(value: Value, status: dict[str, Any]) -> Iterator[Event]:
    at = read_instant(status.get("timestamp"))
    name = read_text(status.get("status"), limit=40)
    state = _STATES.get(name)
    if state is None:
        yield Unknown(value.recipient, at, kind=f"status:{name}")
        return
    code = reason = ""
    if state is DeliveryState.FAILED:
        errors = read_list(status.get("errors"))
        code, reason = ERRORS.describe(read_object(errors[0])) if errors else ("", UNDELIVERED)
    key = read_text(status.get("biz_opaque_callback_data"), limit=100) or None
    yield DeliveryUpdated(value.recipient, at, read_id(status.get("id")), state, reason, code, key)
    phone, user_id = read_text(status.get("recipient_id")), read_text(status.get("recipient_user_id"))
    if name == "sent" and (phone or user_id):
        parent_id = status.get("recipient_parent_user_id") or status.get("parent_recipient_user_id")
        user = read_user(phone, user_id, parent_id, value.contacts)
        if len(user.address) == 2:
            yield IdentifierLearned(value.recipient, at, user)


def _read_history(value: Value, chunk: dict[str, Any]) -> Iterator[Event | Broken]:
    """Chats of the WhatsApp Business app from before it was connected, or the refusal to share them."""
    yield from read_each(chunk.get("errors"), partial(_read_error, value, UNDATED))
    yield from read_each(chunk.get("threads"), partial(_read_past_thread, value))


def _read_past_thread(value: Value, thread: dict[str, Any]) -> Iterator[Event | Broken]:
    context = read_object(thread.get("context"))
    user = read_user(
        context.get("wa_id") or thread.get("id"), context.get("user_id"), context.get("parent_user_id"), value.contacts
    )
    username = read_text(context.get("username"), limit=200)
    user = replace(user, attributes={"username": username}) if username else user
    yield from read_each(thread.get("messages"), partial(_read_past_message, value, user))


def _read_past_message(value: Value, user: Sender, message: dict[str, Any]) -> Iterator[Event]:
    author = read_phone(read_text(message.get("from")))
    is_ours = "to" in message or "to_user_id" in message or (author and author == value.number)
    event = MessageEchoed if is_ours else MessageReceived
    at = read_instant(message.get("timestamp"))
    yield event(value.recipient, at, user, read_id(message.get("id")), read_content(message))


def _read_state_sync(value: Value, change: dict[str, Any]) -> Iterator[Event]:
    """An entry of the address book of the WhatsApp Business app."""
    at = read_instant(read_object(change.get("metadata")).get("timestamp"))
    if change.get("type") != "contact" or change.get("action") != "add":
        yield Unknown(value.recipient, at, kind=f"state_sync:{read_text(change.get('action'), limit=40)}")
        return
    contact = read_object(change.get("contact"))
    user = build_user(
        read_text(contact.get("phone_number")),
        read_text(contact.get("user_id")),
        read_text(contact.get("parent_user_id")),
        name=read_text(contact.get("full_name"), limit=200) or read_text(contact.get("first_name"), limit=200),
        username=read_text(contact.get("username"), limit=200),
    )
    yield IdentifierLearned(value.recipient, at, user)


def _read_preference(value: Value, preference: dict[str, Any]) -> Iterator[Event]:
    at = read_instant(preference.get("timestamp"))
    wish = preference.get("value")
    if wish not in ("stop", "resume"):
        yield Unknown(value.recipient, at, kind="user_preferences")
        return
    user = read_user(
        preference.get("wa_id"), preference.get("user_id"), preference.get("parent_user_id"), value.contacts
    )
    yield ConsentChanged(value.recipient, at, user, read_text(preference.get("category"), limit=60), wish == "resume")


def _read_error(value: Value, time: datetime, error: dict[str, Any]) -> Iterator[Event]:
    code, reason = ERRORS.describe(error)
    yield ChannelNotice(value.recipient, time, "error", f"{reason} ({code})" if code else reason)


_ARRAYS: dict[str, Callable[[Value, dict[str, Any]], Iterator[Event | Broken]]] = {
    "messages": _read_message,
    "message_echoes": _read_echo,
    "statuses": _read_status,
    "history": _read_history,
    "state_sync": _read_state_sync,
    "user_preferences": _read_preference,
    "user_id_update": _read_user_id_update,
}
# The arrays that a field's value may hold. `standby`: what is said while another sender of the number has the turn.
_FIELDS = {
    "messages": ("messages", "statuses", "user_id_update"),
    "standby": ("messages", "message_echoes", "statuses"),
    "smb_message_echoes": ("message_echoes",),
    "history": ("history", "messages", "message_echoes"),
    "smb_app_state_sync": ("state_sync",),
    "user_preferences": ("user_preferences",),
    "user_id_update": ("user_id_update",),
}
