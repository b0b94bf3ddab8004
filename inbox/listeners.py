"""The sockets of one process as the hub knows them: who listens in which room, and the frames that they are given."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from inbox.admission import Admission, VisitorAdmission
from inbox.presence import Viewers
from inbox.reach import Reach
from inbox.updates import Told, Update, Wanted

MOST_WAITING = 256
MOST_SOCKETS = 20  # of one visitor in a process

RESTART, TOO_SLOW = 1012, 1013


class Line:
    """One socket. Its owner sends what `next()` gives, until `closing` says with which code to close it."""

    def __init__(self) -> None:
        self.closing: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MOST_WAITING)

    def put(self, text: str) -> None:
        """A socket that does not keep up is closed; it catches up when it comes back."""
        try:
            self._waiting.put_nowait(text)
        except asyncio.QueueFull:
            self.close(TOO_SLOW)

    async def next(self) -> str:
        return await self._waiting.get()

    def close(self, code: int) -> None:
        if not self.closing.done():
            self.closing.set_result(code)


class Listener(Line):
    """The socket of an agent's page or of a program. `position`: how far in the log it has been told, None until it has
    caught up; `opened`: the conversation on its screen.
    """

    def __init__(self, admission: Admission) -> None:
        super().__init__()
        self.admission = admission
        self.position: int | None = None
        self.opened: UUID | None = None

    @property
    def is_page(self) -> bool:
        return bool(self.admission.session)

    @property
    def wanted(self) -> Wanted:
        opened = frozenset({self.opened}) if self.is_page and self.opened else frozenset()
        is_narrow = self.admission.reach.is_narrow
        return Wanted(rows=self.is_page, opened=opened, objects=not self.is_page, whereabouts=is_narrow)


class VisitorListener(Line):
    """The socket of a visitor, who hears of their own threads only. `is_live`: it has caught up; `conversation`: where
    their messages lie now.
    """

    def __init__(self, admission: VisitorAdmission) -> None:
        super().__init__()
        self.admission = admission
        self.is_live = False
        self.conversation: UUID | None = None

    @property
    def threads(self) -> list[tuple[UUID, UUID]]:
        """(channel, identity) of each."""
        return [(self.admission.channel_id, identity) for identity in self.admission.identities]

    def tell(self, message: Told) -> None:
        self.conversation = message.conversation
        self.put(json.dumps({"t": "message", "message": message.document}))


class Visitors:
    """The visitors of a room by thread: an account may have thousands, and each message is for one of them."""

    def __init__(self) -> None:
        self.all: set[VisitorListener] = set()
        self._in: dict[tuple[UUID, UUID], set[VisitorListener]] = {}
        self._threads: frozenset[tuple[UUID, UUID]] | None = frozenset()

    @property
    def threads(self) -> frozenset[tuple[UUID, UUID]]:
        """Gathered when it is asked for, not whenever one of thousands comes or goes."""
        if self._threads is None:
            self._threads = frozenset(self._in)
        return self._threads

    def add(self, visitor: VisitorListener) -> None:
        """One visitor has a few tabs and devices; who opens more than that is told to come back later."""
        if visitor not in self.all and len(self._in.get(visitor.threads[0], ())) >= MOST_SOCKETS:
            visitor.close(TOO_SLOW)
            return
        self.all.add(visitor)
        for thread in visitor.threads:
            self._in.setdefault(thread, set()).add(visitor)
        self._threads = None

    def discard(self, visitor: VisitorListener) -> None:
        self.all.discard(visitor)
        for thread in visitor.threads:
            listening = self._in.get(thread, set())
            listening.discard(visitor)
            if not listening:
                self._in.pop(thread, None)
        self._threads = None

    def tell(self, update: Update) -> None:
        """After a reset their clients come back and ask for what they missed."""
        if update.reset:
            for visitor in self.all:
                visitor.close(RESTART)
        for message in update.told:
            for visitor in self._in.get((message.channel, message.identity), ()):
                if visitor.is_live:
                    visitor.tell(message)


@dataclass(eq=False, slots=True)
class Room:
    """The listeners of one account. `sent`: what those that have caught up were told, None while nobody has."""

    account_id: int
    window: timedelta
    listeners: set[Listener] = field(default_factory=set)
    visitors: Visitors = field(default_factory=Visitors)
    viewers: Viewers = field(default_factory=Viewers)
    sent: int | None = None
    heard: int = 0

    @property
    def is_behind(self) -> bool:
        return self.sent is not None and self.heard > self.sent

    @property
    def wanted(self) -> dict[str, Wanted]:
        """By language. What visitors are told has no words of ours, so it goes with any."""
        parts = defaultdict(list)
        for listener in self.listeners:
            parts[listener.admission.language].append(listener.wanted)
        parts[next(iter(parts), settings.LANGUAGE_CODE)].append(Wanted(threads=self.visitors.threads))
        return {language: Wanted.union(each) for language, each in parts.items()}

    @property
    def lines(self) -> Iterable[Listener | VisitorListener]:
        return (*self.listeners, *self.visitors.all)

    def broadcast(self, updates: Mapping[str, Update]) -> list[Listener]:
        """The same stretch in each language, of which one may have been read further than another. Returns the
        listeners out of whose reach went what they have on their screen.
        """
        texts = {language: Texts(update) for language, update in updates.items()}
        for listener in list(self.listeners):
            theirs = texts[listener.admission.language]
            update = theirs.update
            if listener.position is not None and listener.position < update.to:
                listener.put(theirs.get(listener))
                listener.position = None if update.reset else update.to
        for update in updates.values():
            self.visitors.tell(update)
        self.sent = min(update.to for update in updates.values())
        return [each for each in self.listeners if each.opened in texts[each.admission.language].withhold(each)]

    def send_to_viewers(self, conversation: UUID, frame: dict[str, Any]) -> None:
        text = json.dumps(frame)
        for listener in list(self.listeners):
            if listener.opened == conversation:
                listener.put(text)

    def tell_typing(self, conversation: UUID, *, kind: str, on: bool) -> None:
        """Visitors hear of everybody but themselves, and not who it is."""
        if kind == "user":
            return
        for visitor in self.visitors.all:
            if visitor.conversation == conversation:
                visitor.put(json.dumps({"t": "typing", "on": on}))

    def send_viewers(self, conversation: UUID) -> None:
        agents = self.viewers.list_agents(conversation)
        self.send_to_viewers(conversation, {"t": "viewing", "conversation": str(conversation), "agents": agents})


class Texts:
    """The frames of one update: each kind is written once, for whoever else needs the same. Whom nothing of it is
    withheld from shares them, whatever else they do not see.
    """

    def __init__(self, update: Update) -> None:
        self.update = update
        self._made: dict[tuple[int, bool, UUID | None, frozenset[UUID]], str] = {}
        self._withheld: dict[Reach, frozenset[UUID]] = {}

    def get(self, listener: Listener) -> str:
        after = self.update.after if listener.position is None else listener.position
        opened = listener.opened if listener.opened in self.update.messages else None
        key = after, listener.is_page, opened, self.withhold(listener)
        if key not in self._made:
            self._made[key] = json.dumps(self._make_frame(*key))
        return self._made[key]

    def withhold(self, listener: Listener) -> frozenset[UUID]:
        reach = listener.admission.reach
        if reach not in self._withheld:
            self._withheld[reach] = self.update.withhold(reach)
        return self._withheld[reach]

    def _make_frame(self, after: int, is_page: bool, opened: UUID | None, withheld: frozenset[UUID]) -> dict[str, Any]:
        update = self.update.without(withheld)
        if update.reset:
            return {"t": "reset", "seq": update.head}
        events = [event for event in update.events if event["seq"] > after]
        if not is_page:
            events = [{**event, "data": update.objects.get(event["seq"])} for event in events]
        frame: dict[str, Any] = {"t": "events", "from": after + 1, "to": update.to, "events": events}
        if is_page:
            frame |= {"rows": update.rows, "gone": update.gone}
            if opened is not None and opened in update.messages:
                frame["messages"] = update.messages[opened]
        return frame
