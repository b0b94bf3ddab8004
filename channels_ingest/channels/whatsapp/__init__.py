"""WhatsApp through Meta's Cloud API: `adapter` speaks with Meta, `events` and `content` read what it says."""

from channels_ingest.channels.whatsapp.adapter import CHANNEL

__all__ = ["CHANNEL"]
