"""Live updates of one web process: reads each account's log once for all of its sockets and hands every socket the same
text.

One Redis subscription and one thread with one database connection, however many sockets listen. Cost follows what is
delivered, not who is connected.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.urls import get_resolver
from psycopg_pool import PoolTimeout
from redis.asyncio import Redis
from redis.exceptions import RedisError

from inbox.admission import Admission, Review, review
from inbox.api.serialise import instant
from inbox.presence import Viewers
from inbox.realtime import bell_channel, publish_viewing, read_heads
from inbox.rendering import render_messages, render_rows
from inbox.updates import Update, Wanted, read_update
from oneview.common.scope import scope

TICK_SECONDS = 0.02
POLL_SECONDS = 0.5
REVIEW_SECONDS = 5.0
REVIEWS_PER_BEAT = 5
MOST_WAITING = 256

RESTART, TOO_SLOW = 1012, 1013
UNAVAILABLE = (DatabaseError, PoolTimeout)

log = structlog.get_logger(__name__)
T = TypeVar("T")


@dataclass(eq=False, slots=True)
class Listener:
    """One socket. `position`: what it has been told, None until it has caught up; `opened`: the conversation on its
    screen.

    Whoever owns the socket sends what `next()` gives, until `closing` says with which code to close it.
    """

    admission: Admission
    position: int | None = None
    opened: UUID | None = None
    closing: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    _waiting: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))

    @property
    def is_page(self) -> bool:
        return bool(self.admission.session)

    @property
    def wanted(self) -> Wanted:
        opened = frozenset({self.opened}) if self.is_page and self.opened else frozenset()
        return Wanted(rows=self.is_page, opened=opened, objects=not self.is_page)

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


@dataclass(eq=False, slots=True)
class Room:
    """The listeners of one account. `sent`: what those that have caught up were told, None while nobody has."""

    account_id: int
    window: timedelta
    listeners: set[Listener] = field(default_factory=set)
    viewers: Viewers = field(default_factory=Viewers)
    sent: int | None = None
    heard: int = 0

    @property
    def is_behind(self) -> bool:
        return self.sent is not None and self.heard > self.sent

    @property
    def wanted(self) -> Wanted:
        return Wanted.union(listener.wanted for listener in self.listeners)

    def broadcast(self, update: Update) -> None:
        texts = Texts(update)
        for listener in list(self.listeners):
            if listener.position is not None and listener.position < update.to:
                listener.put(texts.get(listener))
                listener.position = None if update.reset else update.to
        self.sent = update.to

    def send_to_viewers(self, conversation: UUID, frame: dict[str, Any]) -> None:
        text = json.dumps(frame)
        for listener in list(self.listeners):
            if listener.opened == conversation:
                listener.put(text)

    def send_viewers(self, conversation: UUID) -> None:
        agents = self.viewers.list_agents(conversation)
        self.send_to_viewers(conversation, {"t": "viewing", "conversation": str(conversation), "agents": agents})


class Texts:
    """The frames of one update: each kind is written once, for whoever else needs the same."""

    def __init__(self, update: Update) -> None:
        self.update = update
        self._made: dict[tuple[int, bool, UUID | None], str] = {}

    def get(self, listener: Listener) -> str:
        after = self.update.after if listener.position is None else listener.position
        opened = listener.opened if listener.opened in self.update.messages else None
        key = after, listener.is_page, opened
        if key not in self._made:
            self._made[key] = json.dumps(self._make_frame(*key))
        return self._made[key]

    def _make_frame(self, after: int, is_page: bool, opened: UUID | None) -> dict[str, Any]:
        update = self.update
        if update.reset:
            return {"t": "reset", "seq": update.head}
        events = [event for event in update.events if event["seq"] > after]
        if not is_page:
            events = [{**event, "data": update.objects.get(event["seq"])} for event in events]
        frame: dict[str, Any] = {"t": "events", "from": after + 1, "to": update.to, "events": events}
        if is_page:
            frame |= {"rows": update.rows, "gone": update.gone}
            if opened is not None:
                frame["messages"] = update.messages[opened]
        return frame


class Hub:
    """`start()` and `stop()` belong to the lifespan of a process; sockets come in with `resume()` and go with
    `leave()`.
    """

    def __init__(self) -> None:
        self.name = secrets.token_hex(8)
        self._rooms: dict[int, Room] = {}

    async def start(self) -> None:
        self._wake = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="hub")
        self._redis = Redis.from_url(settings.REDIS_URL, retry=None, socket_connect_timeout=1, health_check_interval=10)
        self._thread.submit(prepare_rendering)
        runs = (self._tick, self._poll, self._listen, self._review)
        self._tasks = [asyncio.create_task(self._keep(run)) for run in runs]

    async def stop(self) -> None:
        """Closes the sockets with 1012: their browsers come back, to the next process."""
        for room in self._rooms.values():
            for listener in room.listeners:
                listener.close(RESTART)
        running = set(self._tasks)
        while running:  # redis swallows a cancellation that comes while it connects
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=0.1)
        await self._redis.aclose()
        await self._run(lambda: connection.close())  # looked up in the thread: it is that thread's own
        self._thread.shutdown()

    # For the owners of sockets

    async def resume(self, listener: Listener, *, after: int) -> None:
        """Joins the room, then reads what was missed, then goes live: nothing is left out and nothing is told twice."""
        room = self._join(listener)
        listener.position = None
        while after != room.sent and not listener.closing.done():
            read = database_sync_to_async(_read, thread_sensitive=False)
            update = await read(room.account_id, after=after, wanted=listener.wanted, window=room.window)
            if update.reset or update.to > after:
                listener.put(Texts(update).get(listener))
            if update.reset:
                return
            after = update.to
            if after == update.head and after >= (room.sent or 0):
                break
        listener.position = after
        room.sent = after if room.sent is None else room.sent
        self._hear(room.account_id, after)

    def view(self, listener: Listener, conversation: UUID | None) -> None:
        if listener.opened == conversation:
            return
        room = self._join(listener)
        before, listener.opened = listener.opened, conversation
        for each in (before, conversation):
            if each is not None:
                self._say_viewers(room, each)

    def leave(self, listener: Listener) -> None:
        room = self._rooms.get(listener.admission.account_id)
        if room is None or listener not in room.listeners:
            return
        self.view(listener, None)
        room.listeners.discard(listener)
        if not room.listeners:
            del self._rooms[room.account_id]

    # The tasks

    async def _keep(self, run: Callable[[], Awaitable[None]]) -> None:
        """A task that fails for a reason nobody thought of begins again: live updates must not end in silence."""
        while True:
            try:
                await run()
            except Exception:
                log.exception("live.task_failed", task=run.__name__)
                await asyncio.sleep(1)

    async def _tick(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            began = asyncio.get_running_loop().time()
            for room in [room for room in self._rooms.values() if room.is_behind]:
                await self._tell(room)
            await asyncio.sleep(began + TICK_SECONDS - asyncio.get_running_loop().time())

    async def _tell(self, room: Room) -> None:
        after, wanted = room.sent or 0, room.wanted
        try:
            update = await self._run(partial(_read, room.account_id, after=after, wanted=wanted, window=room.window))
        except UNAVAILABLE as error:
            log.warning("live.unavailable", account=room.account_id, error=type(error).__name__)
            return  # the next poll comes back to it
        except Exception:
            log.exception("live.unreadable", account=room.account_id, after=after, to=room.heard)
            update = Update(after, room.heard, room.heard, reset=True)
        if wanted.covers(room.wanted):
            room.broadcast(update)
        self._hear(room.account_id, update.head)

    async def _poll(self) -> None:
        """Finds what the bell did not tell: it is lost when Redis is away."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            if self._rooms:
                with contextlib.suppress(*UNAVAILABLE):
                    for account_id, head in (await self._run(partial(read_heads, list(self._rooms)))).items():
                        self._hear(account_id, head)

    async def _listen(self) -> None:
        """The subscription, made anew whenever it breaks."""
        while True:
            with contextlib.suppress(RedisError, OSError):
                async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
                    await subscription.subscribe(bell_channel())
                    while True:
                        if message := await subscription.get_message(timeout=5):
                            self._receive(message["data"])
            await asyncio.sleep(POLL_SECONDS)

    async def _review(self) -> None:
        """Ends the sockets of those who were signed out, deactivated or locked out; every fifth time it is the
        heartbeat too.
        """
        count = 0
        while True:
            await asyncio.sleep(REVIEW_SECONDS)
            count += 1
            listeners = [listener for room in self._rooms.values() for listener in room.listeners]
            try:
                found = await self._run(partial(review, [listener.admission for listener in listeners]))
            except UNAVAILABLE:
                continue
            for listener in listeners:
                if (code := found.refused.get(listener.admission)) is not None:
                    listener.close(code)
            for room in list(self._rooms.values()):
                room.window = found.windows.get(room.account_id, room.window)
                if count % REVIEWS_PER_BEAT == 0:
                    self._beat(room, found)

    # Their parts

    def _join(self, listener: Listener) -> Room:
        admission = listener.admission
        room = self._rooms.setdefault(admission.account_id, Room(admission.account_id, admission.window))
        room.listeners.add(listener)
        return room

    def _hear(self, account_id: int, head: int) -> None:
        if room := self._rooms.get(account_id):
            room.heard = max(room.heard, head)
            if room.is_behind:
                self._wake.set()

    def _receive(self, data: bytes) -> None:
        kind, account_id, content = json.loads(data)
        if kind == "ring":
            self._hear(account_id, content)
        elif room := self._rooms.get(account_id):
            conversation = UUID(content["conversation"])
            if kind == "typing":
                room.send_to_viewers(conversation, {"t": "typing", **content})
            elif content["process"] != self.name:
                self._hear_viewers(room, conversation, process=content["process"], agents=dict(content["agents"]))

    def _beat(self, room: Room, found: Review) -> None:
        text = json.dumps({"t": "beat", "seq": room.sent, "cutoff": instant(found.now - room.window)})
        for listener in list(room.listeners):
            if listener.position is not None:
                listener.put(text)
        for conversation in room.viewers.forget_stale(at=asyncio.get_running_loop().time()):
            room.send_viewers(conversation)
        for opened in {listener.opened for listener in room.listeners if listener.opened}:
            self._say_viewers(room, opened)

    def _say_viewers(self, room: Room, conversation: UUID) -> None:
        """Tells our own listeners, and through Redis the other processes, who looks at a conversation here."""
        viewing = [listener.admission for listener in room.listeners if listener.opened == conversation]
        agents = {admission.user_id: admission.name for admission in viewing if admission.user_id is not None}
        self._hear_viewers(room, conversation, process=self.name, agents=agents)
        publish = partial(publish_viewing, process=self.name, conversation=conversation, agents=agents)
        asyncio.get_running_loop().run_in_executor(None, publish, room.account_id)

    def _hear_viewers(self, room: Room, conversation: UUID, *, process: str, agents: dict[int, str]) -> None:
        now = asyncio.get_running_loop().time()
        if room.viewers.hear(conversation, process=process, agents=agents, at=now):
            room.send_viewers(conversation)

    async def _run(self, function: Callable[[], T]) -> T:
        """In the hub's own thread, whose connection stays open; after an error it begins with a new one."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, _keep_connection, function)


def _keep_connection(function: Callable[[], T]) -> T:
    try:
        return function()
    except BaseException:
        connection.close()
        raise


def prepare_rendering() -> None:
    """Templates and addresses are loaded when they are first used: better now than while somebody waits."""
    get_resolver().url_patterns  # noqa: B018
    render_rows(())
    render_messages(())


def _read(account_id: int, *, after: int, wanted: Wanted, window: timedelta) -> Update:
    with scope(account_id) as now:
        return read_update(account_id, after=after, wanted=wanted, now=now, window=window)
