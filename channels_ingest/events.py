"""The one vocabulary in which every channel speaks. Pure: no Django, no ORM.

Instants are timezone-aware UTC datetimes as the provider gave them (not corrected), `UNDATED` where a notice carries
none. `recipient` is the external id of the channel an event is meant for, as in `Channel.external_id`, or "" for the
channel whose address the request came to. External ids are unique inside one channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

UNDATED = datetime.fromtimestamp(0, UTC)


class MessageType(StrEnum):
    TEXT = "text"
    IMAGE = "image"
    AUDIO = "audio"
    VIDEO = "video"
    FILE = "file"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    TEMPLATE = "template"
    UNSUPPORTED = "unsupported"


class DeliveryState(StrEnum):
    """Outgoing states in rising order; `failed` and `unknown` stand beside the ladder."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Claim:
    """A key of the sender that this event vouches for: `rule` is a rule of the identity settings (platform, signed,
    possession, typed).
    """

    rule: str
    kind: str
    value: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """The user at the other end, as the channel names them.

    `value` is the identifier on the channel (its kind and scope are the channel's). `address` is what a reply is sent
    to, never shown. `attributes` are what is told of the user (username, language), all strings; `told_by`: whose word
    they and the name are, named as the rule of a claim (signed, platform, typed). A typed name replaces none of others.
    """

    value: str
    address: Mapping[str, str]
    name: str | None = None
    claims: tuple[Claim, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    told_by: str = "platform"


@dataclass(frozen=True, slots=True)
class MediaRef:
    """A file still at the provider. `ref` is what `fetch_media` needs; `size` in bytes; `sha256` hex, where the
    provider gives it.
    """

    ref: Mapping[str, str]
    type: str
    name: str | None = None
    size: int | None = None
    sha256: str | None = None
    voice: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """What a message says. `data` holds the structured part of locations, contact cards, orders and interactive answers
    (JSON values).
    """

    type: MessageType
    text: str = ""
    media: tuple[MediaRef, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    reply_to: str | None = None
    forwarded: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    recipient: str
    at: datetime


@dataclass(frozen=True, slots=True)
class MessageReceived(Event):
    """`sequence` is the provider's own running number inside the thread, 0 where it has none."""

    sender: Sender
    external_id: str
    content: Content
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class MessageEchoed(Event):
    """A message of ours that was not sent through this inbox: typed on the phone, or by another application. `sender`
    is the user it went to.
    """

    sender: Sender
    external_id: str
    content: Content
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class MessageEdited(Event):
    external_id: str
    content: Content


@dataclass(frozen=True, slots=True)
class MessageDeleted(Event):
    external_id: str


@dataclass(frozen=True, slots=True)
class ReactionChanged(Event):
    """`emoji` empty: the reaction of `sender` was taken back."""

    external_id: str
    sender: Sender
    emoji: str


@dataclass(frozen=True, slots=True)
class DeliveryUpdated(Event):
    """`message_id`: our own id, where the provider hands it back or we settle a send. `reason` is in words an agent
    understands.
    """

    external_id: str
    state: DeliveryState
    reason: str = ""
    code: str = ""
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class DeliveredUpTo(Event):
    """All that we sent to `sender` until `until` (a millisecond, to its end) is at least in `state`: a watermark, which
    names no message.

    `fetched`: the user's own client has come for it, so that it has what we did not know to be sent yet.
    """

    sender: Sender
    state: DeliveryState
    until: datetime
    fetched: bool = False


@dataclass(frozen=True, slots=True)
class TypingChanged(Event):
    sender: Sender
    on: bool


@dataclass(frozen=True, slots=True)
class IdentifierLearned(Event):
    """The channel vouches for a key of a user without a message."""

    sender: Sender


@dataclass(frozen=True, slots=True)
class AddressChanged(Event):
    """A user left `previous` for `current` at `at`; keys of `previous` (a phone number) may belong to someone else from
    then on.
    """

    external_id: str
    previous: Sender
    current: Sender


@dataclass(frozen=True, slots=True)
class ConsentChanged(Event):
    sender: Sender
    category: str
    granted: bool


@dataclass(frozen=True, slots=True)
class ChannelNotice(Event):
    """Something the provider says of the channel itself (quality, bans, templates); shown to supervisors."""

    kind: str
    text: str
    severe: bool = False


@dataclass(frozen=True, slots=True)
class MediaChanged(Event):
    """A file of a message was fetched, or given up. `message_id` is our own."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Unknown(Event):
    """A kind this version does not know. Kept with its raw request, shown to nobody."""

    kind: str


@dataclass(frozen=True, slots=True)
class Broken:
    """A part of a request that could not be read: its own bytes and the reason. It goes to quarantine, its neighbours
    go on.
    """

    body: bytes
    error: str
