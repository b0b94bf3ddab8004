"""Teams as the list is narrowed to them."""

from __future__ import annotations

from inbox.reach import Reach
from inbox.shapes import TeamShape
from oneview.accounts.models import Team


def list_teams(account_id: int, *, reach: Reach) -> tuple[TeamShape, ...]:
    """Those whose conversations can be seen, by name. No query for who is in none."""
    if reach.teams is not None and not reach.teams:
        return ()
    teams = Team.objects.filter(account=account_id)
    if reach.teams is not None:
        teams = teams.filter(id__in=reach.teams)
    return tuple(TeamShape(id, name) for id, name in teams.order_by("name", "id").values_list("id", "name"))
