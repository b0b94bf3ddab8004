"""Telegram's side: `webhooks` posts updates, `api` is what a bot calls, `scenes` are customers."""

from channels_ingest.sandbox.providers.telegram.provider import PROVIDER

__all__ = ["PROVIDER"]
