"""Private chats, who is in them, and what their messages are called.

A message's number is unique only inside its chat, and a chat of a business account that the bot serves counts on its
own: external ids are `<chat>:<message>`, there `<connection>:<chat>:<message>`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels_ingest.events import Claim, Sender
from channels_ingest.payload import MAX_ID, Unreadable, read_id, read_object, read_text

_NUMBER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_PHONE = re.compile(r"\+?[0-9]{5,15}", re.ASCII)
_PUNCTUATION = re.compile(r"[\s().-]")


@dataclass(frozen=True, slots=True)
class Chat:
    """`connection`: that of the business account whose chat it is, "" for one with the bot itself."""

    id: str
    connection: str = ""

    @classmethod
    def of(cls, address: Mapping[str, str]) -> Chat:
        """The chat that a `Sender.address` names; raises KeyError."""
        return cls(address["chat_id"], address.get("business_connection_id", ""))

    @property
    def address(self) -> dict[str, str]:
        named = {"chat_id": self.id, "business_connection_id": self.connection}
        return {name: value for name, value in named.items() if value}

    def name_message(self, number: Any) -> str:
        """The external id of a message. Raises Unreadable."""
        return read_id(":".join(filter(None, (self.connection, self.id, read_key(number)))))

    def find_number(self, external_id: str) -> int | None:
        """The number of a message of this chat, None for anything else: another chat's, a pressed button."""
        before, _, number = external_id.rpartition(":")
        mine = before == ":".join(filter(None, (self.connection, self.id)))
        return int(number) if mine and _NUMBER.fullmatch(number) else None


def read_key(value: Any) -> str:
    """One of Telegram's ids: a whole number of up to 64 bits, as text. Raises Unreadable."""
    text = read_text(value, limit=40)
    if not _NUMBER.fullmatch(text):
        raise Unreadable("no id")
    return text


def read_connection(value: Any) -> str:
    """Raises Unreadable."""
    connection = read_text(value, limit=MAX_ID).strip()
    if not connection:
        raise Unreadable("no business connection")
    return connection


def read_sender(user: Mapping[str, Any], chat: Chat, *, claims: tuple[Claim, ...] = ()) -> Sender:
    """`user` is a User, or the Chat object of a private chat, which names its user. Raises Unreadable."""
    told = {
        "username": read_text(user.get("username"), limit=200),
        "language": read_text(user.get("language_code"), limit=40),
    }
    return Sender(
        value=read_key(user.get("id")),
        address=chat.address,
        name=read_name(user) or None,
        claims=claims,
        attributes={name: value for name, value in told.items() if value},
    )


def read_name(person: Mapping[str, Any]) -> str:
    names = (read_text(person.get(part), limit=200).strip() for part in ("first_name", "last_name"))
    return " ".join(filter(None, names))


def read_own_phone(message: Mapping[str, Any]) -> tuple[Claim, ...]:
    """The number of a contact card that shows its sender: Telegram itself fills in whose card it is. Any other card
    proves nothing about who sent it.
    """
    card, author = read_object(message.get("contact")), read_object(message.get("from"))
    owner = read_text(card.get("user_id"))
    number = _PUNCTUATION.sub("", read_text(card.get("phone_number"), limit=40))
    if not owner or owner != read_text(author.get("id")) or not _PHONE.fullmatch(number):
        return ()
    return (Claim("platform", "phone", f"+{number.lstrip('+')}"),)
