"""Who sees what: a supervisor everything, an agent what comes in on their channels and belongs to no team but theirs,
and whatever is assigned to them. `Reach.condition` is the same rule for the database.

What is out of reach is answered as what never existed.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from inbox.shapes import ConversationShape


@dataclass(frozen=True, slots=True)
class Reach:
    """`channels` and `teams`: those that somebody sees, None for every one; `user_id`: whose own conversations are seen
    in any case.
    """

    channels: frozenset[UUID] | None = None
    teams: frozenset[UUID] | None = None
    user_id: int | None = None

    @property
    def is_narrow(self) -> bool:
        return self.channels is not None or self.teams is not None

    @property
    def condition(self) -> Q:
        """Of conversations; a narrow one looks at no other table."""
        theirs = Q()
        if self.channels is not None:
            theirs &= Q(channels__overlap=sorted(self.channels))
        if self.teams is not None:
            theirs &= Q(team=None) | Q(team__in=sorted(self.teams))
        return theirs | Q(assignees__contains=[self.user_id]) if self.is_narrow else theirs

    def sees(self, conversation: ConversationShape) -> bool:
        if any(agent.id == self.user_id for agent in conversation.assignees):
            return True
        sees_channels = any(self.sees_channel(channel.id) for channel in conversation.channels)
        return sees_channels and (self.teams is None or conversation.team is None or conversation.team.id in self.teams)

    def sees_channel(self, channel_id: UUID) -> bool:
        return self.channels is None or channel_id in self.channels


EVERYTHING = Reach()
