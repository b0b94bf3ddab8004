"""Admin pages of accounts."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from oneview.accounts import services
from oneview.accounts.admin_site import (
    OperatorAdmin,
    account_of,
    actor_of,
    is_allowed,
    is_operator,
    register,
)
from oneview.accounts.models import Account
from oneview.accounts.permissions import Operation

MOST_DAYS = 30


class LinesField(forms.CharField):
    """A flat object as lines of "name: value"."""

    widget = forms.Textarea(attrs={"rows": 5})

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(f"{name}: {each}" for name, each in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        said = {}
        for line in filter(None, map(str.strip, (super().to_python(value) or "").splitlines())):
            name, colon, each = line.partition(":")
            if not (name.strip() and colon):
                raise ValidationError(gettext("“%(line)s” is no line of a name, a colon and a value.") % {"line": line})
            said[name.strip()] = each.strip()
        return said

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(self.to_python(data) != self.to_python(self.prepare_value(initial)))
        except ValidationError:
            return True


class AccountForm(forms.ModelForm[Account]):
    """`most_days`: the longest window that may be chosen, None for any."""

    most_days: int | None

    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    attributes = LinesField(
        label=_("Attributes"),
        required=False,
        max_length=4000,
        help_text=_("One a line, as “support level: gold”. Messages keep what they were when they came."),
    )

    class Meta:
        model = Account
        fields = (
            *("name", "slug", "plan", "window_days", "handover_minutes"),
            *("language", "time_zone", "region", "attributes"),
        )
        help_texts = {  # noqa: RUF012
            "window_days": _("Older messages are removed for good, also when this number is made smaller."),
            "handover_minutes": _("After so many minutes without a person's answer supervisors are told."),
            "time_zone": _("As in “Europe/Madrid”."),
        }

    def clean_window_days(self) -> int:
        days: int = self.cleaned_data["window_days"]
        if not 1 <= days <= (self.most_days or days):
            most = self.most_days or 1
            raise ValidationError(gettext("From 1 to %(most)d days are possible.") % {"most": most})
        return days

    def clean_handover_minutes(self) -> int:
        minutes: int = self.cleaned_data["handover_minutes"]
        if minutes < 1:
            raise ValidationError(gettext("It is a minute at least."))
        return minutes

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"]
        if zone not in available_timezones():
            raise ValidationError(gettext("There is no time zone of this name."))
        return zone

    def clean_region(self) -> str:
        return str(self.cleaned_data["region"]).upper()


@register(Account)
class AccountAdmin(OperatorAdmin):
    """Supervisors change their own, but for its plan; a longer window than usual is the operator's to give."""

    form = AccountForm
    list_display = ("name", "slug", "plan", "window_days", "created_at")
    fields = (*AccountForm.Meta.fields, "purged_to", "created_at")
    ordering = ("name",)

    def has_view_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        return is_allowed(request, Operation.MANAGE_ACCOUNT)

    def has_change_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        return is_allowed(request, Operation.MANAGE_ACCOUNT)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        accounts: QuerySet[Account] = super().get_queryset(request)
        return accounts if is_operator(request) else accounts.filter(pk=account_of(request).pk)

    def get_readonly_fields(self, request: HttpRequest, obj: Account | None = None) -> tuple[str, ...]:
        given = ("purged_to", "created_at")
        return given if is_operator(request) else ("name", "slug", "plan", *given)

    def get_form(self, request: HttpRequest, obj: Account | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.most_days = None if obj is None or is_operator(request) else max(MOST_DAYS, obj.window_days)
        return form

    def save_model(self, request: HttpRequest, obj: Account, form: forms.ModelForm[Account], change: bool) -> None:
        super().save_model(request, obj, form, change)
        if change and not form.changed_data:
            return
        new = {name: form.cleaned_data[name] for name in form.changed_data}
        old = {name: form.initial.get(name) for name in form.changed_data} if change else None
        action = "account.change" if change else "account.add"
        services.record_audit(obj.pk, actor=actor_of(request), action=action, target=obj.slug, old=old, new=new)
