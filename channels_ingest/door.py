"""The webhook door, a bare ASGI application in front of Django: verify, store the bytes, answer after the commit.

Whatever does not fit (channel, address, method, signature) is refused with the same empty 401. Nothing on the way to an
answer touches Redis.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from urllib.parse import parse_qsl

import psycopg
import redis.asyncio
import structlog
from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope
from cryptography.fernet import InvalidToken
from django.conf import settings
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from prometheus_client import Counter

from channels_ingest.base import ChannelAdapter, Request
from channels_ingest.bell import bell_name
from channels_ingest.handshakes import Handshakes
from channels_ingest.link import Link
from channels_ingest.raw_store import QueueFullError, RawStore
from channels_ingest.registry import load_channels
from channels_ingest.routes import Route, Routes

BODY_SECONDS = 20
HELD_BYTES = 64 * 1024 * 1024  # bodies that are being read or wait for their commit
LONGEST_HEADER = 200
CALLER_RATE = parse("60/minute")  # in each process
REDIS_SECONDS = 1
BELL_PAUSE = 0.01

REQUESTS = Counter("oneview_webhook_requests", "Webhook requests by the status of their answer", ["status"])

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ((b"content-length", b"0"),)
    body: bytes = b""


REFUSED = Answer(401)
TOO_LARGE = Answer(413, ((b"content-length", b"0"), (b"connection", b"close")))
TOO_MANY = Answer(429, ((b"content-length", b"0"), (b"retry-after", b"30")))
UNAVAILABLE = Answer(503, ((b"content-length", b"0"), (b"retry-after", b"5")))


class BodyTooLargeError(Exception):
    pass


class ClientGoneError(Exception):
    pass


class Door:
    """Serves `/webhooks/<kind>/<public_id>/`. The process calls `start` and `stop`; both work without database and
    Redis.
    """

    def __init__(self) -> None:
        self._links = Link(), Link()
        self._routes = Routes(self._links[0])
        self._ring = asyncio.Event()
        self._store = RawStore(self._links[1], committed=self._ring.set)
        self._handshakes = Handshakes()
        self._rates = FixedWindowRateLimiter(MemoryStorage())
        self._ringer: asyncio.Task[None] | None = None
        self._stopping = False
        self._held = 0

    async def start(self) -> None:
        load_channels()
        self._ringer = asyncio.create_task(self._ring_bell())
        await self._store.start()

    async def stop(self) -> None:
        """Commits and answers what has been taken in."""
        await self._store.stop()
        self._stopping = True
        self._ring.set()
        if self._ringer is not None:
            await asyncio.wait({self._ringer}, timeout=2 * REDIS_SECONDS)
            self._ringer.cancel()
        await self._handshakes.stop()
        for link in self._links:
            await link.close()

    async def __call__(self, scope: HTTPScope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        body = bytearray()
        try:
            answer = await self._answer(scope, receive, body)
        except ClientGoneError:
            return
        except BodyTooLargeError:
            answer = TOO_LARGE
        except (QueueFullError, TimeoutError, psycopg.Error, InvalidToken) as error:
            log.warning("webhook_not_taken", error=type(error).__name__)
            answer = UNAVAILABLE
        finally:
            self._held -= len(body)
        _count(answer.status).inc()
        await send(
            {"type": "http.response.start", "status": answer.status, "headers": answer.headers, "trailers": False}
        )
        await send({"type": "http.response.body", "body": answer.body, "more_body": False})

    async def _answer(self, scope: HTTPScope, receive: ASGIReceiveCallable, body: bytearray) -> Answer:
        method = scope["method"]
        if method == "HEAD":
            return Answer(200)
        kind, public_id = _split_path(scope["path"])
        adapter = load_channels().get(kind)
        if adapter is None or method not in ("GET", "POST"):
            return REFUSED
        route = await self._routes.find(public_id)
        if route is None or route.kind != kind:
            return REFUSED
        headers = _read_headers(scope["headers"])
        if method == "GET":
            answer = _shake_hands(adapter, _build_request(scope, headers, b""), route)
            if answer is not REFUSED:
                self._handshakes.note(public_id)
            return answer
        limit = adapter.capabilities.body_limit
        _check_declared(headers.get("content-length", ""), limit=limit)
        await self._read_body(receive, body, limit=limit)
        since = asyncio.get_running_loop().time()
        request = _build_request(scope, headers, bytes(body))
        if not _is_signed(adapter, request, route):
            return REFUSED
        if caller := adapter.read_caller(request):
            if caller.session in route.ended_sessions:
                return REFUSED
            if not self._rates.hit(CALLER_RATE, public_id, caller.id):
                return TOO_MANY
        await self._store.put(
            account_id=route.account_id,
            channel_id=route.channel_id,
            headers=_keep_headers(headers.get("content-type", ""), **adapter.keep(request)),
            body=request.body,
            since=since,
        )
        return Answer(adapter.taken_status)

    async def _read_body(self, receive: ASGIReceiveCallable, body: bytearray, *, limit: int) -> None:
        """Who sent a part has to send the rest in time: until then it takes the room of others."""
        if await self._read_chunk(receive, body, limit=limit):
            async with asyncio.timeout(BODY_SECONDS):
                while await self._read_chunk(receive, body, limit=limit):
                    pass

    async def _read_chunk(self, receive: ASGIReceiveCallable, body: bytearray, *, limit: int) -> bool:
        """Whether there is more."""
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        chunk = message.get("body", b"")
        body += chunk
        self._held += len(chunk)
        if len(body) > limit:
            raise BodyTooLargeError
        if self._held > HELD_BYTES:
            raise QueueFullError
        return message.get("more_body", False)

    async def _ring_bell(self) -> None:
        """One ring for whatever was committed since the last; a Redis that is away or slow costs nobody anything."""
        client = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, socket_timeout=REDIS_SECONDS, socket_connect_timeout=REDIS_SECONDS, retry=None
        )
        try:
            while not self._stopping:  # the client may swallow a cancellation
                await self._ring.wait()
                self._ring.clear()
                try:
                    await client.publish(bell_name(), b"")
                except redis.RedisError as error:
                    log.warning("bell_not_rung", error=type(error).__name__)
                await asyncio.sleep(BELL_PAUSE)
        finally:
            await client.aclose()


def _split_path(path: str) -> tuple[str, str]:
    """Kind and public id of `/webhooks/<kind>/<public_id>/`, empty ones for any other path."""
    match path.removesuffix("/").split("/"):
        case ["", _, kind, public_id]:
            return kind, public_id
    return "", ""


def _check_declared(length: str, *, limit: int) -> None:
    if length.isdecimal() and (len(length) > 18 or int(length) > limit):
        raise BodyTooLargeError


def _read_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """By lower-case name. One that came twice holds both values, so neither of them can pass for the only one."""
    found: dict[str, str] = {}
    repeated: dict[str, list[str]] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        if name in found:
            repeated.setdefault(name, [found[name]]).append(value)
        else:
            found[name] = value
    for name, values in repeated.items():
        found[name] = ", ".join(values)
    return found


@lru_cache(maxsize=100)
def _keep_headers(content_type: str, **more: str) -> str:
    """What a parser may need, as JSON. Never what proves who sent the request."""
    kept = content_type[:LONGEST_HEADER]
    return json.dumps({**({"content-type": kept} if kept and kept.isprintable() else {}), **more})


@cache
def _count(status: int) -> Counter:
    return REQUESTS.labels(str(status))


def _build_request(scope: HTTPScope, headers: Mapping[str, str], body: bytes) -> Request:
    query = scope["query_string"].decode("latin-1")
    path = (scope["raw_path"] or scope["path"].encode()).decode("latin-1")
    return Request(
        method=scope["method"],
        url=f"{settings.PUBLIC_URL}{path}{'?' if query else ''}{query}",
        query=dict(parse_qsl(query, keep_blank_values=True)) if query else {},
        headers=headers,
        body=body,
    )


def _is_signed(adapter: ChannelAdapter, request: Request, route: Route) -> bool:
    try:
        return adapter.verify(request, route.credentials)
    except Exception:
        log.exception("verify_failed", kind=adapter.kind)
        return False


def _shake_hands(adapter: ChannelAdapter, request: Request, route: Route) -> Answer:
    try:
        response = adapter.handshake(request, route.credentials)
    except Exception:
        log.exception("handshake_failed", kind=adapter.kind)
        return REFUSED
    if response is None:
        return REFUSED
    headers = (
        (b"content-type", response.content_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
        (b"x-content-type-options", b"nosniff"),
    )
    return Answer(response.status, headers, response.body)
