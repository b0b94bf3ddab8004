"""Turns stored webhooks into messages until it is told to stop."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from channels_ingest.drain import Drain


class Command(BaseCommand):
    help = "Turns stored webhooks into messages. Any number may run; SIGTERM stops one after the batch at hand."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        drain = Drain()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: drain.stop())
        drain.run()
