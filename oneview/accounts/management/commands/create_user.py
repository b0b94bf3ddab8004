"""Makes a user and a member of an account: `manage.py create_user EMAIL --account SLUG --role supervisor`."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from oneview.accounts import selectors, services
from oneview.accounts.models import Role
from oneview.common.command import JsonCommand


class Command(JsonCommand):
    help = "Makes a user and a member of an account. For a user who exists, only the membership is made or changed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--account", required=True, metavar="SLUG")
        parser.add_argument("--role", required=True, choices=Role.values)
        parser.add_argument("--name", default="", help="the part of the e-mail address before the @ if not given")
        parser.add_argument("--password", help="without one the user chooses it through “Forgot your password?”")

    def run(self, **options: Any) -> dict[str, Any]:
        membership = services.create_member(
            selectors.get_account(options["account"]),
            email=options["email"],
            role=Role(options["role"]),
            name=options["name"],
            password=options["password"],
        )
        return {"user": membership.user.email, "role": options["role"]}
