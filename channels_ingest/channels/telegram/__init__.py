"""Telegram bots: `adapter` is the channel, `updates`, `content` and `chats` read, `sending` and `errors` write."""

from channels_ingest.channels.telegram.adapter import CHANNEL

__all__ = ["CHANNEL"]
