"""Any system of the tenant's own, by Standard Webhooks both ways: `adapter` signs and verifies, `events` reads."""

from channels_ingest.channels.api.adapter import CHANNEL

__all__ = ["CHANNEL"]
