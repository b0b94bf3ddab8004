"""Admin pages of tokens."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from oneview.accounts import services
from oneview.accounts.admin_site import (
    ScopedAdmin,
    account_of,
    actor_of,
    register,
)
from oneview.accounts.models import ApiToken
from oneview.accounts.permissions import Operation


@register(ApiToken)
class ApiTokenAdmin(ScopedAdmin):
    """Tokens are made with `manage.py create_token`, which shows them once."""

    operation = Operation.MANAGE_BOTS

    list_display = ("owner", "created_at", "revoked_at")
    fields = ("owner", "created_at", "revoked_at")
    list_select_related = ("user",)
    ordering = ("-id",)
    actions = ("revoke",)

    @admin.display(description=_("Owner"))
    def owner(self, token: ApiToken) -> str:
        return str(token)

    @admin.action(description=_("Revoke the selected tokens"), permissions=["manage"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = services.revoke_tokens(account_of(request).id, ids=ids, actor=actor_of(request))
        messages.success(
            request, ngettext("%(count)d token revoked.", "%(count)d tokens revoked.", count) % {"count": count}
        )
