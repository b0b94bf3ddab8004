"""Admin pages of conversations."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from identity.models import Contact
from inbox.models import Conversation
from inbox.selectors.visibility import oldest_visible
from oneview.accounts.admin_site import ScopedAdmin, account_of, link_inbox, register, tell_time
from oneview.accounts.middleware import AccountRequest
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
    def active_at(self, conversation: Conversation) -> str:
        return tell_time(time_of(conversation.last_message_id))

    @admin.display(description=_("Conversation"))
    def inbox(self, conversation: Conversation) -> SafeString:
        return link_inbox(conversation.id)
