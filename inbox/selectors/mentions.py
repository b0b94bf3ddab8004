"""Who was called in private notes, and who has not looked yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf

from inbox.models import Mention
from inbox.selectors.reach import read_reaches
from inbox.shapes import Called, ConversationShape
from oneview.accounts.models import Membership


def get_mentions(account_id: int, message_ids: Collection[UUID]) -> dict[UUID, tuple[Called, ...]]:
    """By message."""
    if not message_ids:
        return {}
    rows = Mention.objects.filter(account=account_id, message_id__in=message_ids).order_by("id")
    name = Coalesce(NullIf("user__name", Value("")), "user__email", output_field=CharField())
    found: dict[UUID, list[Called]] = defaultdict(list)
    for message, user, name_, seen_at in rows.values_list("message_id", "user_id", name, "seen_at"):
        found[message].append(Called(user, name_, seen=seen_at is not None))
    return {message: tuple(called) for message, called in found.items()}


def list_mentioning(account_id: int, *, user_id: int, since: UUID, unseen: bool = False) -> QuerySet[Mention, Any]:
    """The conversations in which somebody is called in a note from `since` on; of `unseen` ones only."""
    mentions = Mention.objects.filter(account=account_id, user=user_id, message_id__gte=since)
    if unseen:
        mentions = mentions.filter(seen_at=None)
    return mentions.values_list("thread__conversation_id", flat=True).distinct()


def name_unreached(account_id: int, conversation: ConversationShape, called: Collection[Called]) -> list[str]:
    """Those of the called who do not see the conversation."""
    members = Membership.objects.filter(account=account_id, user__in=[each.id for each in called], is_active=True)
    reaches = read_reaches(list(members)) if called else {}
    seeing = {user for (_, user), reach in reaches.items() if reach.sees(conversation)}
    return [each.name for each in called if each.id not in seeing]
