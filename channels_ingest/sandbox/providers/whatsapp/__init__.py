"""Meta's side of WhatsApp: `webhooks` come to our door, the `graph` takes what we send, `scenes` are played."""

from channels_ingest.sandbox.providers.whatsapp.provider import PROVIDER

__all__ = ["PROVIDER"]
