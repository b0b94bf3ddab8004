"""Sockets, and that of agents' pages and programs: who it is, what it may say, and when it ends. What it hears is the
hub's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar
from urllib.parse import parse_qs
from uuid import UUID

from channels.consumer import get_handler_name
from channels.db import database_sync_to_async
from channels.exceptions import DenyConnection, StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.http.cookie import parse_cookie
from django.http.request import split_domain_port, validate_host

from inbox.admission import Admission, Refused, admit_session, admit_token
from inbox.api.serialise import instant
from inbox.hub import UNAVAILABLE, Hub
from inbox.listeners import RESTART, Line, Listener, VisitorListener
from inbox.realtime import publish_typing, read_head
from oneview.common.scope import scope as account_scope

BAD_FRAME = 1008
MOST_CHARACTERS = 64 * 1024
MOST_FRAMES, FRAMES_SECONDS = 60, 10.0  # an agent opens conversations and types: no person says more


# Makes the line in the event loop; the text is what it begins with.
Question = Callable[[], tuple[Callable[[], Listener | VisitorListener], str]]


class BadFrame(Exception):
    """`code` is all that the client is told."""

    def __init__(self, code: str = "bad_frame") -> None:
        super().__init__(code)
        self.code = code


class SocketConsumer(AsyncWebsocketConsumer):
    """A socket with the hub behind it. Frames are obeyed one after the other: what a client says next waits until its
    `resume` is answered.
    """

    channel_layer_alias = ""  # none: the hub holds the one subscription of the process
    bearer: ClassVar[str]

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self.hub = hub
        self.line: Listener | VisitorListener | None = None
        self.tasks: list[asyncio.Task[None]] = []
        self.frames = 0
        self.counted_from = 0.0

    def admit(self, token: str | None) -> Question:
        """What to ask in a thread: who it is, and the frame that greets them. Raises DenyConnection; the question
        raises Refused.
        """
        raise NotImplementedError

    async def obey(self, frame: dict[str, Any]) -> None:
        """Raises BadFrame."""
        raise NotImplementedError

    def leave(self) -> None:
        raise NotImplementedError

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.line is not None:
                self.leave()
            for task in self.tasks:
                task.cancel()

    async def dispatch(self, message: Any) -> None:
        """Channels hops to a thread here, to close old database connections of which this consumer has none."""
        await getattr(self, get_handler_name(message))(message)

    async def websocket_disconnect(self, message: Any) -> None:
        raise StopConsumer

    async def connect(self) -> None:
        subprotocol = next((name for name in self.scope["subprotocols"] if name.startswith(self.bearer)), None)
        ask = self.admit(subprotocol.removeprefix(self.bearer) if subprotocol else None)
        try:
            make, hello = await database_sync_to_async(ask, thread_sensitive=False)()
        except (Refused, *UNAVAILABLE) as reason:
            await self.accept(subprotocol)  # a browser sees the code of an open socket only
            await self.close(reason.code if isinstance(reason, Refused) else RESTART)
            return
        await self.accept(subprotocol)
        self.line = make()
        self.hub.join(self.line)
        self.line.put(hello)
        writer = asyncio.create_task(self._write(self.line))
        self.tasks = [writer, asyncio.create_task(self._end(self.line, writer))]

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.line is None or self.line.closing.done():
            return
        try:
            self._count_frame()
            await self.obey(_read_frame(text_data))
        except BadFrame as bad:
            await self.send(json.dumps({"t": "error", "code": bad.code}))
            self.line.close(BAD_FRAME)
        except UNAVAILABLE:
            self.line.close(RESTART)

    def _count_frame(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self.counted_from > FRAMES_SECONDS:
            self.frames, self.counted_from = 0, now
        self.frames += 1
        if self.frames > MOST_FRAMES:
            raise BadFrame("rate_limited")

    async def _write(self, line: Line) -> None:
        with contextlib.suppress(OSError):  # the client is gone: the receiving side hears of it too
            while True:
                await self.send(await line.next())

    async def _end(self, line: Line, writer: asyncio.Task[None]) -> None:
        code = await line.closing
        self.leave()
        writer.cancel()
        with contextlib.suppress(OSError):
            await self.close(code)


class InboxConsumer(SocketConsumer):
    """Of agents' pages, by session and Origin, and of programs, by token."""

    bearer = "oneview.bearer."
    line: Listener | None

    def admit(self, token: str | None) -> Question:
        if token is not None:
            return partial(_open, partial(admit_token, token))
        if is_same_origin(self.scope):
            return partial(_open, partial(admit_session, read_session_key(self.scope), shown=read_account(self.scope)))
        raise DenyConnection

    async def obey(self, frame: dict[str, Any]) -> None:
        listener = self.line
        if listener is None:
            return
        match frame:
            case {"t": "resume", "after": int(after), **rest} if (
                not rest and type(after) is int and 0 <= after < 1 << 63
            ):
                await self.hub.resume(listener, after=after)
            case {"t": "viewing", "conversation": conversation, **rest} if not rest:
                viewed = None if conversation is None else read_id(conversation)
                is_seen = viewed is not None and await self.hub.sees(listener, viewed)
                self.hub.view(listener, viewed if is_seen else None)
            case {"t": "typing", "conversation": conversation, "on": bool(on), **rest} if not rest:
                admission = listener.admission
                kind = "bot" if admission.user_id is None else "agent"
                author = {"kind": kind, "id": admission.user_id, "name": admission.name}
                id = read_id(conversation)
                if await self.hub.sees(listener, id):
                    await asyncio.to_thread(publish_typing, admission.account_id, conversation=id, author=author, on=on)
            case _:
                raise BadFrame

    def leave(self) -> None:
        if self.line is not None:
            self.hub.leave(self.line)


def is_same_origin(scope: Any) -> bool:
    """Cookies come along from anywhere, so the page that opens the socket must be ours: scheme, host and port."""
    headers = {name: value.decode("latin-1").lower() for name, value in scope["headers"]}
    host = headers.get(b"host", "")
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return False
    header, value = settings.SECURE_PROXY_SSL_HEADER or ("", "")
    proxied = headers.get(header.removeprefix("HTTP_").replace("_", "-").lower().encode()) == value if header else False
    scheme = "https" if scope.get("scheme") == "wss" or proxied else "http"
    return headers.get(b"origin") in {f"{scheme}://{host}", *settings.CSRF_TRUSTED_ORIGINS}


def read_session_key(scope: Any) -> str:
    cookies = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    return parse_cookie(cookies).get(settings.SESSION_COOKIE_NAME, "")


def read_account(scope: Any) -> str | None:
    """The account that the page shows, as it says."""
    said: list[str | None] = [*parse_qs(scope["query_string"].decode("latin-1")).get("account", [])]
    return said[0] if said else None


def _open(admit: Callable[[], Admission]) -> tuple[Callable[[], Listener], str]:
    """Who it is, and the frame that greets them. Its `seq` is read here, so a client that begins with it misses
    nothing.
    """
    admission = admit()
    with account_scope(admission.account_id) as now:
        head = read_head(admission.account_id)
    cutoff = instant(now - admission.window)
    return partial(Listener, admission), json.dumps(
        {"t": "hello", "v": 1, "seq": head, "now": instant(now), "cutoff": cutoff}
    )


def _read_frame(text: str | None) -> dict[str, Any]:
    if text is None or len(text) > MOST_CHARACTERS:
        raise BadFrame
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        raise BadFrame from None
    if not isinstance(frame, dict):
        raise BadFrame
    return frame


def read_id(value: object) -> UUID:
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise BadFrame from None
