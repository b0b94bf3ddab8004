"""Meta's side of WhatsApp: what it posts to our door, with the shapes and signatures of channels/whatsapp.

https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference
"""

from __future__ import annotations

import base64
import json
import secrets as randomness
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from channels_ingest.sandbox.base import post_webhook
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.files import hash_file
from channels_ingest.sandbox.later import call_later
from channels_ingest.sandbox.meta import repeat_until_done, sign_body
from channels_ingest.sandbox.store import get_store

NUMBER = "15550001111"
RECEIPTS = (("sent", 0.05), ("delivered", 0.4), ("read", 1.5))  # a phone at hand, its owner looking


@dataclass(frozen=True, slots=True)
class Customer:
    """A user of WhatsApp. One who has a username may keep the phone to themselves; then there is only the `user_id`."""

    phone: str = ""
    user_id: str = ""
    name: str = ""
    username: str = ""

    @property
    def key(self) -> str:
        return self.user_id or self.phone


def make_id() -> str:
    return f"wamid.{randomness.token_urlsafe(24)}"


def now() -> int:
    return int(time.time())


def build_contact(customer: Customer) -> dict[str, Any]:
    profile = _drop_empty({"name": customer.name, "username": customer.username})
    return _drop_empty({"profile": profile, "wa_id": customer.phone, "user_id": customer.user_id})


def build_message(
    customer: Customer, type: str, body: Mapping[str, Any] | None, *, id: str = "", at: int | None = None, **more: Any
) -> dict[str, Any]:
    """A message object; `body` is what goes under the name of its type, `more` stands beside it (`context`)."""
    return {
        **_drop_empty({"from": customer.phone, "from_user_id": customer.user_id}),
        "id": id or make_id(),
        "timestamp": str(now() if at is None else at),
        "type": type,
        **({} if body is None else {type: body}),
        **more,
    }


def build_value(connection: Connection, **arrays: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": NUMBER, "phone_number_id": connection.external_id}
    return {"messaging_product": "whatsapp", "metadata": metadata, **arrays}


def build_body(value: Mapping[str, Any], *, field: str = "messages") -> bytes:
    """A whole webhook with one change."""
    change = {"field": field, "value": value}
    document = {"object": "whatsapp_business_account", "entry": [{"id": "210400500600", "changes": [change]}]}
    return json.dumps(document, separators=(",", ":")).encode()


def deliver(connection: Connection, value: Mapping[str, Any]) -> int:
    """Signs and posts one webhook; the status of our door's answer."""
    body = build_body(value)
    return post_webhook(connection, body, headers=sign_body(connection, body))


def deliver_messages(connection: Connection, customer: Customer, *messages: Mapping[str, Any]) -> int:
    """What a customer wrote, in one webhook."""
    remember(customer)
    return deliver(connection, build_value(connection, contacts=[build_contact(customer)], messages=list(messages)))


def remember(customer: Customer) -> None:
    get_store().put("customer", customer.key, {"name": customer.name, "username": customer.username})


def accept(connection: Connection, document: Mapping[str, Any]) -> str:
    """Takes a message of ours and keeps it; returns its new id."""
    id = make_id()
    get_store().add_sent(connection.key, {"id": id, "at": now(), "body": document})
    recipient = {name: document[name] for name in ("to", "recipient") if name in document}
    get_store().put("message", id, {**recipient, "key": document.get("biz_opaque_callback_data")})
    return id


def schedule_receipts(connection: Connection, id: str, *, after: str = "") -> None:
    """Sent, delivered and read, as from a real phone; only those after a state that was reported already."""
    names = [name for name, _ in RECEIPTS]
    for name, delay in RECEIPTS[names.index(after) + 1 if after else 0 :]:
        call_later(delay, partial(deliver_receipt, connection, id, name))


def schedule_failure(connection: Connection, id: str, *, code: int) -> None:
    call_later(RECEIPTS[1][1], partial(deliver_receipt, connection, id, "failed", code=code))


def build_receipt(
    connection: Connection, id: str, message: Mapping[str, Any], *, status: str, code: int
) -> dict[str, Any]:
    """The value of a status webhook: a failed one has no contacts, the others no errors."""
    phone, user_id = message.get("to", ""), message.get("recipient", "")
    receipt = _drop_empty(
        {
            "id": id,
            "status": status,
            "timestamp": str(now()),
            "recipient_id": phone,
            "recipient_user_id": user_id,
            "biz_opaque_callback_data": message.get("key"),
        }
    )
    if status == "failed":
        receipt["errors"] = [{"code": code, "title": "Message undeliverable", "message": "Message undeliverable"}]
        return build_value(connection, statuses=[receipt])
    receipt["pricing"] = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "service"}
    known = get_store().get("customer", user_id or phone) or {}
    contact = build_contact(Customer(phone=phone, user_id=user_id, name=known.get("name", "")))
    return build_value(connection, contacts=[contact], statuses=[receipt])


def deliver_receipt(connection: Connection, id: str, status: str, *, code: int = 0) -> None:
    """Posts a receipt, again and again until our door takes it."""

    def post() -> bool:
        message = get_store().get("message", id)
        if message is None or message.get("by_hand"):
            return True
        answer = deliver(connection, build_receipt(connection, id, message, status=status, code=code))
        return 200 <= answer < 300

    repeat_until_done(post)


def _drop_empty(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def keep_file(type: str, content: bytes, **more: Any) -> dict[str, Any]:
    """The body of a media message whose file can be downloaded."""
    id = make_file_id()
    get_store().put_file(id, name=str(more.get("filename", "")), type=type, content=content)
    digest = base64.b64encode(bytes.fromhex(hash_file(content))).decode()
    return {"id": id, "mime_type": type, "sha256": digest, **more}


def make_file_id() -> str:
    return str(randomness.randbelow(10**15) + 10**15)
