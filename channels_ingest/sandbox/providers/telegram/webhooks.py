"""What Telegram posts to our door: updates with the shapes of channels/telegram, and the secret word in a header.

https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

import json
import secrets as randomness
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from channels_ingest.base import secrets
from channels_ingest.sandbox.base import post_webhook
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.store import get_store

BEGINNING = 1_767_225_600  # 2026-01-01
DAY = 24 * 3600
MOST_A_DAY = 1_000_000


@dataclass(frozen=True, slots=True)
class Customer:
    """A user of Telegram. Nobody is told their `phone` unless they share it."""

    id: int
    name: str = ""
    username: str = ""
    language: str = ""
    phone: str = ""


def now() -> int:
    return int(time.time())


def count(connection: Connection, what: str) -> int:
    """A number that rises with each call, also after the store has forgotten the last one."""
    days = (now() - BEGINNING) // DAY
    return days * MOST_A_DAY + get_store().add_sent(f"{connection.key}:{what}", {})


def count_message(connection: Connection, chat: int) -> int:
    """The next message number of a chat: both sides share them."""
    return count(connection, f"chat:{chat}")


def build_user(customer: Customer) -> dict[str, Any]:
    person = {"id": customer.id, "is_bot": False, "first_name": "", **_name(customer)}
    return person | ({"language_code": customer.language} if customer.language else {})


def build_chat(customer: Customer) -> dict[str, Any]:
    return {"id": customer.id, **_name(customer), "type": "private"}


def build_bot(connection: Connection) -> dict[str, Any]:
    return {"id": int(connection.external_id), "is_bot": True, "first_name": "OneView", "username": "oneview_bot"}


def build_message(
    connection: Connection, customer: Customer, *, id: int | None = None, at: int | None = None, **content: Any
) -> dict[str, Any]:
    return {
        "message_id": count_message(connection, customer.id) if id is None else id,
        "from": build_user(customer),
        "chat": build_chat(customer),
        "date": now() if at is None else at,
        **content,
    }


def build_body(connection: Connection, kind: str, part: Mapping[str, Any]) -> bytes:
    update = {"update_id": count(connection, "updates"), kind: part}
    return json.dumps(update, separators=(",", ":")).encode()


def build_headers(connection: Connection) -> Mapping[str, str]:
    return {"x-telegram-bot-api-secret-token": secrets(connection.credentials, "secret_token")[0]}


def deliver(connection: Connection, kind: str, part: Mapping[str, Any]) -> int:
    """Posts one update; the status of our door's answer."""
    return post_webhook(connection, build_body(connection, kind, part), headers=build_headers(connection))


def name_message(message: Mapping[str, Any]) -> str:
    """The external id that our adapter gives it."""
    return f"{message['chat']['id']}:{message['message_id']}"


def keep_file(content: bytes, *, type: str = "", name: str = "", folder: str = "documents") -> dict[str, Any]:
    """The part of a message that names a file, which can then be asked for and downloaded."""
    id = randomness.token_urlsafe(24)
    get_store().put_file(id, name=name, type=type, content=content)
    get_store().put("path", id, {"path": f"{folder}/{id}"})
    told = {"file_name": name, "mime_type": type}
    return {
        "file_id": id,
        "file_unique_id": id[:15],
        "file_size": len(content),
        **{key: value for key, value in told.items() if value},
    }


def keep_photo(content: bytes, *, size: int = 240) -> list[dict[str, Any]]:
    """A picture in two sizes, the larger one last."""
    small, large = (keep_file(content, folder="photos") for _ in range(2))
    return [
        {**small, "width": size // 4, "height": size // 4, "file_size": len(content) // 4},
        {**large, "width": size, "height": size},
    ]


def set_blocked(connection: Connection, chat: str, *, blocked: bool) -> None:
    get_store().put("blocked", f"{connection.key}:{chat}", {"blocked": blocked})


def is_blocked(connection: Connection, chat: str) -> bool:
    found = get_store().get("blocked", f"{connection.key}:{chat}")
    return bool(found and found["blocked"])


def _name(customer: Customer) -> dict[str, str]:
    first, _, last = customer.name.partition(" ")
    named = {"first_name": first, "last_name": last, "username": customer.username}
    return {key: value for key, value in named.items() if value}
