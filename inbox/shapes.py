"""What selectors return and pages, sockets and the API show. Frozen, free of the ORM, nothing in them depends on who
looks.

Instants are UTC datetimes. A conversation's id is its contact's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ChannelShape:
    """`kind` as in the registry ("whatsapp"), `label` its name for people ("WhatsApp"), `name` what the account calls
    this one. `in_app`: a chat that its user has in a mobile app.
    """

    id: UUID
    kind: str
    label: str
    name: str
    connected: bool = True
    in_app: bool = False


@dataclass(frozen=True, slots=True)
class Author:
    """`kind`: user, agent, bot or system. `id`: the agent's user id, None for the others."""

    kind: str
    id: int | None
    name: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """`state`: wanted (still being fetched), stored, failed. `url` is empty unless stored. `type` is a MIME type,
    `size` in bytes or None.
    """

    id: UUID
    kind: str
    name: str
    type: str
    size: int | None
    state: str
    url: str
    voice: bool = False


@dataclass(frozen=True, slots=True)
class Reaction:
    emoji: str
    author: Author


@dataclass(frozen=True, slots=True)
class Revision:
    """A text that an edit replaced, and when."""

    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """The message an answer refers to; `text` is empty and `gone` true when it is not visible any more."""

    id: UUID | None
    author: str
    text: str
    gone: bool


@dataclass(frozen=True, slots=True)
class HandoverShape:
    """What a bot gave to people: its summary, and who took it, empty where that was somebody unknown."""

    summary: str
    is_waiting: bool
    claimed_by: str


@dataclass(frozen=True, slots=True)
class Called:
    """A member whom a private note calls by name. `seen`: they had it in view."""

    id: int
    name: str
    seen: bool


@dataclass(frozen=True, slots=True)
class MessageShape:
    """One entry of a timeline. `status` is one of the outgoing states, empty for inbound; `data` the structured part
    (location, cards). `redacted_at`: when a supervisor, `redacted_by`, took out what it said. `handover`: what the line
    tells of.
    """

    id: UUID
    conversation: UUID
    thread: UUID
    channel: ChannelShape
    identity: UUID
    direction: str
    author: Author
    type: str
    text: str
    data: Mapping[str, Any]
    attachments: tuple[Attachment, ...]
    reply_to: Quote | None
    reactions: tuple[Reaction, ...]
    revisions: tuple[Revision, ...]
    external_id: str
    client_id: str
    sent_at: datetime
    received_at: datetime
    status: str
    status_reason: str
    edited_at: datetime | None
    deleted_at: datetime | None
    redacted_at: datetime | None
    redacted_by: str
    private: bool
    forwarded: bool
    labels: tuple[str, ...]
    fields: Mapping[str, Any]
    mentions: tuple[Called, ...]
    handover: HandoverShape | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The newest visible message of a conversation, as its list row shows it."""

    id: UUID
    author: Author
    type: str
    text: str
    direction: str
    status: str
    private: bool
    deleted: bool
    redacted: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Agent:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class TeamShape:
    """`name` is empty when the team is gone."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be sent to one thread now. `can`: text, template or nothing; `until`: when the window of free text
    closes.
    """

    thread: UUID
    channel: ChannelShape
    can: str
    reason: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ConversationShape:
    """A row of the list and the head of a timeline. `unread` counts visible messages; `turn` is bot or human;
    `handed_over`: a bot's handover waits to be taken; `mentions`: who is
    called in a note and has not looked yet.
    """

    id: UUID
    name: str
    status: str
    snoozed_until: datetime | None
    assignee: Agent | None
    assignees: tuple[Agent, ...]
    team: TeamShape | None
    turn: str
    labels: tuple[str, ...]
    unread: int
    channels: tuple[ChannelShape, ...]
    last_message: Preview | None
    last_activity_at: datetime
    blocked: bool
    mentions: tuple[int, ...]
    handed_over: bool = False


@dataclass(frozen=True, slots=True)
class IdentityShape:
    """One address or key of a contact and why it belongs to it.

    `reason` is a sentence for people ("WhatsApp vouches for this number"); `link` the evidence that an undo revokes,
    None for the identity the contact is named after; `canonical` marks that one. `thread`: the newest with messages.
    """

    id: UUID
    kind: str
    scope: str
    label: str
    value: str
    verified: bool
    first_seen: datetime
    channel: ChannelShape | None
    thread: UUID | None
    reason: str
    link: int | None
    canonical: bool


@dataclass(frozen=True, slots=True)
class ContactShape:
    """`attributes` are all folded attributes by name, the named ones included; `version` rises with every edit."""

    id: UUID
    name: str
    phone: str
    email: str
    language: str
    tags: tuple[str, ...]
    attributes: Mapping[str, str]
    identities: tuple[IdentityShape, ...]
    blocked: bool
    version: int


@dataclass(frozen=True, slots=True)
class AttemptShape:
    """One call of an endpoint; `outcome`: why it was not `taken`."""

    id: UUID
    seq: int
    type: str
    conversation: UUID | None
    at: datetime
    milliseconds: int
    taken: bool
    outcome: str


@dataclass(frozen=True, slots=True)
class Sharer:
    """Another contact that has the same phone or email (`shared`), about whom nobody has decided yet."""

    id: UUID
    name: str
    shared: str


@dataclass(frozen=True, slots=True)
class NoteShape:
    """What an agent wrote down about a contact; `author_id` is None when the author is no member any more."""

    id: UUID
    author_id: int | None
    author_name: str
    text: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class FieldChange:
    """What an entry of the history did to one field, in words; `is_current`: the old value shows already; `values`:
    the old and the new one as they are stored, lists for tags and labels.
    """

    field: str
    label: str
    old: str
    new: str
    is_current: bool
    values: tuple[Any, Any]


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """Who changed what of a contact. `actor_id` is None for a bot, and for who is no user any more; `source`: from
    where, empty where it is not known, `where` in words; `action`: by its name, `what` in a few words.
    """

    id: UUID
    at: datetime
    actor_id: int | None
    actor: str
    source: str
    where: str
    action: str
    what: str
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class EndpointShape:
    """An address that is told what changes. `state`: on or off; `reason` why it is off or waits; `after`: the number of
    the last event that it took.
    """

    id: UUID
    url: str
    bot: str
    events: tuple[str, ...]
    state: str
    reason: str
    after: int
    failing_since: datetime | None
    delivered_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class CannedShape:
    """`is_own`: personal, else the account's. Filled in for a conversation, `missing` names the variables without a
    value.
    """

    id: UUID
    shortcut: str
    title: str
    text: str
    is_own: bool
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountShape:
    """Our own account as it concerns a conversation."""

    name: str
    plan: str
    window_days: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers beside the filters; `badge` counts unread conversations that are mine or unassigned, `mentions` those
    with a note that calls me and that I have not looked at.
    """

    mine: int
    unassigned: int
    all: int
    badge: int
    mentions: int


@dataclass(frozen=True, slots=True)
class Page:
    """`next` is the cursor of the following page, None at the end."""

    rows: tuple[ConversationShape, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """Messages oldest first; `before` and `after` are cursors to more, None where there is none."""

    messages: tuple[MessageShape, ...]
    before: UUID | None
    after: UUID | None
