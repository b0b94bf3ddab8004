"""What a stretch of the live log looks like to those who listen: its events, the partials for pages, the objects for
programs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from inbox.admission import VisitorAdmission
from inbox.api import serialise
from inbox.reach import Reach
from inbox.realtime import PAGE, Change, LoggedChange, read_changes, read_head
from inbox.rendering import render_messages, render_rows
from inbox.selectors.channels import get_channels
from inbox.selectors.contacts import read_contacts
from inbox.selectors.messages import get_messages
from inbox.selectors.rows import read_rows
from inbox.selectors.visitors import find_visitor_conversation, get_visitor_messages, list_visitor_messages
from inbox.shapes import ContactShape, ConversationShape, MessageShape

CONTACT_TYPES = ("contact.updated", "contact.merged", "contact.split")


@dataclass(frozen=True, slots=True)
class Wanted:
    """`rows`: list rows, `opened`: conversations whose messages are on a screen, both as HTML; `objects`: JSON of what
    changed; `threads`: (channel, identity) of visitors who listen; `whereabouts`: what tells who may see it.
    """

    rows: bool = False
    opened: frozenset[UUID] = frozenset()
    objects: bool = False
    threads: frozenset[tuple[UUID, UUID]] = frozenset()
    whereabouts: bool = False

    @classmethod
    def union(cls, parts: Iterable[Wanted]) -> Wanted:
        parts = list(parts)
        return cls(
            rows=any(part.rows for part in parts),
            opened=frozenset().union(*(part.opened for part in parts)),
            objects=any(part.objects for part in parts),
            threads=frozenset().union(*(part.threads for part in parts)),
            whereabouts=any(part.whereabouts for part in parts),
        )

    def covers(self, other: Wanted) -> bool:
        return (
            self.rows >= other.rows
            and self.opened >= other.opened
            and self.objects >= other.objects
            and self.threads >= other.threads
            and self.whereabouts >= other.whereabouts
        )


@dataclass(frozen=True, slots=True)
class Told:
    """A message as a visitor is told of it, and whose it is."""

    id: UUID
    channel: UUID
    identity: UUID
    conversation: UUID
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Missed:
    """Messages of a visitor after one they know; `head`: where the log stood before they were read; `conversation`:
    where their messages lie now.
    """

    messages: tuple[Told, ...]
    head: int
    is_last: bool
    conversation: UUID | None


@dataclass(frozen=True, slots=True)
class Update:
    """Covers `after` < seq <= `to`. `messages` are by conversation; `objects` by seq; `gone`: conversations that left
    every list. `about`: the conversations that an event and its object are of, by seq; `conversations`: those of them
    that there are.

    `reset`: the log can't say what followed `after`; `head` is where it stands. Of a whole log, events may still come
    with it.
    """

    after: int
    to: int
    head: int
    reset: bool = False
    events: tuple[dict[str, Any], ...] = ()
    rows: Mapping[str, str] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    messages: Mapping[UUID, Mapping[str, str]] = field(default_factory=dict)
    objects: Mapping[int, Any] = field(default_factory=dict)
    told: tuple[Told, ...] = ()
    about: Mapping[int, frozenset[UUID]] = field(default_factory=dict)
    conversations: Mapping[UUID, ConversationShape] = field(default_factory=dict)

    def withhold(self, reach: Reach) -> frozenset[UUID]:
        """The conversations that this is about and `reach` does not see. What is not known to be seen is not seen."""
        if not reach.is_narrow:
            return frozenset()
        named = frozenset[UUID]().union(*self.about.values(), self.messages)
        return frozenset(id for id in named if (found := self.conversations.get(id)) is None or not reach.sees(found))

    def without(self, withheld: frozenset[UUID]) -> Update:
        """The same stretch for who does not see these: of them nothing is left but that they are gone, since each may
        have been seen until now.
        """
        if not withheld:
            return self
        ids = {str(id) for id in withheld}
        return replace(
            self,
            events=tuple(event for event in self.events if not withheld & self.about[event["seq"]]),
            rows={id: html for id, html in self.rows.items() if id not in ids},
            gone=tuple(sorted({*self.gone, *ids})),
            messages={id: found for id, found in self.messages.items() if id not in withheld},
        )


def read_missed(admission: VisitorAdmission, *, after: UUID | None, now: datetime, limit: int = PAGE) -> Missed:
    """A page of what a visitor missed; the newest of all for one who knows none."""
    head = read_head(admission.account_id)
    theirs: dict[str, Any] = {"channel_id": admission.channel_id, "identities": admission.identities}
    found = list_visitor_messages(
        admission.account_id, **theirs, after=after, now=now, window=admission.window, limit=limit
    )
    return Missed(
        _tell(admission.account_id, found),
        head,
        is_last=after is None or len([message for message in found if message.id > after]) < limit,
        conversation=find_visitor_conversation(admission.account_id, **theirs),
    )


def read_update(
    account_id: int,
    *,
    after: int,
    wanted: Wanted,
    now: datetime,
    window: timedelta,
    limit: int = PAGE,
    whole: bool = False,
) -> Update:
    """Runs inside the caller's scope. Everything shows the present, which may be newer than the stretch: later events
    repeat it. `whole`: as `read_changes` says.
    """
    stretch = read_changes(account_id, after=after, limit=limit, whole=whole)
    changes = stretch.changes
    messages = _read_messages(account_id, changes, wanted=wanted, now=now, window=window)
    contacts = read_contacts(account_id, _list_contacts(changes)) if wanted.objects else {}
    about = {logged.seq: _find_conversations(logged.change, messages, contacts) for logged in changes}
    ids = _list_conversations(changes, about, wanted=wanted)
    found = read_rows(account_id, ids, now=now, window=window) if ids else ()
    conversations = {shape.id: shape for shape in found}
    return Update(
        after,
        stretch.to,
        stretch.head,
        reset=stretch.reset,
        events=tuple(serialise.event_json(logged) for logged in changes),
        rows=_render_rows(conversations.values()) if wanted.rows else {},
        gone=_list_gone(changes, conversations) if wanted.rows else (),
        messages=_render_messages(message for message in messages.values() if message.conversation in wanted.opened),
        objects=_serialise(account_id, changes, conversations, messages, contacts) if wanted.objects else {},
        told=_tell_visitors(account_id, changes, wanted=wanted, now=now, window=window) if wanted.threads else (),
        about=about,
        conversations=conversations,
    )


def _tell_visitors(
    account_id: int, changes: Iterable[LoggedChange], *, wanted: Wanted, now: datetime, window: timedelta
) -> tuple[Told, ...]:
    ids = {logged.change.message for logged in changes if logged.change.message}
    found = get_visitor_messages(account_id, ids, threads=wanted.threads, now=now, window=window) if ids else ()
    return _tell(account_id, found)


def _tell(account_id: int, messages: Iterable[MessageShape]) -> tuple[Told, ...]:
    return tuple(
        Told(
            shape.id,
            shape.channel.id,
            shape.identity,
            shape.conversation,
            serialise.visitor_message_json(shape, account_id=account_id),
        )
        for shape in messages
    )


def _find_conversations(
    change: Change, messages: Mapping[UUID, MessageShape], contacts: Mapping[UUID, ContactShape]
) -> frozenset[UUID]:
    """Those that a change names, and those that its message or its contacts have gone into since."""
    ids = {change.conversation} if change.conversation else set()
    if change.type == "contact.split":
        ids.add(UUID(change.detail["to"]))
    ids |= {contacts[id].id for id in ids if id in contacts}
    if change.message and (message := messages.get(change.message)):
        ids.add(message.conversation)
    return frozenset(ids)


def _list_conversations(
    changes: Iterable[LoggedChange], about: Mapping[int, frozenset[UUID]], *, wanted: Wanted
) -> set[UUID]:
    """Those that have to be read."""
    if wanted.whereabouts:
        return set().union(*about.values())
    types = ("",) if wanted.rows else ("conversation.",) if wanted.objects else ()
    named = (logged.change for logged in changes if logged.change.type.startswith(types))
    return {change.conversation for change in named if change.conversation}


def _read_messages(
    account_id: int, changes: Iterable[LoggedChange], *, wanted: Wanted, now: datetime, window: timedelta
) -> dict[UUID, MessageShape]:
    ids = {
        logged.change.message
        for logged in changes
        if logged.change.message and (wanted.objects or logged.change.conversation in wanted.opened)
    }
    return {shape.id: shape for shape in get_messages(account_id, list(ids), now=now, window=window)} if ids else {}


def _render_rows(conversations: Iterable[ConversationShape]) -> dict[str, str]:
    return {str(id): html for id, html in render_rows(tuple(conversations)).items()}


def _list_gone(changes: Iterable[LoggedChange], conversations: Mapping[UUID, ConversationShape]) -> tuple[str, ...]:
    """Merged away, or past the window."""
    named = {str(logged.change.conversation) for logged in changes if logged.change.conversation}
    for logged in changes:
        named.update(logged.change.detail.get("from", ()))
    return tuple(sorted(named - {str(id) for id in conversations}))


def _render_messages(messages: Iterable[MessageShape]) -> dict[UUID, dict[str, str]]:
    shapes = tuple(messages)
    html = render_messages(shapes)
    grouped: dict[UUID, dict[str, str]] = defaultdict(dict)
    for shape in shapes:
        grouped[shape.conversation][str(shape.id)] = html[shape.id]
    return grouped


def _serialise(
    account_id: int,
    changes: Iterable[LoggedChange],
    conversations: Mapping[UUID, ConversationShape],
    messages: Mapping[UUID, MessageShape],
    contacts: Mapping[UUID, ContactShape],
) -> dict[int, Any]:
    """The object each event is about as it is now; an event whose object is gone has none."""
    objects: dict[int, Any] = {}
    channels = get_channels(account_id) if any(each.change.type == "channel.updated" for each in changes) else {}
    for logged in changes:
        change = logged.change
        if change.message and change.message in messages:
            objects[logged.seq] = serialise.message_json(messages[change.message])
        elif change.conversation and change.type.startswith("conversation."):
            found = conversations.get(change.conversation)
            objects[logged.seq] = serialise.conversation_json(found) if found else None
        elif change.type in CONTACT_TYPES:
            objects[logged.seq] = _serialise_contacts(change, contacts)
        elif change.type == "channel.updated":
            channel = channels.get(UUID(change.detail["channel"]))
            objects[logged.seq] = serialise.channel_state_json(channel) if channel else None
    return objects


def _list_contacts(changes: Iterable[LoggedChange]) -> set[UUID]:
    named = [logged.change for logged in changes if logged.change.type in CONTACT_TYPES]
    return {
        *(change.conversation for change in named if change.conversation),
        *(UUID(change.detail["to"]) for change in named if change.type == "contact.split"),
    }


def _serialise_contacts(change: Change, contacts: Mapping[UUID, ContactShape]) -> Any:
    """The contact; of one that came apart both: {"contacts": [...]}."""
    if change.type == "contact.split":
        ids = [UUID(id) for id in (*change.detail["from"], change.detail["to"])]
        return {"contacts": [serialise.contact_json(contacts[id]) for id in ids if id in contacts]}
    contact = contacts.get(change.conversation) if change.conversation else None
    return serialise.contact_json(contact) if contact else None
