"""Makes an API token: `manage.py create_token --account SLUG --user EMAIL`, or `--bot NAME`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from oneview.accounts import selectors, services
from oneview.common.command import JsonCommand


class Command(JsonCommand):
    help = "Makes an API token of a member or of a bot. It is shown once; only its hash is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, metavar="SLUG")
        owner = parser.add_mutually_exclusive_group(required=True)
        owner.add_argument("--user", metavar="EMAIL")
        owner.add_argument("--bot", metavar="NAME")

    def run(self, **options: Any) -> dict[str, Any]:
        account = selectors.get_account(options["account"])
        if options["bot"]:
            return {"token": services.create_token(account, bot=options["bot"])}
        return {"token": services.create_token(account, user=selectors.get_user(options["user"]))}
