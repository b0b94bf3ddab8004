"""The one call that a message, a file or a reaction becomes.

https://core.telegram.org/bots/api#available-methods
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from channels_ingest.base import HttpStep, Outgoing, OutgoingFile, Permanent, secrets
from channels_ingest.channels.telegram.chats import Chat
from channels_ingest.events import MessageType

API_URL = "https://api.telegram.org"
LONGEST_CAPTION = 1024
_MEGABYTE = 1024 * 1024
LIMITS = {
    MessageType.IMAGE: 10 * _MEGABYTE,
    MessageType.AUDIO: 50 * _MEGABYTE,
    MessageType.VIDEO: 50 * _MEGABYTE,
    MessageType.FILE: 50 * _MEGABYTE,
    MessageType.STICKER: 512 * 1024,
}

# How a type is shown; everything else, and what is too large for that, goes as a document.
_SHOWN: dict[tuple[MessageType, str], str] = {
    (MessageType.IMAGE, "image/jpeg"): "photo",
    (MessageType.IMAGE, "image/png"): "photo",
    (MessageType.IMAGE, "image/webp"): "photo",
    (MessageType.IMAGE, "image/gif"): "animation",
    (MessageType.VIDEO, "video/mp4"): "video",
    (MessageType.AUDIO, "audio/ogg"): "voice",
    (MessageType.AUDIO, "audio/mpeg"): "audio",
    (MessageType.AUDIO, "audio/mp4"): "audio",
    (MessageType.STICKER, "image/webp"): "sticker",
}
_METHODS = {
    "photo": "sendPhoto",
    "animation": "sendAnimation",
    "video": "sendVideo",
    "voice": "sendVoice",
    "audio": "sendAudio",
    "sticker": "sendSticker",
    "document": "sendDocument",
}


def build_step(message: Outgoing, chat: Chat, credentials: Mapping[str, Any]) -> HttpStep:
    """Raises Permanent for what Telegram cannot say in one message."""
    if message.reaction:
        return _build_reaction(*message.reaction, chat, credentials)
    fields: dict[str, Any] = {**chat.address}
    quoted = chat.find_number(message.reply_to) if message.reply_to else None
    if quoted is not None:
        fields["reply_parameters"] = {"message_id": quoted, "allow_sending_without_reply": True}
    if message.files:
        return _build_file(message, fields, credentials)
    return _build_call("sendMessage", {**fields, "text": message.text}, credentials)


def build_url(credentials: Mapping[str, Any], *parts: str, folder: str = "") -> str:
    """An address of the bot's. It holds the token: it must not be shown anywhere."""
    tokens = secrets(credentials, "bot_token")
    if not tokens:
        raise Permanent("The channel has no bot token.", disconnects=True)
    base = str(credentials.get("base_url") or API_URL).rstrip("/")
    rest = "/".join(quote(part, safe="/") for part in parts)
    return f"{base}{folder}/bot{quote(tokens[0], safe=':')}/{rest}"


def _build_reaction(target: str, emoji: str, chat: Chat, credentials: Mapping[str, Any]) -> HttpStep:
    if chat.connection:
        raise Permanent("Telegram lets bots react in their own chats only, not in those of a business account.")
    number = chat.find_number(target)
    if number is None:
        raise Permanent("On Telegram only a message can be reacted to.")
    reaction = [{"type": "emoji", "emoji": emoji}] if emoji else []
    fields = {**chat.address, "message_id": number, "reaction": reaction}
    return _build_call("setMessageReaction", fields, credentials)


def _build_call(method: str, fields: Mapping[str, Any], credentials: Mapping[str, Any]) -> HttpStep:
    return HttpStep("POST", build_url(credentials, method), json=fields, final=True)


def _build_file(message: Outgoing, fields: Mapping[str, Any], credentials: Mapping[str, Any]) -> HttpStep:
    if len(message.files) > 1:
        raise Permanent("Telegram takes one file a message.")
    file = message.files[0]
    shown = _choose_kind(file)
    if len(file.content) > LIMITS[MessageType.FILE]:
        raise Permanent("Bots can send files of up to 50 MB on Telegram.")
    if message.text and shown == "sticker":
        raise Permanent("On Telegram a sticker carries no text.")
    if len(message.text) > LONGEST_CAPTION:
        raise Permanent(f"On Telegram the text of a file has at most {LONGEST_CAPTION} characters.")
    data = {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}
    if message.text:
        data["caption"] = message.text
    return HttpStep(
        "POST",
        build_url(credentials, _METHODS[shown]),
        data=data,
        files={shown: (file.name, file.content, file.type)},
        final=True,
    )


def _choose_kind(file: OutgoingFile) -> str:
    type = file.type.partition(";")[0].strip().lower()
    if len(file.content) > LIMITS.get(file.kind, 0):
        return "document"
    return _SHOWN.get((file.kind, type), "document")
