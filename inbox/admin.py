"""Admin pages of conversations, the undoing of links, which they follow, and endpoints. Messages are read in the
inbox.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity.admin import EvidenceAdmin
from identity.models import Contact, Evidence
from inbox.models import Conversation, Endpoint
from inbox.selectors.visibility import oldest_visible
from inbox.services.contacts import undo_link
from inbox.services.endpoints import send_again, switch_off
from inbox.shapes import Agent
from oneview.accounts.admin_site import ScopedAdmin, account_of, actor_of, link_inbox, register
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation
from oneview.common.ids import time_of


@register(Conversation)
class ConversationAdmin(ScopedAdmin):
    list_display = ("name", "status", "assignee", "turn", "unread", "active_at", "inbox")
    list_filter = ("status", "turn")
    list_select_related = ("assignee",)
    ordering = ("-last_message_id",)
    fields = ("name", "inbox", "status", "snoozed_until", "assignee", "team", "turn", "labels", "unread", "active_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Those with something to see; the contact's name comes along."""
        now, account = cast(AccountRequest, request).now, account_of(request)
        visible = super().get_queryset(request).filter(last_message_id__gte=oldest_visible(now, account.window))
        names = Contact.objects.filter(account=account, id=OuterRef("id")).values("name")
        named: QuerySet[Any] = visible.annotate(contact_name=Subquery(names))
        return named

    @admin.display(description=_("Name"))
    def name(self, conversation: Any) -> str:
        return str(conversation.contact_name)

    @admin.display(description=_("Last message"), ordering="last_message_id")
    def active_at(self, conversation: Conversation) -> datetime:
        return time_of(conversation.last_message_id)

    @admin.display(description=_("Conversation"))
    def inbox(self, conversation: Conversation) -> SafeString:
        return link_inbox(conversation.id)


@register(Evidence)
class UndoableEvidenceAdmin(EvidenceAdmin):
    actions = ("undo",)

    @admin.action(description=_("Undo the selected links"), permissions=["manage"])
    def undo(self, request: HttpRequest, queryset: QuerySet[Evidence]) -> None:
        account, now = account_of(request), cast(AccountRequest, request).now
        actor = Agent(actor_of(request).id, str(actor_of(request)))
        linked = list(queryset.filter(status="linked"))
        for link in linked:
            undo_link(account, link.a_id, actor=actor, evidence=link.id, now=now)
        count = len(linked)
        messages.success(
            request, ngettext("%(count)d link undone.", "%(count)d links undone.", count) % {"count": count}
        )


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
        *("delivered_at", "created_at"),
    )
    actions = ("send_again", "switch_off")
    action_form = SendAgainForm

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("secret")

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
