"""Admin pages of teams: who is in them, how they share, and when they are there."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextInputWidget
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from inbox.admin.choices import Boxes, offer, offer_channels
from inbox.forms import add_errors
from inbox.selectors.channels import list_agents
from inbox.services.teams import remove_team, save_team
from inbox.snapshots import describe_hours
from oneview.accounts.admin_site import EditableAdmin, account_of, actor_of, is_allowed, register
from oneview.accounts.hours import DAYS, read_times, write_times
from oneview.accounts.models import Account, Team, TeamMember
from oneview.accounts.permissions import Operation
from oneview.common.errors import Invalid


class TeamForm(forms.ModelForm[Team]):
    account: Account

    members = Boxes(label=_("Members"), coerce=int)
    channels = Boxes(label=_("Channels"), help_text=_("What comes in on these is the team's from the start."))
    time_zone = forms.ChoiceField(label=_("Time zone"), choices=lambda: [(z, z) for z in sorted(available_timezones())])

    class Meta:
        model = Team
        fields = ("name", "routing", "time_zone", "closed_text")
        labels = {"closed_text": _("Automatic reply")}  # noqa: RUF012
        help_texts = {  # noqa: RUF012
            "routing": _("Members who are not away and have room are given what waits, while the team is there."),
            "closed_text": _("Sent once to who writes while the team is not there. Empty: nothing is sent."),
        }
        widgets = {"closed_text": forms.Textarea(attrs={"rows": 3})}  # noqa: RUF012

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "members", ((agent.id, agent.name) for agent in list_agents(self.account.pk)))
        offer_channels(self, self.account.pk)
        if self.instance._state.adding:
            self.initial["time_zone"] = self.account.time_zone
        else:
            seats = TeamMember.objects.filter(account=self.account, team=self.instance)
            self.initial["members"] = list(seats.values_list("user", flat=True))
            self.initial["channels"] = self.instance.channels
        for day, name in DAYS.items():
            times = write_times(self.instance.hours.get(day, ()))
            self.fields[day] = forms.CharField(
                label=name, required=False, max_length=120, initial=times, widget=AdminTextInputWidget
            )

    def clean(self) -> None:
        hours = {}
        for day in DAYS:
            try:
                hours[day] = read_times(self.cleaned_data.get(day, ""), day=day)
            except Invalid as refused:
                add_errors(self, refused)
        self.instance.hours = {day: spans for day, spans in hours.items() if spans}
        self.instance.channels = self.cleaned_data.get("channels", [])


@register(Team)
class TeamAdmin(EditableAdmin):
    operation = Operation.MANAGE_TEAMS
    form = TeamForm
    list_display = ("name", "people", "routing", "there")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "members", "channels", "routing")}),
        (
            _("Hours"),
            {
                "fields": ("time_zone", *DAYS, "closed_text"),
                "description": _(
                    "As 09:00-12:30, 13:30-17:00. A day without times is closed. No times at all: always there."
                ),
            },
        ),
    )

    def get_form(self, request: HttpRequest, obj: Team | None = None, change: bool = False, **kwargs: Any) -> Any:
        return type("TeamForm", (TeamForm,), {"account": account_of(request)})

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        seats = TeamMember.objects.filter(account=account_of(request)).select_related("user")
        return super().get_queryset(request).prefetch_related(Prefetch("members", seats))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_allowed(request, self.operation)

    @admin.display(description=_("Members"))
    def people(self, team: Team) -> str:
        return ", ".join(sorted(str(seat.user) for seat in team.members.all())) or "-"

    @admin.display(description=_("Hours"))
    def there(self, team: Team) -> str:
        return describe_hours(team.hours, zone=team.time_zone)

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        obj.account = account_of(request)
        save_team(obj, members=form.cleaned_data["members"], actor=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: Team) -> None:
        remove_team(account_of(request), obj, actor=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Team]) -> None:
        for team in queryset:
            self.delete_model(request, team)
