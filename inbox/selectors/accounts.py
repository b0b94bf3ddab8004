"""The accounts among which a user chooses."""

from __future__ import annotations

from dataclasses import dataclass

from inbox.selectors.conversations import count_boxes
from inbox.selectors.reach import read_reach
from oneview.accounts.models import Membership
from oneview.accounts.selectors import list_memberships
from oneview.common.scope import scope

MOST_COUNTED = 10


@dataclass(frozen=True, slots=True)
class AccountChoice:
    """`badge`: conversations with unread messages; not counted for the open account, which shows its own, for locked
    ones, and in a long list.
    """

    id: int
    name: str
    is_open: bool
    is_locked: bool
    badge: int = 0


def list_choices(user_id: int, *, account_id: int) -> list[AccountChoice]:
    """By name. Empty for who has no choice. Looks into one account after the other."""
    memberships = list_memberships(user_id)
    if len(memberships) < 2:
        return []
    counts = len(memberships) <= MOST_COUNTED
    return [
        AccountChoice(
            id=membership.account_id,
            name=membership.account.name,
            is_open=membership.account_id == account_id,
            is_locked=membership.account.is_locked,
            badge=_count(membership) if counts and membership.account_id != account_id else 0,
        )
        for membership in memberships
    ]


def _count(membership: Membership) -> int:
    account = membership.account
    if account.is_locked:
        return 0
    with scope(account) as now:
        reach = read_reach(membership)
        counts = count_boxes(account.pk, now=now, window=account.window, reach=reach, viewer_id=membership.user_id)
    return counts.badge
