"""Live updates of one web process: reads each account's log once for all of its sockets of a language and hands each of
them the same text.

One Redis subscription and one thread with one database connection, however many sockets listen. Cost follows what is
delivered, not who is connected.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TypeVar
from uuid import UUID

import structlog
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection
from django.template.loader import get_template
from django.urls import get_resolver
from django.utils import translation
from psycopg_pool import PoolTimeout
from redis.asyncio import Redis
from redis.exceptions import RedisError

from inbox.admission import Admission, Review, VisitorAdmission, review, review_visitors
from inbox.api.serialise import instant
from inbox.listeners import RESTART, Listener, Room, Texts, VisitorListener
from inbox.reach import Reach
from inbox.realtime import bell_channel, publish_viewing, read_heads
from inbox.selectors.reach import is_in_reach
from inbox.updates import Missed, Update, Wanted, read_missed, read_update
from oneview.common.scope import scope

TICK_SECONDS = 0.02
POLL_SECONDS = 0.5
REVIEW_SECONDS = 5.0
REVIEWS_PER_BEAT = 5
UNAVAILABLE = (DatabaseError, PoolTimeout)

log = structlog.get_logger(__name__)
T = TypeVar("T")


class Hub:
    """`start()` and `stop()` belong to the lifespan of a process; sockets come in with `join()`, hear something from
    `resume()` or `attend()` on, and go with `leave()`.
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
            for line in room.lines:
                line.close(RESTART)
        running = set(self._tasks)
        while running:  # redis swallows a cancellation that comes while it connects
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=0.1)
        await self._redis.aclose()
        await self._run(lambda: connection.close())  # looked up in the thread: it is that thread's own
        self._thread.shutdown()

    # For the owners of sockets

    def join(self, line: Listener | VisitorListener) -> Room:
        """From its opening on: who asks for nothing yet is reviewed as well. Again, it changes nothing."""
        admission = line.admission
        room = self._rooms.setdefault(admission.account_id, Room(admission.account_id, admission.window))
        if isinstance(line, Listener):
            room.listeners.add(line)
        else:
            room.visitors.add(line)
        return room

    async def resume(self, listener: Listener, *, after: int) -> None:
        """Joins the room, then reads what was missed, then goes live: nothing is left out and nothing is told twice."""
        room, reach = self.join(listener), listener.admission.reach
        listener.position = None
        while after != room.sent and not listener.closing.done():
            read, wanted = database_sync_to_async(_read, thread_sensitive=False), listener.wanted
            language = listener.admission.language
            updates = await read(room.account_id, after=after, wanted={language: wanted}, window=room.window)
            update = updates[language]
            if not wanted.covers(listener.wanted):
                continue
            if update.reset or update.to > after:
                listener.put(Texts(update).get(listener))
            if update.reset:
                return
            after = update.to
            if after == update.head and after >= (room.sent or 0):
                break
        listener.position = after
        room.sent = after if room.sent is None else room.sent
        if listener.admission.reach != reach:
            self._start_over(listener)
        self._hear(room.account_id, after)

    async def attend(self, visitor: VisitorListener, *, after: UUID | None) -> None:
        """As `resume`, for a visitor, who knows messages and no log: some of what they missed may come twice."""
        room = self.join(visitor)
        visitor.is_live = False
        read = database_sync_to_async(_read_missed, thread_sensitive=False)
        while not visitor.is_live:
            missed = await read(visitor.admission, after=after)
            if visitor.closing.done():
                return
            for message in missed.messages:
                visitor.tell(message)
                after = message.id
            visitor.conversation = missed.conversation
            visitor.is_live = missed.is_last and missed.head >= (room.sent or 0)
        room.sent = missed.head if room.sent is None else room.sent
        self._hear(room.account_id, missed.head)

    async def sees(self, listener: Listener, conversation: UUID) -> bool:
        """Asked in the hub's own thread, in turn with the updates: what is told after the answer is no older."""
        admission = listener.admission
        if not admission.reach.is_narrow:
            return True
        is_seen = await self._run(partial(_is_in_reach, admission, conversation))
        return is_seen and listener.admission.reach == admission.reach

    def view(self, listener: Listener, conversation: UUID | None) -> None:
        """Only what the listener sees may be opened."""
        if listener.opened == conversation:
            return
        room = self.join(listener)
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
        self._close_empty(room)

    def leave_as_visitor(self, visitor: VisitorListener) -> None:
        if room := self._rooms.get(visitor.admission.account_id):
            room.visitors.discard(visitor)
            self._close_empty(room)

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
            updates = await self._run(partial(_read, room.account_id, after=after, wanted=wanted, window=room.window))
        except UNAVAILABLE as error:
            log.warning("live.unavailable", account=room.account_id, error=type(error).__name__)
            return  # the next poll comes back to it
        except Exception:
            log.exception("live.unreadable", account=room.account_id, after=after, to=room.heard)
            updates = dict.fromkeys(wanted, Update(after, room.heard, room.heard, reset=True))
        if all(language in wanted and wanted[language].covers(each) for language, each in room.wanted.items()):
            for listener in room.broadcast(updates):
                self.view(listener, None)
        self._hear(room.account_id, max(update.head for update in updates.values()))

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
        """Ends the sockets of those who were signed out, deactivated or locked out, and lets those who see something
        else now start over; every fifth time it is the heartbeat too.
        """
        count = 0
        look_at = database_sync_to_async(review_visitors, thread_sensitive=False)  # too many for the hub's own thread
        while True:
            await asyncio.sleep(REVIEW_SECONDS)
            count += 1
            listeners = [listener for room in self._rooms.values() for listener in room.listeners]
            visitors = [visitor for room in self._rooms.values() for visitor in room.visitors.all]
            try:
                found = await self._run(partial(review, [listener.admission for listener in listeners]))
                gone = await look_at([visitor.admission for visitor in visitors])
            except UNAVAILABLE:
                continue
            for listener in listeners:
                admission = listener.admission
                if (code := found.refused.get(admission)) is not None:
                    listener.close(code)
                elif admission.user_id is not None:
                    self._change_reach(listener, found.reaches[admission.account_id, admission.user_id])
            for visitor, code in zip(visitors, gone, strict=True):
                if code is not None:
                    visitor.close(code)
            for room in list(self._rooms.values()):
                room.window = found.windows.get(room.account_id, room.window)
                if count % REVIEWS_PER_BEAT == 0:
                    self._beat(room, found)

    # Their parts

    def _change_reach(self, listener: Listener, reach: Reach) -> None:
        """The page reads everything anew, and says again what it has on its screen."""
        if listener.admission.reach != reach:
            listener.admission = replace(listener.admission, reach=reach)
            self.view(listener, None)
            self._start_over(listener)

    def _start_over(self, listener: Listener) -> None:
        if listener.position is not None:
            listener.put(json.dumps({"t": "reset", "seq": listener.position}))
            listener.position = None

    def _close_empty(self, room: Room) -> None:
        if not room.listeners and not room.visitors.all:
            del self._rooms[room.account_id]

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
                room.tell_typing(conversation, kind=content["author"]["kind"], on=content["on"])
            elif content["process"] != self.name:
                self._hear_viewers(room, conversation, process=content["process"], agents=dict(content["agents"]))

    def _beat(self, room: Room, found: Review) -> None:
        text = json.dumps({"t": "beat", "seq": room.sent, "cutoff": instant(found.now - room.window)})
        for listener in list(room.listeners):
            if listener.position is not None:
                listener.put(text)
        beat = json.dumps({"t": "beat"})
        for visitor in room.visitors.all:
            visitor.put(beat)
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
    for name in ("inbox/row.html", "inbox/message.html"):
        get_template(name)


def _read_missed(admission: VisitorAdmission, *, after: UUID | None) -> Missed:
    with scope(admission.account_id) as now:
        return read_missed(admission, after=after, now=now)


def _is_in_reach(admission: Admission, conversation: UUID) -> bool:
    with scope(admission.account_id) as now:
        return is_in_reach(admission.account_id, conversation, reach=admission.reach, now=now, window=admission.window)


def _read(account_id: int, *, after: int, wanted: Mapping[str, Wanted], window: timedelta) -> dict[str, Update]:
    """By language."""
    updates = {}
    with scope(account_id) as now:
        for language, each in wanted.items():
            with translation.override(language):
                updates[language] = read_update(account_id, after=after, wanted=each, now=now, window=window)
    return updates
