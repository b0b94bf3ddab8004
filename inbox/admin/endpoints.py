"""Admin pages of addresses that are told what changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from inbox.models import Endpoint
from inbox.selectors.endpoints import list_attempts
from inbox.services.endpoints import send_again, switch_off
from oneview.accounts.admin_site import ScopedAdmin, account_of, actor_of, register, render_table
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation


class SendAgainForm(ActionForm):
    """Where to begin, beside the choice of the action; hours ago."""

    since = forms.ChoiceField(
        label=_("Send again from"),
        choices=[("", _("where it stopped")), ("1", _("an hour ago")), ("24", _("a day ago"))],
        required=False,
    )


@register(Endpoint)
class EndpointAdmin(ScopedAdmin):
    """Endpoints are registered over the API. An address may hold a secret of its owner, who is the account."""

    operation = Operation.MANAGE_WEBHOOKS
    list_display = ("url", "bot", "state", "after", "failures", "next_attempt_at", "delivered_at", "reason")
    list_filter = ("state",)
    ordering = ("id",)
    fields = (
        *("url", "bot", "events", "state", "reason", "after", "failures", "failing_since", "next_attempt_at"),
        *("delivered_at", "created_at", "attempts"),
    )
    actions = ("send_again", "switch_off")
    action_form = SendAgainForm

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("secret")

    @admin.display(description=_("Last calls"))
    def attempts(self, endpoint: Endpoint) -> SafeString:
        return render_table(
            [_("When"), _("Outcome"), _("Event"), _("Type"), _("Milliseconds")],
            (
                (
                    localtime(attempt.at).strftime("%Y-%m-%d %H:%M:%S"),
                    attempt.outcome or _("Taken"),
                    *(attempt.seq, attempt.type, attempt.milliseconds),
                )
                for attempt in list_attempts(endpoint.account_id, endpoint.id)
            ),
        )

    @admin.action(description=_("Switch on and send again"), permissions=["manage"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        now, since = cast(AccountRequest, request).now, request.POST.get("since", "")
        count = send_again(
            account_of(request),
            list(queryset.values_list("id", flat=True)),
            since=now - timedelta(hours=int(since)) if since in ("1", "24") else None,
            actor=actor_of(request),
            now=now,
        )
        messages.success(
            request, ngettext("%(count)d endpoint is told.", "%(count)d endpoints are told.", count) % {"count": count}
        )

    @admin.action(description=_("Switch off"), permissions=["manage"])
    def switch_off(self, request: HttpRequest, queryset: QuerySet[Endpoint]) -> None:
        ids = list(queryset.values_list("id", flat=True))
        count = switch_off(account_of(request), ids, actor=actor_of(request))
        messages.success(
            request,
            ngettext("%(count)d endpoint switched off.", "%(count)d endpoints switched off.", count) % {"count": count},
        )
