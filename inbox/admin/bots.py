"""Admin pages of bots."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from inbox.admin.choices import Boxes, offer_channels
from inbox.selectors.channels import list_channels
from oneview.accounts.admin_site import EditableAdmin, account_of, actor_of, register
from oneview.accounts.models import Bot
from oneview.accounts.permissions import Operation
from oneview.accounts.services import save_bot


class BotForm(forms.ModelForm[Bot]):
    account_id: int

    channels = Boxes(
        label=_("Channels"), help_text=_("Those it answers on. None chosen: every one, also those that come later.")
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
        offer_channels(self, self.account_id)

    def clean_channels(self) -> list[UUID] | None:
        return self.cleaned_data["channels"] or None

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())


@register(Bot)
class BotAdmin(EditableAdmin):
    operation = Operation.MANAGE_BOTS
    form = BotForm
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

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        names = {each.id: each.name for each in list_channels(account_of(request).pk)}

        @admin.display(description=_("Channels"))
        def where(bot: Bot) -> Any:
            if bot.channels is None:
                return _("Every one")
            return ", ".join(names.get(id, str(id)) for id in bot.channels)

        return ("name", where, "is_active", "created_at")

    def save_model(self, request: HttpRequest, obj: Bot, form: Any, change: bool) -> None:
        obj.account = account_of(request)
        save_bot(obj, actor=actor_of(request))
