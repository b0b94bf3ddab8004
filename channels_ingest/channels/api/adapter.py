"""A system of the tenant's own: it posts events to us, we post replies to it, both signed as Standard Webhooks say.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from channels_ingest.base import (
    Capabilities,
    ChannelAdapter,
    Field,
    HttpResult,
    HttpStep,
    MediaSteps,
    Outgoing,
    OutgoingFile,
    Permanent,
    Request,
    Retryable,
    Sent,
    Steps,
    read_retry_after,
    secrets,
)
from channels_ingest.channels.api.events import MOST_FILES, read_event
from channels_ingest.events import Broken, Event, MessageType
from channels_ingest.payload import MAX_TEXT, Unreadable, load_json, read_object, read_text
from channels_ingest.signing import matches_any, read_standard_key, sign_standard
from oneview.common.ids import time_of

TOLERANCE_SECONDS = 300
MOST_BYTES = 10 * 1024 * 1024  # of the files of one message together
_PASSING = (408, 425, 429)


class Api(ChannelAdapter):
    kind = "api"
    label = "API"
    identity_kind = "api"
    credentials = (
        Field(
            "secret",
            "Signing secret",
            rotates=True,
            help="Both sides sign with it: whsec_ and base64, or any other text that cannot be guessed.",
        ),
        Field(
            "callback_url",
            "Callback address",
            secret=False,
            required=False,
            is_url=True,
            help="Where replies are posted. Without one the channel only receives.",
        ),
    )
    external_id_label = "Name of your system"
    capabilities = Capabilities(
        text_limit=MAX_TEXT,
        caption_limit=MAX_TEXT,
        media_limits=dict.fromkeys(
            (MessageType.IMAGE, MessageType.AUDIO, MessageType.VIDEO, MessageType.FILE), MOST_BYTES
        ),
        file_limit=MOST_FILES,
        receipts="read",
        safe_retry=True,
        resolution=timedelta(milliseconds=1),
        replies=True,
        body_limit=1024 * 1024,
    )

    def identity_scope(self, credentials: Mapping[str, Any], *, external_id: str) -> str:
        return external_id

    def verify(self, request: Request, credentials: Mapping[str, Any]) -> bool:
        """The signature covers the time too, so that a request that was listened to is soon of no use."""
        headers = request.headers
        id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not id or not _is_fresh(timestamp):
            return False
        expected = [
            sign_standard(key, id=id, timestamp=timestamp, body=request.body) for key in _list_keys(credentials)
        ]
        given = headers.get("webhook-signature", "").split(" ")
        return any(matches_any(signature, expected) for signature in given)

    def keep(self, request: Request) -> Mapping[str, str]:
        return {"webhook-timestamp": request.headers.get("webhook-timestamp", "")}

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Event | Broken]:
        try:
            yield read_event(load_json(body), came_at=headers.get("webhook-timestamp", ""))
        except Unreadable as error:
            yield Broken(body, str(error))

    def send(self, message: Outgoing, credentials: Mapping[str, Any], *, external_id: str) -> Steps:
        """One request whose id is our key: the receiver drops what it has seen. Equal messages have equal bodies."""
        body = _build_body(message)
        answer = yield HttpStep(
            "POST",
            _find_callback(credentials, external_id),
            headers=_sign(body, credentials, id=message.key),
            content=body,
            final=True,
        )
        return Sent(_read_answer(answer) or message.key)

    def fetch_media(self, ref: Mapping[str, str], credentials: Mapping[str, Any], *, external_id: str) -> MediaSteps:
        """The address is all that is known, so it must open without a sign-in."""
        result = yield HttpStep("GET", ref["url"])
        if result.status == 200:
            return result
        reason = f"The file's address answered with status {result.status}."
        if result.status in _PASSING or result.status >= 500:
            raise Retryable(reason, code=str(result.status), retry_after=read_retry_after(result))
        raise Permanent(reason, code=str(result.status))


def _is_fresh(timestamp: str) -> bool:
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        return False
    return abs(int(timestamp) - time.time()) <= TOLERANCE_SECONDS


def _list_keys(credentials: Mapping[str, Any]) -> list[bytes]:
    """The keys of all current secrets that can be read."""
    keys = []
    for secret in secrets(credentials, "secret"):
        try:
            keys.append(read_standard_key(secret))
        except ValueError:
            continue
    return [key for key in keys if key]


def _find_callback(credentials: Mapping[str, Any], external_id: str) -> str:
    if base := credentials.get("base_url"):
        return f"{str(base).rstrip('/')}/{quote(external_id, safe='')}/"
    url = str(credentials.get("callback_url") or "").strip()
    if not url:
        raise Permanent("This channel only receives: it has no callback address for replies.")
    return url


def _sign(body: bytes, credentials: Mapping[str, Any], *, id: str) -> dict[str, str]:
    """With every current secret, so that the receiver may change to a new one at any time."""
    keys = _list_keys(credentials)
    if not keys:
        raise Permanent("The channel's signing secret cannot be used. Enter a new one.", disconnects=True)
    timestamp = str(int(time.time()))
    return {
        "content-type": "application/json",
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(sign_standard(key, id=id, timestamp=timestamp, body=body) for key in keys),
    }


def _build_body(message: Outgoing) -> bytes:
    user = message.address.get("id")
    if not user:
        raise Permanent("There is no user to write to.")
    written_at = time_of(UUID(message.key)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data: dict[str, Any]
    if message.reaction:
        target, emoji = message.reaction
        kind, data = "reaction", {"id": target, "user": {"id": user}, "emoji": emoji, "sent_at": written_at}
    else:
        if sum(len(file.content) for file in message.files) > MOST_BYTES:
            raise Permanent(f"The files of a message may have {MOST_BYTES // 1024 // 1024} MB together.")
        kind, data = (
            "message.created",
            {
                "id": message.key,
                "user": {"id": user},
                "text": message.text,
                "attachments": [_build_attachment(file) for file in message.files],
                "reply_to": message.reply_to,
                "sent_at": written_at,
            },
        )
    return json.dumps({"type": kind, "data": data}, separators=(",", ":")).encode()


def _build_attachment(file: OutgoingFile) -> dict[str, Any]:
    content = base64.b64encode(file.content).decode()
    return {"name": file.name, "type": file.type, "size": len(file.content), "content": content}


def _read_answer(result: HttpResult) -> str:
    """The receiver's id of the message, "" where it gives none. Raises Retryable or Permanent."""
    try:
        document = read_object(load_json(result.body))
    except Unreadable:
        document = {}
    if 200 <= result.status < 300:
        return read_text(document.get("id"), limit=200).strip()
    said = read_text(document.get("reason"), limit=300).strip()
    reason = said or f"The receiving system refused the message with status {result.status}."
    code = str(result.status)
    if result.status in _PASSING or result.status >= 500:
        raise Retryable(
            said or f"The receiving system had a fault of its own, status {result.status}.",
            code=code,
            retry_after=read_retry_after(result),
        )
    if result.status == 410:
        raise Permanent("The receiving system takes no messages any more.", code=code, disconnects=True)
    if 300 <= result.status < 400:
        raise Permanent("The callback address leads on to another one. Enter that one in its place.", code=code)
    raise Permanent(reason, code=code)


CHANNEL = Api()
