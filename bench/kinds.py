"""What users of each kind of channel write, in the body that its provider posts, and what proves who posted it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from channels_ingest.base import ChannelAdapter
from channels_ingest.channels.api import CHANNEL as API
from channels_ingest.channels.messenger import CHANNEL as MESSENGER
from channels_ingest.channels.telegram import CHANNEL as TELEGRAM
from channels_ingest.channels.telegram.adapter import SECRET_HEADER
from channels_ingest.channels.webchat import CHANNEL as WEBCHAT
from channels_ingest.channels.webchat.tokens import Visitor, sign_visitor
from channels_ingest.channels.whatsapp import CHANNEL as WHATSAPP
from channels_ingest.signing import hmac_sha256_hex, read_standard_key, sign_standard

SECRET = "bench-app-secret, as long as those of providers"
NOWHERE = "http://127.0.0.1:9"
ADAPTERS: dict[str, ChannelAdapter] = {
    adapter.kind: adapter for adapter in (WHATSAPP, MESSENGER, TELEGRAM, WEBCHAT, API)
}
CREDENTIALS: dict[str, dict[str, str]] = {
    "whatsapp": {"app_secret": SECRET, "verify_token": "bench", "access_token": "bench", "base_url": NOWHERE},
    "messenger": {"app_secret": SECRET, "verify_token": "bench", "page_access_token": "bench", "base_url": NOWHERE},
    "telegram": {"bot_token": "1:bench", "secret_token": "bench-secret-token", "base_url": NOWHERE},
    "webchat": {"jwt_secret": SECRET},
    "api": {"secret": SECRET},
}


@dataclass(frozen=True, slots=True)
class Line:
    """A channel as its provider knows it: its own id, and the address of our door."""

    kind: str
    external_id: str
    webhook: str

    @property
    def public_id(self) -> str:
        return self.webhook.rstrip("/").rpartition("/")[2]


def build_body(line: Line, *, person: int, message: str, text: str, at: int | None = None) -> bytes:
    """One message. `message` names it among all of the channel, digits for Telegram; `at` in Unix seconds."""
    at = int(time.time()) if at is None else at
    return json.dumps(_build_document(line, person, message, text, at)).encode()


def name_message(line: Line, *, person: int, message: str) -> str:
    """The external id that the adapter gives it."""
    match line.kind:
        case "whatsapp":
            return f"wamid.{message}"
        case "telegram":
            return f"{_number(person)}:{message}"
        case "webchat":
            return f"visitor:{_name_visitor(person)}:{message}"
        case _:
            return message


def sign_body(line: Line, body: bytes, *, person: int) -> Mapping[str, str]:
    """The headers that prove it. A visitor has a token for all that they post."""
    match line.kind:
        case "telegram":
            return {SECRET_HEADER: CREDENTIALS["telegram"]["secret_token"]}
        case "webchat":
            return {"authorization": f"Bearer {issue_token(line, person=person)}"}
        case "api":
            id, timestamp = hmac_sha256_hex("id", body)[:24], str(int(time.time()))
            signature = sign_standard(read_standard_key(SECRET), id=id, timestamp=timestamp, body=body)
            return {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature}
        case _:
            return {"x-hub-signature-256": f"sha256={hmac_sha256_hex(SECRET, body)}"}


def _build_document(line: Line, person: int, message: str, text: str, at: int) -> dict[str, Any]:
    match line.kind:
        case "whatsapp":
            return _build_whatsapp(line, person, message, text, at)
        case "messenger":
            sides = {"sender": {"id": f"77{_number(person)}"}, "recipient": {"id": line.external_id}}
            item = {**sides, "timestamp": at * 1000, "message": {"mid": message, "text": text}}
            return {"object": "page", "entry": [{"id": line.external_id, "time": at * 1000, "messaging": [item]}]}
        case "telegram":
            user = {"id": _number(person), "first_name": "Person", "last_name": str(person)}
            chat: dict[str, Any] = {**user, "type": "private"}
            sender: dict[str, Any] = {**user, "is_bot": False, "language_code": "es"}
            said = {"message_id": int(message), "from": sender, "chat": chat, "date": at, "text": text}
            return {"update_id": 874_000_000 + int(message), "message": said}
        case "webchat":
            return {"type": "message", "client_id": message, "text": text, "page": "https://shop.example/shoes/41"}
        case _:
            user = {"id": f"user-{person}", "name": f"Person {person}", "email": f"person{person}@bench.example"}
            sent_at = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            data = {"id": message, "user": user, "text": text, "attachments": [], "sent_at": sent_at}
            return {"type": "message.created", "data": data}


def _build_whatsapp(line: Line, person: int, message: str, text: str, at: int) -> dict[str, Any]:
    phone, user = f"3460{person:08d}", f"ES.{person:016d}"
    profile = {"name": f"Person {person}", "username": f"@person{person}"}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550001111", "phone_number_id": line.external_id},
        "contacts": [{"profile": profile, "wa_id": phone, "user_id": user}],
        "messages": [
            {
                "from": phone,
                "from_user_id": user,
                "id": f"wamid.{message}",
                "timestamp": str(at),
                "type": "text",
                "text": {"body": text},
            }
        ],
    }
    entry = {"id": "102290129340398", "changes": [{"field": "messages", "value": value}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def _number(person: int) -> int:
    return 1_000_000_000 + person


def _name_visitor(person: int) -> str:
    return f"{person:032x}"


@cache
def issue_token(line: Line, *, person: int) -> str:
    """A visitor's."""
    visitor = Visitor(_name_visitor(person), session=f"{person:032x}", platform="web", language="es")
    return sign_visitor(visitor, CREDENTIALS["webchat"], audience=line.public_id)[0]
