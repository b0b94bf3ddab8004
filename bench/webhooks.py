"""Signed WhatsApp webhooks, and a client that posts them over keep-alive connections as fast as answers come."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from bench.installation import SECRET, Tenant


def build_body(phone_number_id: str, *, person: int, message: str, text: str, at: int | None = None) -> bytes:
    """One message of one person, about 900 bytes, as the provider sends it."""
    phone, user = f"3460{person:08d}", f"ES.{person:016d}"
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001111", "phone_number_id": phone_number_id},
        "contacts": [
            {"profile": {"name": f"Person {person}", "username": f"@person{person}"}, "wa_id": phone, "user_id": user}
        ],
        "messages": [
            {
                "from": phone,
                "from_user_id": user,
                "id": f"wamid.{message}",
                "timestamp": str(at or int(time.time())),
                "type": "text",
                "text": {"body": text},
            }
        ],
    }
    entry = {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def build_request(tenant: Tenant, body: bytes, *, port: int) -> bytes:
    """The whole HTTP request, signed."""
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    head = (
        f"POST {tenant.webhook} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature-256: sha256={signature}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@dataclass(slots=True)
class Load:
    """Seconds from sending to the answer, of every request; statuses other than 200 by count."""

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
        if not data.startswith(b"HTTP/1.1 200"):
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
