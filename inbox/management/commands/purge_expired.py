"""Removes what has left its account's window: `manage.py purge_expired [--dry-run]`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from inbox.services.retention import purge_expired
from oneview.common.command import JsonCommand


class Command(JsonCommand):
    help = "Removes what has left the window, from every place; prints how many of each kind."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="count, remove nothing")

    def run(self, **options: Any) -> dict[str, Any]:
        return dict(purge_expired(dry_run=options["dry_run"]))
