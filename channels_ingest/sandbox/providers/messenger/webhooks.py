"""Meta's side of a page: what it posts to our door, with the shapes and signatures of channels/messenger.

https://developers.facebook.com/docs/messenger-platform/reference/webhook-events
"""

from __future__ import annotations

import json
import secrets as randomness
import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from django.conf import settings

from channels_ingest.sandbox.base import post_webhook
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.later import call_later
from channels_ingest.sandbox.meta import repeat_until_done, sign_body
from channels_ingest.sandbox.store import get_store

OUR_APP = 1517776481860111
PAGE_INBOX_APP = 263902037430900
RECEIPTS = (("sent", 0.05), ("delivered", 0.4), ("read", 1.5))  # a phone at hand, its owner looking


def make_id() -> str:
    return f"m_{randomness.token_urlsafe(24)}"


def now() -> int:
    """Milliseconds."""
    return int(time.time() * 1000)


def build_item(connection: Connection, psid: str, *, at: int | None = None, **body: Any) -> dict[str, Any]:
    """What the user of that page-scoped id did, under the name of its kind."""
    sides = {"sender": {"id": psid}, "recipient": {"id": connection.external_id}}
    return {**sides, "timestamp": now() if at is None else at, **body}


def build_echo(connection: Connection, psid: str, *, at: int | None = None, **message: Any) -> dict[str, Any]:
    """A message of the page, as all its apps hear of it: the sides are swapped."""
    sides = {"sender": {"id": connection.external_id}, "recipient": {"id": psid}}
    return {**sides, "timestamp": now() if at is None else at, "message": {"is_echo": True, **message}}


def build_body(connection: Connection, *items: Mapping[str, Any], array: str = "messaging") -> bytes:
    """A whole webhook, each item in an entry of its own. The JSON is escaped, and that is what is signed."""
    entries = [{"id": connection.external_id, "time": now(), array: [item]} for item in items]
    return json.dumps({"object": "page", "entry": entries}, separators=(",", ":")).encode()


def deliver(connection: Connection, *items: Mapping[str, Any], array: str = "messaging") -> int:
    """Signs and posts one webhook; the status of our door's answer."""
    body = build_body(connection, *items, array=array)
    return post_webhook(connection, body, headers=sign_body(connection, body))


def accept(connection: Connection, document: Mapping[str, Any]) -> str:
    """Takes a message or an action of ours and keeps it; returns the new id of a message, "" for an action."""
    id = make_id() if "message" in document else ""
    at = now()
    get_store().add_sent(connection.key, {"id": id, "at": at // 1000, "body": document})
    if id:
        message = {"psid": document["recipient"]["id"], "at": at, "body": document["message"]}
        get_store().put("message", id, message)
    return id


def schedule_receipts(connection: Connection, id: str, *, after: str = "") -> None:
    """Echo, delivery and reading, as from a real phone; only those after a state that was reported already."""
    names = [name for name, _ in RECEIPTS]
    for name, delay in RECEIPTS[names.index(after) + 1 if after else 0 :]:
        call_later(delay, partial(deliver_receipt, connection, id, name))


def deliver_receipt(connection: Connection, id: str, status: str) -> None:
    """Posts a receipt, again and again until our door takes it."""

    def post() -> bool:
        message = get_store().get("message", id)
        if message is None or message.get("by_hand"):
            return True
        return 200 <= deliver(connection, build_receipt(connection, id, message, status=status)) < 300

    repeat_until_done(post)


def build_receipt(connection: Connection, id: str, message: Mapping[str, Any], *, status: str) -> dict[str, Any]:
    """That a page's message went out is told by its echo; that it was read, by a time up to which all were."""
    psid = message["psid"]
    if status == "sent":
        said = {name: value for name, value in message["body"].items() if name != "attachment"}
        if attachment := message["body"].get("attachment"):
            said["attachments"] = [attachment]
        return build_echo(connection, psid, at=message["at"], app_id=OUR_APP, mid=id, **said)
    watermark = max(now(), message["at"])
    if status == "delivered":
        return build_item(connection, psid, delivery={"mids": [id], "watermark": watermark})
    return build_item(connection, psid, read={"watermark": watermark})


def keep_file(type: str, content: bytes, *, kind: str, name: str) -> dict[str, Any]:
    """An attachment of a customer, whose address asks for no token."""
    id = make_file_id()
    get_store().put_file(id, name=name, type=type, content=content)
    return {"type": kind, "payload": {"url": build_file_url(id, name=name)}}


def build_file_url(id: str, *, name: str) -> str:
    return f"{settings.PUBLIC_URL}/sandbox/messenger/files/{id}/{quote(name, safe='')}"


def make_file_id() -> str:
    return str(randomness.randbelow(10**15) + 10**15)
