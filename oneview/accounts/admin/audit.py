"""The admin page of the audit: who changed what, and from where."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from oneview.accounts.admin_site import ScopedAdmin, account_of, register, render_table
from oneview.accounts.models import AuditEntry
from oneview.accounts.permissions import Operation
from oneview.accounts.selectors import list_audited_things, list_member_names


class ThingFilter(admin.SimpleListFilter):
    title, parameter_name = _("what"), "thing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(thing, thing.replace("_", " ")) for thing in list_audited_things(account_of(request).id)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(action__startswith=f"{self.value()}.") if self.value() else queryset


class ActorFilter(admin.SimpleListFilter):
    title, parameter_name = _("who"), "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(id), name) for id, name in list_member_names(account_of(request).id)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Only those who are offered: what else stands in the address counts as not said."""
        offered = {value for value, _name in self.lookup_choices}
        given = self.value()
        return queryset.filter(actor_id=int(given)) if given in offered else queryset


class SourceFilter(admin.SimpleListFilter):
    title, parameter_name = _("from where"), "source"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(AuditEntry.Source.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        return queryset.filter(source=self.value()) if self.value() else queryset


@register(AuditEntry)
class AuditEntryAdmin(ScopedAdmin):
    operation = Operation.READ_AUDIT
    list_display = ("at", "actor_name", "action", "target", "source")
    list_filter = ("at", ThingFilter, ActorFilter, SourceFilter)
    fields = ("at", "actor_name", "action", "target", "source", "changes")
    search_fields = ("actor_name", "action", "target")
    ordering = ("-id",)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Days are a range."""
        return lookup in ("at__gte", "at__lt") or super().lookup_allowed(lookup, value, request)

    @admin.display(description=_("Changes"))
    def changes(self, entry: AuditEntry) -> SafeString:
        old, new = (each if isinstance(each, dict) else {"": each} for each in (entry.old or {}, entry.new or {}))
        rows = [(name, _show(old.get(name)), _show(new.get(name))) for name in {**old, **new}]
        return render_table((_("What"), _("Before"), _("After")), rows)


def _show(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
