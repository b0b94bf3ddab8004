"""What a member may see, and whether it is among it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from inbox.models import Conversation
from inbox.reach import EVERYTHING, Reach
from inbox.selectors.visibility import oldest_visible
from oneview.accounts.models import Membership, Role, TeamMember


def read_reach(membership: Membership) -> Reach:
    """One query for an agent, none for a supervisor."""
    if membership.role == Role.SUPERVISOR:
        return EVERYTHING
    teams = TeamMember.objects.filter(account=membership.account_id, user=membership.user_id)
    return make_reach(membership.user_id, channels=membership.channels, teams=teams.values_list("team", flat=True))


def make_reach(user_id: int, *, channels: Collection[UUID] | None, teams: Collection[UUID]) -> Reach:
    """Of an agent. `channels`: None for every one."""
    return Reach(None if channels is None else frozenset(channels), frozenset(teams), user_id)


def is_in_reach(account_id: int, conversation_id: UUID, *, reach: Reach, now: datetime, window: timedelta) -> bool:
    """Whether the conversation is seen; one that does not exist or has nothing to show is not, by anybody narrow."""
    if not reach.is_narrow:
        return True
    visible = Conversation.objects.filter(account=account_id, last_message_id__gte=oldest_visible(now, window))
    return visible.filter(reach.condition, id=conversation_id).exists()
