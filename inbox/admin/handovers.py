"""Admin pages of what bots gave to people, and of what bots wanted to say when it was not their turn."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext_lazy as _

from inbox.models import Handover, RefusedReply
from oneview.accounts.admin_site import ScopedAdmin, account_of, link_inbox, register
from oneview.accounts.middleware import AccountRequest


class WindowAdmin(ScopedAdmin):
    """What tells of messages is seen as long as they are."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        begin = cast(AccountRequest, request).now - account_of(request).window
        return super().get_queryset(request).filter(at__gte=begin).select_related("thread")

    @admin.display(description=_("Conversation"))
    def inbox(self, row: Handover | RefusedReply) -> SafeString:
        return link_inbox(row.thread.conversation_id)


class ClaimFilter(admin.SimpleListFilter):
    title = _("taken")
    parameter_name = "taken"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Handover]) -> list[tuple[str, Any]]:
        return [("no", _("Nobody has taken it")), ("yes", _("Somebody has"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Handover]) -> QuerySet[Handover]:
        if self.value() not in ("no", "yes"):
            return queryset
        return queryset.filter(claimed_at__isnull=self.value() == "no")


@register(Handover)
class HandoverAdmin(WindowAdmin):
    list_display = ("at", "bot", "reason", "waited", "claimed_by", "escalated_at", "inbox")
    list_filter = (ClaimFilter,)
    list_select_related = ("claimed_by",)
    ordering = ("-at",)
    fields = ("at", "bot", "reason", "summary", "claimed_at", "claimed_by", "escalated_at", "inbox")

    @admin.display(description=_("Waited"))
    def waited(self, handover: Handover) -> str | None:
        return None if handover.claimed_at is None else timesince(handover.at, handover.claimed_at)


@register(RefusedReply)
class RefusedReplyAdmin(WindowAdmin):
    list_display = ("at", "bot", "code", "inbox")
    ordering = ("-at",)
    fields = ("at", "bot", "code", "client_id", "text", "inbox")
