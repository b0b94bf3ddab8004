"""Admin pages of messages, to be read. What can be done to one is done in the inbox."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _

from channels_ingest.models import OutboxState
from identity.models import Contact
from inbox.models import Message
from inbox.selectors.lines import describe_line
from inbox.selectors.visibility import oldest_visible
from oneview.accounts.admin_site import ScopedAdmin, account_of, link_inbox, register, tell_time
from oneview.accounts.middleware import AccountRequest
from oneview.common.ids import time_of

MOST_COUNTED = 10_000
STATES = {**dict(OutboxState.choices), "delivered": _("Delivered"), "read": _("Read")}


class CappedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than anybody leafs: an account may have millions."""

    @cached_property
    def count(self) -> int:
        return int(self.object_list.order_by()[:MOST_COUNTED].count())  # type: ignore[attr-defined]


class StateFilter(admin.SimpleListFilter):
    """Without asking the table which states there are."""

    title = _("state")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Message]) -> list[tuple[str, Any]]:
        return list(STATES.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        return queryset.filter(status=self.value()) if self.value() in STATES else queryset


@register(Message)
class MessageAdmin(ScopedAdmin):
    list_display = ("at", "contact", "channel", "author", "gist", "state", "inbox")
    list_filter = ("direction", "author_kind", StateFilter)
    list_select_related = ("thread__channel",)
    ordering = ("-id",)
    paginator = CappedPaginator
    fields = (
        *("at", "contact", "channel", "author", "private", "words", "state", "status_reason", "labels", "fields"),
        *("sent_at", "received_at", "edited_at", "deleted_at", "redacted_at", "redacted_by", "external_id", "inbox"),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Those inside the window; the contact's name comes along."""
        now, account = cast(AccountRequest, request).now, account_of(request)
        visible = super().get_queryset(request).filter(id__gte=oldest_visible(now, account.window))
        names = Contact.objects.filter(account=account, id=OuterRef("thread__conversation_id")).values("name")
        return cast("QuerySet[Any]", visible.annotate(contact_name=Subquery(names)))

    @admin.display(description=_("Time"), ordering="id")
    def at(self, message: Message) -> str:
        return tell_time(time_of(message.id))

    @admin.display(description=_("Contact"))
    def contact(self, message: Any) -> str:
        return str(message.contact_name or "–")

    @admin.display(description=_("Channel"))
    def channel(self, message: Message) -> str:
        return message.thread.channel.name

    @admin.display(description=_("Author"))
    def author(self, message: Message) -> str:
        kind = message.get_author_kind_display()
        return f"{message.author_name} ({kind})" if message.author_name else str(kind)

    @admin.display(description=_("Text"))
    def gist(self, message: Message) -> str:
        return Truncator(self.words(message)).chars(80)

    @admin.display(description=_("Text"))
    def words(self, message: Message) -> str:
        if message.deleted_at or message.redacted_at:
            return "–"
        return describe_line(message.data) if message.author_kind == "system" and message.private else message.text

    @admin.display(description=_("Status"))
    def state(self, message: Message) -> str:
        return str(STATES.get(message.status, "–"))

    @admin.display(description=_("Conversation"))
    def inbox(self, message: Message) -> SafeString:
        return link_inbox(message.thread.conversation_id)
