"""Facebook Messenger: `adapter` speaks with Meta, `events` and `content` read what it says."""

from channels_ingest.channels.messenger.adapter import CHANNEL

__all__ = ["CHANNEL"]
