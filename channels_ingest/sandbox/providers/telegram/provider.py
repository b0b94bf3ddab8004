"""Telegram's side as the sandbox drives it. There are no receipts: Telegram tells bots of none."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from django.urls import URLPattern, path

from channels_ingest.sandbox.base import Composed, Provider, Written
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.providers.telegram import api, webhooks
from channels_ingest.sandbox.providers.telegram.scenes import SCENES


class Telegram(Provider):
    kind = "telegram"
    scenes = SCENES
    faults = ("429", "500", "cut_after_accept", "slow:<seconds>", "blocked")

    def list_urls(self) -> list[URLPattern]:
        """`api` is what a channel's `base_url` names instead of Telegram's."""
        return [
            path("api/file/bot<str:token>/<path:path>", api.download),
            path("api/bot<str:token>/<str:method>", api.call),
        ]

    def compose(self, connection: Connection, written: Written) -> Composed:
        """`who` is a user id; other words stand for one. Who writes has not blocked the bot, or not any more.

        `phone` is not told: on Telegram users share it themselves.
        """
        customer = webhooks.Customer(_read_number(written.who), written.name)
        webhooks.set_blocked(connection, str(customer.id), blocked=False)
        content: dict[str, Any] = {"text": written.text}
        if written.picture is not None:
            content = {"photo": webhooks.keep_photo(written.picture), "caption": written.text}
        message = webhooks.build_message(
            connection,
            customer,
            id=_read_number(written.id.rpartition(":")[2]) if written.id else None,
            at=None if written.at is None else int(written.at),
            **content,
        )
        return Composed(webhooks.build_body(connection, "message", message), webhooks.name_message(message))

    def sign(self, connection: Connection, body: bytes) -> Mapping[str, str]:
        return webhooks.build_headers(connection)


def _read_number(words: str) -> int:
    digits = words.lstrip("+")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else zlib.crc32(words.encode())


PROVIDER = Telegram()
