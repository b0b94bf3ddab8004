"""The undoing of links between identities, which conversations follow."""

from __future__ import annotations

from typing import cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from identity.admin import EvidenceAdmin
from identity.models import Evidence
from inbox.services.contacts import undo_link
from inbox.shapes import Agent
from oneview.accounts.admin_site import account_of, actor_of, register
from oneview.accounts.middleware import AccountRequest


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
