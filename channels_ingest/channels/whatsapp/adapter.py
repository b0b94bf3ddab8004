"""WhatsApp through Meta's Cloud API.

https://developers.facebook.com/documentation/business-messaging/whatsapp
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import quote

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
    Request,
    Response,
    Sent,
    Steps,
)
from channels_ingest.channels.whatsapp.errors import ERRORS
from channels_ingest.channels.whatsapp.events import read_change
from channels_ingest.events import UNDATED, Broken, Event, MessageType
from channels_ingest.meta import API_URL, answer_handshake, authorize, build_url, is_signed, read_envelope
from channels_ingest.payload import Unreadable, read_each, read_instant, read_list, read_object, read_text

_MEGABYTE = 1024 * 1024

# What each kind of message takes; every other file goes as a document.
_ACCEPTED = {
    MessageType.IMAGE: ("image", {"image/jpeg", "image/png"}),
    MessageType.AUDIO: ("audio", {"audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg"}),
    MessageType.VIDEO: ("video", {"video/3gpp", "video/mp4"}),
    MessageType.STICKER: ("sticker", {"image/webp"}),
}


class WhatsApp(ChannelAdapter):
    kind = "whatsapp"
    label = "WhatsApp"
    identity_kind = "whatsapp"
    api_url = API_URL
    credentials = (
        Field("app_secret", "App secret", rotates=True, help="Of the Meta app. It signs every webhook."),
        Field("verify_token", "Verify token", help="The word you give Meta together with the webhook address."),
        Field("access_token", "Access token", help="Of a system user with whatsapp_business_messaging."),
        Field(
            "portfolio_id",
            "Business portfolio ID",
            secret=False,
            required=False,
            help="Shared by all numbers of a portfolio.",
        ),
    )
    external_id_label = "Phone number ID"
    capabilities = Capabilities(
        text_limit=4096,
        caption_limit=1024,
        media_limits={
            MessageType.IMAGE: 5 * _MEGABYTE,
            MessageType.AUDIO: 16 * _MEGABYTE,
            MessageType.VIDEO: 16 * _MEGABYTE,
            MessageType.FILE: 100 * _MEGABYTE,
            MessageType.STICKER: 500 * 1024,
        },
        window=timedelta(hours=24),
        templates=True,
        receipts="read",
        returns_key=True,
        replies=True,
    )

    def identity_scope(self, credentials: Mapping[str, Any], *, external_id: str) -> str:
        return str(credentials.get("portfolio_id") or "")

    def handshake(self, request: Request, credentials: Mapping[str, Any]) -> Response | None:
        return answer_handshake(request, credentials)

    def verify(self, request: Request, credentials: Mapping[str, Any]) -> bool:
        return is_signed(request, credentials)

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Event | Broken]:
        """One POST may hold up to 1,000 updates of several numbers; the envelope is walked on every level."""
        yield from read_envelope(body, object="whatsapp_business_account", read_entry=_read_entry)

    def send(self, message: Outgoing, credentials: Mapping[str, Any], *, external_id: str) -> Steps:
        """One message takes one file, its caption is the text; an album is one message per file.

        An answer of 200 that can't be read counts as taken: the receipts carry our key and bring the id.
        """
        address = {name: message.address[name] for name in ("to", "recipient") if message.address.get(name)}
        if not address:
            raise Permanent("There is no WhatsApp address to write to.")
        envelope: dict[str, Any] = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **address,
            "biz_opaque_callback_data": message.key,
        }
        if message.reply_to:
            envelope["context"] = {"message_id": message.reply_to}
        if message.files:
            _check_file(message)
            upload = yield _build_upload(message.files[0], credentials, external_id=external_id)
            media_id = read_text(ERRORS.read_answer(upload).get("id"))
            if not media_id:
                raise Permanent("WhatsApp took the file but gave no id for it.")
            content = _build_media(message, media_id)
        else:
            content = _build_content(message)
        url = build_url(credentials, external_id, "messages")
        answer = ERRORS.read_answer(
            (yield HttpStep("POST", url, headers=_authorize(credentials), json=envelope | content, final=True))
        )
        messages = read_list(answer.get("messages"))
        return Sent(read_text(read_object(messages[0]).get("id")) if messages else "")

    def find_address(self, kind: str, value: str) -> Mapping[str, str] | None:
        """A phone number, or a user whom another number of the portfolio knows."""
        if kind not in ("phone", self.identity_kind):
            return None
        digits = value.removeprefix("+")
        return {"to": digits} if digits.isdigit() else {"recipient": value}

    def check(self, credentials: Mapping[str, Any], *, external_id: str) -> CheckSteps:
        """Reads the number's own entry.

        https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/phone-numbers
        """
        url = f"{build_url(credentials, external_id)}?fields=verified_name,display_phone_number"
        answer = ERRORS.read_answer((yield HttpStep("GET", url, headers=authorize(credentials, name="access_token"))))
        words = [read_text(answer.get(name), limit=100) for name in ("verified_name", "display_phone_number")]
        return ", ".join(filter(None, words))

    def fetch_media(self, ref: Mapping[str, str], credentials: Mapping[str, Any], *, external_id: str) -> MediaSteps:
        """The address of a file is good for five minutes and wants the token too; on 404 it is asked for anew."""
        headers = _authorize(credentials)
        about = f"{build_url(credentials, ref.get('id', ''))}?phone_number_id={quote(external_id, safe='')}"
        for _ in range(2):
            url = read_text(ERRORS.read_answer((yield HttpStep("GET", about, headers=headers))).get("url"))
            if not url:
                raise Permanent("WhatsApp gave no address for the file.")
            result = yield HttpStep("GET", url, headers=headers)
            if result.status != 404:
                break
        if result.status != 200:
            ERRORS.read_answer(result)
        return result


def _read_entry(entry: dict[str, Any]) -> Iterator[Event | Broken]:
    try:
        time = read_instant(entry.get("time"))
    except Unreadable:
        time = UNDATED
    yield from read_each(entry.get("changes"), partial(read_change, time=time))


def _authorize(credentials: Mapping[str, Any]) -> dict[str, str]:
    return authorize(credentials, name="access_token")


def _build_content(message: Outgoing) -> dict[str, Any]:
    if message.reaction:
        target, emoji = message.reaction
        return {"type": "reaction", "reaction": {"message_id": target, "emoji": emoji}}
    if message.template is not None:
        return {"type": "template", "template": dict(message.template)}
    return {"type": "text", "text": {"body": message.text, "preview_url": True}}


def _check_file(message: Outgoing) -> None:
    if len(message.files) > 1:
        raise Permanent("WhatsApp takes one file a message.")
    kind = _choose_kind(message.files[0])
    if message.text and kind in ("audio", "sticker"):
        raise Permanent("On WhatsApp a sound or a sticker carries no text.")
    if len(message.text) > WhatsApp.capabilities.caption_limit:
        raise Permanent(f"On WhatsApp the text of a file has at most {WhatsApp.capabilities.caption_limit} characters.")


def _choose_kind(file: OutgoingFile) -> str:
    kind, types = _ACCEPTED.get(file.kind, ("document", set()))
    return kind if file.type.partition(";")[0].strip().lower() in types else "document"


def _build_upload(file: OutgoingFile, credentials: Mapping[str, Any], *, external_id: str) -> HttpStep:
    return HttpStep(
        "POST",
        build_url(credentials, external_id, "media"),
        headers=_authorize(credentials),
        data={"messaging_product": "whatsapp", "type": file.type},
        files={"file": (file.name, file.content, file.type)},
    )


def _build_media(message: Outgoing, media_id: str) -> dict[str, Any]:
    file = message.files[0]
    kind = _choose_kind(file)
    media = {"id": media_id}
    if message.text:
        media["caption"] = message.text
    if kind == "document":
        media["filename"] = file.name
    return {"type": kind, kind: media}


CHANNEL = WhatsApp()
