"""Teams as the list is narrowed to them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from inbox.reach import Reach
from inbox.shapes import TeamShape
from oneview.accounts.hours import next_opening
from oneview.accounts.models import Team


def list_teams(account_id: int, *, reach: Reach) -> tuple[TeamShape, ...]:
    """Those whose conversations can be seen, by name. No query for who is in none."""
    if reach.teams is not None and not reach.teams:
        return ()
    teams = Team.objects.filter(account=account_id)
    if reach.teams is not None:
        teams = teams.filter(id__in=reach.teams)
    return tuple(TeamShape(id, name) for id, name in teams.order_by("name", "id").values_list("id", "name"))


def find_opening(account_id: int, team_id: UUID, *, now: datetime) -> datetime | None:
    """When a team that is closed is there again; None for one that is there, or is never."""
    team = Team.objects.filter(account=account_id, id=team_id).first()
    opens = next_opening(team.hours, zone=team.time_zone, at=now) if team else None
    return None if opens == now else opens
