"""Admin pages of bots."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from inbox.selectors.channels import list_channels
from oneview.accounts.admin_site import EditableAdmin, account_of, actor_of, register
from oneview.accounts.models import Bot
from oneview.accounts.permissions import Operation
from oneview.accounts.services import save_bot


class BotForm(forms.ModelForm[Bot]):
    account_id: int

    channels = forms.TypedMultipleChoiceField(
        label=_("Channels"),
        coerce=UUID,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Those it answers on. None chosen: every one, also those that come later."),
    )

    class Meta:
        model = Bot
        fields = ("name", "channels", "is_active")
        help_texts = {  # noqa: RUF012
            "name": _("Users see it. Tokens and messages bear it, so it stays."),
            "is_active": _("A bot that is switched off is refused, and its users go to people."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["channels"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(str(each.id), f"{each.name} ({each.label})") for each in list_channels(self.account_id)]

    def clean_channels(self) -> list[UUID] | None:
        return self.cleaned_data["channels"] or None

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())


@register(Bot)
class BotAdmin(EditableAdmin):
    operation = Operation.MANAGE_BOTS
    form = BotForm
    list_display = ("name", "where", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "channels", "is_active")

    def get_readonly_fields(self, request: HttpRequest, obj: Bot | None = None) -> tuple[str, ...]:
        return ("name",) if obj else ()

    def get_form(self, request: HttpRequest, obj: Bot | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.account_id = account_of(request).pk
        return form

    def get_queryset(self, request: HttpRequest) -> Any:
        self.channels = {each.id: each.name for each in list_channels(account_of(request).pk)}
        return super().get_queryset(request)

    @admin.display(description=_("Channels"))
    def where(self, bot: Bot) -> Any:
        if bot.channels is None:
            return _("Every one")
        return ", ".join(self.channels.get(id, str(id)) for id in bot.channels)

    def save_model(self, request: HttpRequest, obj: Bot, form: Any, change: bool) -> None:
        obj.account = account_of(request)
        save_bot(obj, actor=actor_of(request))
