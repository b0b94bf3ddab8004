"""Telegram through a bot.

https://core.telegram.org/bots/api
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode

from channels_ingest.base import (
    Capabilities,
    ChannelAdapter,
    CheckSteps,
    Field,
    HttpStep,
    MediaSteps,
    Outgoing,
    Permanent,
    Request,
    Sent,
    Steps,
    secrets,
)
from channels_ingest.channels.telegram.chats import Chat
from channels_ingest.channels.telegram.errors import read_answer
from channels_ingest.channels.telegram.sending import API_URL, LIMITS, LONGEST_CAPTION, build_step, build_url
from channels_ingest.channels.telegram.updates import read_update
from channels_ingest.events import Broken, Event
from channels_ingest.payload import Unreadable, load_json, read_each, read_object, read_text
from channels_ingest.signing import matches_any

SECRET_HEADER, TIME_HEADER = "x-telegram-bot-api-secret-token", "x-received"


class Telegram(ChannelAdapter):
    kind = "telegram"
    label = "Telegram"
    identity_kind = "telegram"
    api_url = API_URL
    credentials = (
        Field("bot_token", "Bot token", help="From BotFather. It is part of every address of the bot: keep it secret."),
        Field(
            "secret_token",
            "Secret token",
            rotates=True,
            help="1 to 256 letters, digits, _ and - of your choice, given to setWebhook. Telegram sends it along.",
        ),
    )
    external_id_label = "Bot ID, the number before the colon of the token"
    capabilities = Capabilities(
        text_limit=4096,
        caption_limit=LONGEST_CAPTION,
        media_limits=LIMITS,
        receipts="sent",
        sequence=True,
        resolution=timedelta(seconds=1),
        replies=True,
        body_limit=1024 * 1024,
    )

    def identity_scope(self, credentials: Mapping[str, Any], *, external_id: str) -> str:
        """A user has the same id for every bot."""
        return ""

    def verify(self, request: Request, credentials: Mapping[str, Any]) -> bool:
        """Nothing is signed: the header is the word itself."""
        return matches_any(request.headers.get(SECRET_HEADER, ""), secrets(credentials, "secret_token"))

    def keep(self, request: Request) -> Mapping[str, str]:
        """When it came, in Unix seconds: pressed buttons and deletions have no time of their own."""
        return {TIME_HEADER: str(int(time.time()))}

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Event | Broken]:
        try:
            update = load_json(body)
        except Unreadable as error:
            yield Broken(body, str(error))
            return
        if isinstance(update, dict):
            yield from read_each([update], partial(read_update, came=headers.get(TIME_HEADER, "")))
        else:
            yield Broken(body, "not an object")

    def send(self, message: Outgoing, credentials: Mapping[str, Any], *, external_id: str) -> Steps:
        """One call. A good answer that can't be read counts as taken, under no id."""
        if not message.address.get("chat_id"):
            raise Permanent("There is no Telegram chat to write to.")
        chat = Chat.of(message.address)
        sent = read_object(read_answer((yield build_step(message, chat, credentials))))
        try:
            return Sent(chat.name_message(sent.get("message_id")))
        except Unreadable:
            return Sent("")

    def check(self, credentials: Mapping[str, Any], *, external_id: str) -> CheckSteps:
        """Who the bot is, and what Telegram says of the address that it posts to.

        https://core.telegram.org/bots/api#getwebhookinfo
        """
        bot = read_object(read_answer((yield HttpStep("GET", build_url(credentials, "getMe")))))
        if read_text(bot.get("id")) != external_id:
            raise Permanent("The bot token belongs to another bot.")
        webhook = read_object(read_answer((yield HttpStep("GET", build_url(credentials, "getWebhookInfo")))))
        if not read_text(webhook.get("url")):
            raise Permanent("The bot posts to no address yet. Call setWebhook with the address above.")
        words = [f"@{read_text(bot.get('username'), limit=100)}"]
        if trouble := read_text(webhook.get("last_error_message"), limit=200):
            words.append(f"Telegram's last trouble: {trouble}")
        return ", ".join(words)

    def fetch_media(self, ref: Mapping[str, str], credentials: Mapping[str, Any], *, external_id: str) -> MediaSteps:
        """A file's address is good for an hour at least; on 404 it is asked for anew."""
        about = f"{build_url(credentials, 'getFile')}?{urlencode({'file_id': ref.get('id', '')})}"
        for _ in range(2):
            file = read_object(read_answer((yield HttpStep("GET", about))))
            path = read_text(file.get("file_path"), limit=1000)
            if not path:
                raise Permanent("Telegram gave no address for the file.")
            result = yield HttpStep("GET", build_url(credentials, path, folder="/file"))
            if result.status == 200:
                return result
            if result.status != 404:
                read_answer(result)
        raise Permanent("The file is not at Telegram any more.")


CHANNEL = Telegram()
