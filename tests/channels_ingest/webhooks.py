"""WhatsApp webhooks as Meta sends them, and a client that calls an ASGI application with them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from channels_ingest.door import Door
from channels_ingest.models import Channel
from channels_ingest.services import create_channel
from channels_ingest.signing import hmac_sha256_hex
from oneview.accounts.models import Account
from oneview.common.scope import scope

SECRET = "app-secret-1"
NUMBER = "900100200300"
CREDENTIALS = {"app_secret": SECRET, "verify_token": "say-friend", "access_token": "token-1"}


def connect(account: Account, *, external_id: str = NUMBER, **credentials: Any) -> Channel:
    with scope(account):
        return create_channel(
            account.id,
            kind="whatsapp",
            name="WhatsApp",
            external_id=external_id,
            credentials={**CREDENTIALS, **credentials},
        )


def path_to(channel: Channel) -> str:
    return f"/webhooks/{channel.kind}/{channel.public_id}/"


def text_message(text: str, *, id: str, sender: str = "34600111222", at: int = 1_780_000_000) -> dict[str, Any]:
    return {"from": sender, "id": id, "timestamp": str(at), "type": "text", "text": {"body": text}}


def body_of(*messages: Any, number: str = NUMBER) -> bytes:
    """One request that holds all these messages."""
    senders = {message["from"] for message in messages if isinstance(message, dict)}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001111", "phone_number_id": number},
        "contacts": [{"profile": {"name": "Ana"}, "wa_id": sender} for sender in sorted(senders)],
        "messages": list(messages),
    }
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def sign(body: bytes, *, secret: str = SECRET) -> tuple[bytes, bytes]:
    return b"x-hub-signature-256", f"sha256={hmac_sha256_hex(secret, body)}".encode()


@dataclass(slots=True)
class Reply:
    """What came back. `chunks_read` of the body were asked for."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    chunks_read: int = 0


async def call(
    door: Door,
    path: str,
    *,
    method: str = "POST",
    chunks: Sequence[bytes] = (b"",),
    headers: Iterable[tuple[bytes, bytes]] = (),
    query: bytes = b"",
    cut: bool = False,
    stalls: bool = False,
) -> Reply:
    """`cut`: the client goes away after the chunks, before the end of its request. `stalls`: it does not even go."""
    reply = Reply()
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": list(headers),
    }

    async def receive() -> dict[str, Any]:
        if reply.chunks_read == len(chunks):
            if stalls:
                await asyncio.sleep(60)
            return {"type": "http.disconnect"}
        chunk = chunks[reply.chunks_read]
        reply.chunks_read += 1
        return {"type": "http.request", "body": chunk, "more_body": cut or stalls or reply.chunks_read < len(chunks)}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            reply.status, reply.headers = message["status"], list(message["headers"])
        else:
            reply.body += message["body"]

    await door(scope, receive, send)  # type: ignore[arg-type]
    return reply


async def post(door: Door, channel: Channel, body: bytes) -> Reply:
    """A request with a right signature."""
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), sign(body)]
    return await call(door, path_to(channel), chunks=[body], headers=headers)
