"""Meta's side of Messenger: `webhooks` come to our door, the `graph` takes what we send, `scenes` are played."""

from channels_ingest.sandbox.providers.messenger.provider import PROVIDER

__all__ = ["PROVIDER"]
