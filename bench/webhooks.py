"""Signed webhooks, and a client that posts them over keep-alive connections as fast as answers come."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from bench.kinds import Line, sign_body


def build_request(line: Line, body: bytes, *, port: int, person: int = 0) -> bytes:
    """The whole HTTP request, signed; a visitor's by the person who wrote it."""
    proof = "".join(f"{name}: {value}\r\n" for name, value in sign_body(line, body, person=person).items())
    head = (
        f"POST {line.webhook} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"{proof}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def is_taken(answer: bytes) -> bool:
    return answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202"))


@dataclass(slots=True)
class Load:
    """Seconds from sending to the answer, of every request; refusals by count."""

    latencies: list[float] = field(default_factory=list)
    refused: int = 0


class _Poster(asyncio.Protocol):
    """One connection: sends the next request when the last one is answered."""

    def __init__(self, requests: Iterator[bytes], load: Load, done: asyncio.Future[None]) -> None:
        self.requests, self.load, self.done = requests, load, done
        self.sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self.load.latencies.append(time.perf_counter() - self.sent)
        if not is_taken(data):
            self.load.refused += 1
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _next(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.transport.close()
            return
        self.sent = time.perf_counter()
        self.transport.write(request)


async def post_all(requests: Sequence[bytes], *, port: int, connections: int) -> tuple[Load, float]:
    """Posts every request once over so many connections; the load and the seconds it took."""
    loop = asyncio.get_running_loop()
    load, shared = Load(), iter(requests)
    begun = time.perf_counter()
    futures = []
    for _ in range(connections):
        done = loop.create_future()
        await loop.create_connection(lambda done=done: _Poster(shared, load, done), "127.0.0.1", port)  # type: ignore[misc]
        futures.append(done)
    await asyncio.gather(*futures)
    return load, time.perf_counter() - begun
