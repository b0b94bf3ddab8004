"""Teams and who is in them. Runs inside the caller's scope."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from django.db.models import Case, Exists, F, OuterRef, When
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inbox.folds import lock_conversations
from inbox.models import Conversation, Thread
from inbox.models.thread import Status
from oneview.accounts.hours import check_hours
from oneview.accounts.models import Account, Membership, Team, TeamMember, User
from oneview.accounts.selectors import list_member_names
from oneview.accounts.services import ask_for_routing, record_audit
from oneview.common.errors import Conflict, FieldError, Invalid

WORDS = ("name", "routing", "time_zone", "hours", "closed_text")


def save_team(team: Team, *, members: Collection[int], actor: User) -> None:
    """With who is in it, of the account's active members; others who are in it stay. Raises Invalid, and Conflict for a
    name that another team has.
    """
    account_id = team.account_id
    if Team.objects.filter(account=account_id, name=team.name).exclude(pk=team.pk).exists():
        raise Conflict(_("There is a team “%(name)s” already.") % {"name": team.name})
    check_hours(team.hours, zone=team.time_zone)
    names = dict(list_member_names(account_id))
    if not set(members) <= set(names):
        raise Invalid(FieldError("members", "not_found", _("This person is no member of the account.")))
    former = Team.objects.filter(account=account_id, pk=team.pk).first()
    seats = TeamMember.objects.filter(account=account_id, team=team.pk, user__in=list(names))
    seated = set(seats.values_list("user", flat=True))
    old = _describe(former, [names[user] for user in seated]) if former else None
    team.save()
    seats.exclude(user__in=list(members)).delete()
    TeamMember.objects.bulk_create(
        TeamMember(account_id=account_id, team=team, user_id=user) for user in sorted(set(members) - seated)
    )
    new = _describe(team, [names[user] for user in members])
    record_audit(account_id, actor=actor, action="team.save", target=team.name, old=old, new=new)
    ask_for_routing(account_id)


def _describe(team: Team, members: Collection[str]) -> dict[str, Any]:
    told = {name: getattr(team, name) for name in WORDS}
    return {**told, "channels": [str(id) for id in team.channels], "members": sorted(members)}


def seat_member(membership: Membership, *, teams: Collection[UUID], actor: User) -> None:
    """Makes a member be in these teams of the account and in no others. Raises Invalid."""
    account_id = membership.account_id
    names = dict(Team.objects.filter(account=account_id).values_list("id", "name"))
    if not set(teams) <= set(names):
        raise Invalid(FieldError("teams", "not_found", _("This account has no such team.")))
    seats = TeamMember.objects.filter(account=account_id, user=membership.user_id)
    seated = set(seats.values_list("team", flat=True))
    if seated == set(teams):
        return
    seats.exclude(team__in=list(teams)).delete()
    TeamMember.objects.bulk_create(
        TeamMember(account_id=account_id, team_id=team, user_id=membership.user_id)
        for team in sorted(set(teams) - seated)
    )
    old, new = ({"teams": sorted(names[id] for id in each)} for each in (seated, teams))
    record_audit(account_id, actor=actor, action="member.teams", target=membership.user.email, old=old, new=new)
    ask_for_routing(account_id)


def keep_member(team: Team) -> Case:
    """Of a thread that is given to the team: whose it was, if they are of the team, else nobody."""
    members = TeamMember.objects.filter(account=team.account_id, team=team.pk)
    return Case(When(Exists(members.filter(user=OuterRef("assignee_id"))), then=F("assignee_id")))


def remove_team(account: Account, team: Team, *, actor: User) -> None:
    """What is resolved is of no team then. Raises Conflict while something of it is not."""
    theirs = Conversation.objects.filter(account=account, team=team)
    lock_conversations(account.id, theirs.values_list("id", flat=True))
    waiting = theirs.exclude(status=Status.RESOLVED).count()
    if waiting:
        told = ngettext(
            "%(count)d conversation of this team is not resolved. Give it to another team first.",
            "%(count)d conversations of this team are not resolved. Give them to another team first.",
            waiting,
        )
        raise Conflict(told % {"count": waiting})
    Thread.objects.filter(account=account, team=team).update(team=None)
    theirs.update(team=None)
    record_audit(account.id, actor=actor, action="team.remove", target=team.name)
    TeamMember.objects.filter(account=account, team=team).delete()
    team.delete()
