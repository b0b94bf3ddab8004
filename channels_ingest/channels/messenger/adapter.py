"""Facebook Messenger, one page a channel.

https://developers.facebook.com/docs/messenger-platform
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from channels_ingest.base import (
    Capabilities,
    ChannelAdapter,
    CheckSteps,
    Field,
    HttpStep,
    MediaSteps,
    Outgoing,
    OutgoingFile,
    Permanent,
    ProfileSteps,
    Request,
    Response,
    Retryable,
    Sent,
    Steps,
    read_retry_after,
)
from channels_ingest.channels.messenger.errors import ERRORS
from channels_ingest.channels.messenger.events import read_entry
from channels_ingest.channels.messenger.reactions import EMOJIS, NAMES
from channels_ingest.events import Broken, Event, MessageType
from channels_ingest.meta import (
    API_URL,
    answer_handshake,
    authorize,
    build_url,
    is_signed,
    read_envelope,
)
from channels_ingest.payload import read_text

_MEGABYTE = 1024 * 1024
_FILES = (MessageType.IMAGE, MessageType.AUDIO, MessageType.VIDEO, MessageType.FILE, MessageType.STICKER)

# What each kind of attachment takes; every other file goes as a file.
_ACCEPTED = {
    "image": {"image/gif", "image/jpeg", "image/png"},
    "audio": {"audio/aac", "audio/mp4", "audio/mpeg", "audio/wav"},
    "video": {"video/mp4", "video/ogg", "video/quicktime", "video/webm"},
}
_KINDS = {MessageType.STICKER: "image", **{MessageType(kind): kind for kind in _ACCEPTED}}


class Messenger(ChannelAdapter):
    kind = "messenger"
    label = "Messenger"
    identity_kind = "messenger"
    api_url = API_URL
    credentials = (
        Field("app_secret", "App secret", rotates=True, help="Of the Meta app. It signs every webhook."),
        Field("verify_token", "Verify token", help="The word you give Meta together with the webhook address."),
        Field(
            "page_access_token", "Page access token", help="Of the page, with pages_messaging. It should not expire."
        ),
    )
    external_id_label = "Page ID"
    # A file carries no text: what is written beside it is a message of its own.
    capabilities = Capabilities(
        text_limit=2000,
        media_limits=dict.fromkeys(_FILES, 25 * _MEGABYTE),
        window=timedelta(hours=24),
        receipts="read",
        returns_key=True,
        resolution=timedelta(milliseconds=1),
        replies=True,
    )

    def identity_scope(self, credentials: Mapping[str, Any], *, external_id: str) -> str:
        """A person has another id on every page."""
        return external_id

    def handshake(self, request: Request, credentials: Mapping[str, Any]) -> Response | None:
        return answer_handshake(request, credentials)

    def verify(self, request: Request, credentials: Mapping[str, Any]) -> bool:
        return is_signed(request, credentials)

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Event | Broken]:
        """One POST may hold events of several pages; the envelope is walked on every level."""
        yield from read_envelope(body, object="page", read_entry=read_entry)

    def send(self, message: Outgoing, credentials: Mapping[str, Any], *, external_id: str) -> Steps:
        """A message carries our key as metadata, which its echo brings back; so an answer of 200 that can't be read
        counts as taken. A reaction has no id.
        """
        if not message.address.get("id"):
            raise Permanent("There is no Messenger address to write to.")
        document: dict[str, Any] = {"recipient": {"id": message.address["id"]}}
        if message.reaction:
            document |= _build_reaction(*message.reaction)
        else:
            content: dict[str, Any] = {"text": message.text}
            if message.files:
                _check_file(message)
                upload = yield _build_upload(message.files[0], credentials, external_id=external_id)
                attachment_id = read_text(ERRORS.read_answer(upload).get("attachment_id"))
                if not attachment_id:
                    raise Permanent("Messenger took the file but gave no id for it.")
                kind = _choose_kind(message.files[0])
                content = {"attachment": {"type": kind, "payload": {"attachment_id": attachment_id}}}
            document |= {"messaging_type": "RESPONSE", "message": {**content, "metadata": message.key}}
            if message.reply_to:
                document["reply_to"] = {"mid": message.reply_to}
        url = build_url(credentials, external_id, "messages")
        answer = ERRORS.read_answer(
            (yield HttpStep("POST", url, headers=_authorize(credentials), json=document, final=True))
        )
        return Sent(read_text(answer.get("message_id")))

    def check(self, credentials: Mapping[str, Any], *, external_id: str) -> CheckSteps:
        """Reads the page's own entry.

        https://developers.facebook.com/docs/graph-api/reference/page
        """
        url = f"{build_url(credentials, external_id)}?fields=name"
        answer = ERRORS.read_answer((yield HttpStep("GET", url, headers=_authorize(credentials))))
        return read_text(answer.get("name"), limit=200)

    def fetch_profile(self, value: str, credentials: Mapping[str, Any], *, external_id: str) -> ProfileSteps:
        """Names and language as the person has them on Facebook; webhooks bring neither.

        https://developers.facebook.com/docs/messenger-platform/identity/user-profile
        """
        url = f"{build_url(credentials, value)}?fields=first_name,last_name,locale"
        told = ERRORS.read_answer((yield HttpStep("GET", url, headers=_authorize(credentials))))
        names = [read_text(told.get(part), limit=100).strip() for part in ("first_name", "last_name")]
        known = {"name": " ".join(filter(None, names)), "language": read_text(told.get("locale"), limit=20)}
        return {name: word for name, word in known.items() if word}

    def fetch_media(self, ref: Mapping[str, str], credentials: Mapping[str, Any], *, external_id: str) -> MediaSteps:
        """The address is signed, asks for no token and runs out after some time; there is no other way to the file."""
        result = yield HttpStep("GET", ref.get("url", ""))
        if result.status in (408, 429) or result.status >= 500:
            raise Retryable(
                "Messenger could not give the file.", code=str(result.status), retry_after=read_retry_after(result)
            )
        if result.status != 200:
            raise Permanent("Messenger does not give out this file any more.", code=str(result.status))
        return result


def _authorize(credentials: Mapping[str, Any]) -> dict[str, str]:
    return authorize(credentials, name="page_access_token")


def _build_reaction(target: str, emoji: str) -> dict[str, Any]:
    if not emoji:
        return {"sender_action": "unreact", "payload": {"message_id": target}}
    if emoji not in NAMES:
        raise Permanent(f"On Messenger only these reactions can be sent: {' '.join(EMOJIS.values())}")
    return {"sender_action": "react", "payload": {"message_id": target, "reaction": NAMES[emoji]}}


def _check_file(message: Outgoing) -> None:
    if len(message.files) > 1:
        raise Permanent("Messenger takes one file a message.")
    if message.text:
        raise Permanent("On Messenger a file carries no text. Send the text as a message of its own.")


def _choose_kind(file: OutgoingFile) -> str:
    kind = _KINDS.get(file.kind, "file")
    return kind if file.type.partition(";")[0].strip().lower() in _ACCEPTED.get(kind, ()) else "file"


def _build_upload(file: OutgoingFile, credentials: Mapping[str, Any], *, external_id: str) -> HttpStep:
    """The file keeps an id that may be sent once the upload is done; https://developers.facebook.com/docs/
    messenger-platform/reference/attachment-upload-api
    """
    attachment = {"type": _choose_kind(file), "payload": {"is_reusable": True}}
    return HttpStep(
        "POST",
        build_url(credentials, external_id, "message_attachments"),
        headers=_authorize(credentials),
        data={"message": json.dumps({"attachment": attachment})},
        files={"filedata": (file.name, file.content, file.type)},
    )


CHANNEL = Messenger()
