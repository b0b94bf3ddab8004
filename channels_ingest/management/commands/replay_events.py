"""Takes stored webhooks in again."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.core.management.base import CommandParser

from channels_ingest.models import Channel
from channels_ingest.replay import Replay, replay_quarantined, replay_stored
from oneview.accounts.models import Account
from oneview.common.command import JsonCommand
from oneview.common.errors import NotFound
from oneview.common.scope import scope


class Command(JsonCommand):
    help = "Takes stored webhooks in again, of all accounts or one channel. What was taken in before changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--channel", type=UUID, help="id; without it all channels")
        parser.add_argument("--state", choices=["quarantined"], help="only what is in quarantine")

    def run(self, **options: Any) -> dict[str, Any]:
        channel_id: UUID | None = options["channel"]
        total, found = Replay(), False
        for account_id in Account.objects.order_by("id").values_list("id", flat=True):
            with scope(account_id):
                owned = channel_id is None or Channel.objects.filter(account_id=account_id, id=channel_id).exists()
            if not owned:
                continue
            found = True
            if options["state"] is None:
                total += replay_stored(account_id, channel_id=channel_id)
            total += replay_quarantined(account_id, channel_id=channel_id)
        if channel_id is not None and not found:
            raise NotFound(f"There is no channel {channel_id}.")
        return asdict(total)
