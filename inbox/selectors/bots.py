"""The bots of an account, by where they answer."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db.models import Q

from oneview.accounts.models import Bot


def list_answering_bots(account_id: int, *, channels: Collection[UUID]) -> list[str]:
    """Names of the active bots that answer on one of `channels`."""
    answering = Q(channels=None) | Q(channels__overlap=list(channels))
    bots = Bot.objects.filter(answering, account=account_id, is_active=True)
    return list(bots.order_by("name").values_list("name", flat=True))
