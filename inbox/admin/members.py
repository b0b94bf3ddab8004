"""Admin pages of who works in an account: what they are, what they see, and how much they are given."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from inbox.admin.choices import Boxes, offer, offer_channels
from inbox.reach import EVERYTHING
from inbox.selectors.teams import list_teams
from inbox.services.teams import seat_member
from oneview.accounts.admin_site import ScopedAdmin, account_of, actor_of, is_operator, register, role_of, tell_yes_no
from oneview.accounts.models import Membership, TeamMember
from oneview.accounts.permissions import SUPERVISOR, Operation
from oneview.accounts.services import update_member

PLAIN = ("role", "is_active", "capacity", "is_away")


class MemberForm(forms.ModelForm[Membership]):
    """Of an operator: nothing that belongs to the account."""

    class Meta:
        model = Membership
        fields = PLAIN
        help_texts = {  # noqa: RUF012
            "is_active": _("Who is not can't sign in here; what was assigned to them is nobody's then."),
            "capacity": _("Up to so many open conversations are given to them by itself. Empty: any number."),
            "is_away": _("Nothing is given to them by itself; what they have stays theirs."),
        }


class ColleagueForm(MemberForm):
    """Of a supervisor, in the account that is open."""

    channels = Boxes(
        label=_("Channels"), help_text=_("Those an agent sees. None chosen: every one, also those that come later.")
    )
    teams = Boxes(label=_("Teams"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account_id = self.instance.account_id
        offer_channels(self, account_id)
        offer(self, "teams", ((team.id, team.name) for team in list_teams(account_id, reach=EVERYTHING)))
        seats = TeamMember.objects.filter(account=account_id, user=self.instance.user_id)
        self.initial.update({"channels": self.instance.channels, "teams": list(seats.values_list("team", flat=True))})

    def clean_channels(self) -> list[UUID] | None:
        return self.cleaned_data["channels"] or None


@register(Membership)
class MemberAdmin(ScopedAdmin):
    """Supervisors invite and change the members of their account; an operator sees all memberships and may change
    them.
    """

    operation = Operation.MANAGE_MEMBERS

    list_display = ("user", "email", "role", "is_active", "away", "capacity", "created_at")
    list_filter = ("role", "is_active")
    list_select_related = ("user",)
    search_fields = ("user__email", "user__name")
    ordering = ("id",)
    readonly_fields = ("user", "email", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Into the account that one supervises."""
        return role_of(request) == SUPERVISOR and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return self.has_view_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        everything: QuerySet[Membership] = Membership.objects.order_by("id")
        return everything if is_operator(request) else everything.filter(account=account_of(request))

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.list_display, "account") if is_operator(request) else self.list_display

    def get_form(self, request: HttpRequest, obj: Membership | None = None, change: bool = False, **kwargs: Any) -> Any:
        return ColleagueForm if self._is_colleague(request, obj) else MemberForm

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        more = ("channels", "teams") if self._is_colleague(request, obj) else ()
        return ("user", "email", *PLAIN, *more, "created_at")

    def _is_colleague(self, request: HttpRequest, obj: Membership | None) -> bool:
        return obj is not None and role_of(request) == SUPERVISOR and obj.account_id == account_of(request).pk

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return redirect("admin:accounts_invitation_add")

    @admin.display(description=_("E-mail"), ordering="user__email")
    def email(self, membership: Membership) -> str:
        return membership.user.email

    @admin.display(description=_("Away"), ordering="is_away")
    def away(self, membership: Membership) -> str:
        return tell_yes_no(membership.is_away)

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        wanted = dict(form.cleaned_data)
        teams = wanted.pop("teams", None)
        update_member(obj, actor=actor_of(request), **wanted)
        if teams is not None:
            seat_member(obj, teams=teams, actor=actor_of(request))
