"""Teams, channels and who is mapped to which, for tests of who sees what."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from channels_ingest.sink import ChannelInfo
from inbox.folds import fold_conversations
from inbox.models import Thread
from inbox.reach import Reach
from inbox.realtime import Change, append_changes
from inbox.selectors.reach import read_reach
from oneview.accounts.models import Account, Membership, Team, TeamMember
from oneview.common.scope import scope


def make_team(account: Account, name: str, *members: Membership) -> Team:
    with scope(account):
        team = Team.objects.create(account=account, name=name)
        for member in members:
            TeamMember.objects.create(account=account, team=team, user=member.user)
    return team


def map_channels(member: Membership, *channels: ChannelInfo) -> None:
    member.channels = [channel.id for channel in channels]
    member.save(update_fields=["channels"])


def give(account: Account, conversation: UUID | str, *, team: Team | None) -> None:
    """To a team, as a command would do it."""
    with scope(account) as now:
        Thread.objects.filter(account=account, conversation_id=conversation).update(team=team)
        fold_conversations(account.id, [UUID(str(conversation))])
        append_changes(account.id, [Change("conversation.updated", UUID(str(conversation)))], now=now)


def reach_of(member: Membership) -> Reach:
    with scope(member.account):
        return read_reach(Membership.objects.get(pk=member.pk))


def ids(conversations: Iterable[UUID | str]) -> set[str]:
    return {str(each) for each in conversations}
