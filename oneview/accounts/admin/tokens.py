"""Admin pages of tokens: made, shown once, revoked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from oneview.accounts import services
from oneview.accounts.admin_site import EditableAdmin, account_of, actor_of, register
from oneview.accounts.models import ApiToken, Bot, Membership, User
from oneview.accounts.permissions import Operation
from oneview.accounts.tokens import hash_token


class TokenForm(forms.ModelForm[ApiToken]):
    """A token speaks for a bot or for a member."""

    account_id: int

    member = forms.ModelChoiceField(User.objects.none(), label=_("Member"), required=False)
    bot = forms.ModelChoiceField(Bot.objects.none(), label=_("Bot"), required=False, to_field_name="name")

    class Meta:
        model = ApiToken
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        members = Membership.objects.filter(account=self.account_id, is_active=True, user__is_active=True)
        users = User.objects.filter(pk__in=members.values("user")).order_by("name", "pk")
        bots = Bot.objects.filter(account=self.account_id, is_active=True).order_by("name")
        for name, choices in (("member", users), ("bot", bots)):
            field = self.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = choices

    def clean(self) -> dict[str, Any]:
        if bool(self.cleaned_data.get("member")) == bool(self.cleaned_data.get("bot")):
            raise forms.ValidationError(_("Choose a bot or a member, not both."))
        return self.cleaned_data


@register(ApiToken)
class ApiTokenAdmin(EditableAdmin):
    """A new token stands in the answer to the form, and nowhere else."""

    operation = Operation.MANAGE_BOTS

    list_display = ("owner", "created_at", "revoked_at")
    readonly_fields = ("owner", "created_at", "revoked_at")
    list_select_related = ("user",)
    ordering = ("-id",)
    actions = ("revoke",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: ApiToken | None = None) -> tuple[str, ...]:
        return ("owner", "created_at", "revoked_at") if obj else ("bot", "member")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            return super().get_form(request, obj, change, **kwargs)
        return type("TokenForm", (TokenForm,), {"account_id": account_of(request).pk})

    @admin.display(description=_("Owner"))
    def owner(self, token: ApiToken) -> str:
        return str(token)

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        account, owner = account_of(request), form.cleaned_data
        bot = owner["bot"].name if owner["bot"] else ""
        token = services.create_token(account, user=owner["member"], bot=bot, actor=actor_of(request))
        made = ApiToken.objects.get(account=account, hash=hash_token(token))
        obj.pk, obj.account, obj.user, obj.bot = made.pk, account, made.user, made.bot
        vars(request).update(made_token=token)

    def response_add(self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": _("Token of %(owner)s") % {"owner": obj},
            "opts": self.opts,
            "token": vars(request)["made_token"],
        }
        return TemplateResponse(request, "admin/accounts/token.html", context)

    @admin.action(description=_("Revoke the selected tokens"), permissions=["manage"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = services.revoke_tokens(account_of(request).id, ids=ids, actor=actor_of(request))
        messages.success(
            request, ngettext("%(count)d token revoked.", "%(count)d tokens revoked.", count) % {"count": count}
        )
