"""Connects a channel."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import CommandParser

from channels_ingest.services import create_channel
from oneview.accounts.models import Account
from oneview.common.command import JsonCommand
from oneview.common.errors import FieldError, Invalid, NotFound
from oneview.common.scope import scope


class Command(JsonCommand):
    help = "Connects a channel; prints its id and the address for the provider's webhooks."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--account", required=True, help="slug")
        parser.add_argument("--kind", required=True)
        parser.add_argument("--name", required=True)
        parser.add_argument("--external-id", required=True, help="the provider's id of this number, page or bot")
        parser.add_argument("--credentials", required=True, help="a JSON object, or - to read it from standard input")

    def run(self, **options: Any) -> dict[str, Any]:
        account = Account.objects.filter(slug=options["account"]).first()
        if account is None:
            raise NotFound(f"There is no account {options['account']}.")
        given = options["credentials"]
        with scope(account):
            channel = create_channel(
                account.id,
                kind=options["kind"],
                name=options["name"],
                external_id=options["external_id"],
                credentials=_read_credentials(sys.stdin.read() if given == "-" else given),
            )
        return {
            "channel": channel.id,
            "public_id": channel.public_id,
            "webhook_url": f"/webhooks/{channel.kind}/{channel.public_id}/",
        }


def _read_credentials(text: str) -> dict[str, Any]:
    """Raises Invalid, without repeating what was given."""
    try:
        credentials = json.loads(text)
    except ValueError:
        credentials = None
    if not isinstance(credentials, dict):
        raise Invalid(FieldError("credentials", "invalid", "This must be a JSON object."))
    return credentials
