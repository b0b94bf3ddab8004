"""Makes an account: `manage.py create_account SLUG --name "Example Ltd"`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from oneview.accounts import services
from oneview.accounts.models import FREE_PLAN
from oneview.common.command import JsonCommand


class Command(JsonCommand):
    help = "Makes an account; one that exists is left as it is."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slug")
        parser.add_argument("--name", required=True)
        parser.add_argument(
            "--plan", default="paid", help=f"{FREE_PLAN!r} locks the inbox, any other name is a paid plan"
        )
        parser.add_argument("--window-days", type=int, default=30, help="days that messages are kept and shown")

    def run(self, **options: Any) -> dict[str, Any]:
        slug, name = options["slug"], options["name"]
        account = services.create_account(slug, name=name, plan=options["plan"], window_days=options["window_days"])
        return {"account": account.slug, "id": account.id}
