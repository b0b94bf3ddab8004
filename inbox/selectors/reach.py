"""What a member may see, and whether it is among it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from inbox.models import Conversation
from inbox.reach import EVERYTHING, Reach
from inbox.selectors.visibility import oldest_visible
from oneview.accounts.models import Membership, Role
from oneview.accounts.selectors import list_teams_of


def read_reach(membership: Membership) -> Reach:
    """One query for an agent, none for a supervisor. In or out of a scope."""
    return read_reaches([membership])[membership.account_id, membership.user_id]


def read_reaches(memberships: Collection[Membership]) -> dict[tuple[int, int], Reach]:
    """Of each, by (account, user); one query at most. In or out of a scope."""
    agents = [each.user_id for each in memberships if each.role != Role.SUPERVISOR]
    teams = list_teams_of(agents) if agents else {}
    reaches = {}
    for member in memberships:
        key = member.account_id, member.user_id
        channels = None if member.channels is None else frozenset(member.channels)
        is_agent = member.role != Role.SUPERVISOR
        reaches[key] = Reach(channels, teams.get(key, frozenset()), member.user_id) if is_agent else EVERYTHING
    return reaches


def is_in_reach(account_id: int, conversation_id: UUID, *, reach: Reach, now: datetime, window: timedelta) -> bool:
    """Whether the conversation is seen; one that does not exist or has nothing to show is not, by anybody narrow."""
    if not reach.is_narrow:
        return True
    visible = Conversation.objects.filter(account=account_id, last_message_id__gte=oldest_visible(now, window))
    return visible.filter(reach.condition, id=conversation_id).exists()
