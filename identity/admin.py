"""Admin pages of who is who: read only. A link is undone where the conversations follow, in the inbox's admin."""

from __future__ import annotations

from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity import selectors
from identity.models import Change, Contact, Decision, Evidence, Identity
from oneview.accounts.admin_site import ScopedAdmin, link_inbox, register, render_table, tell_yes_no


class ContactAdmin(ScopedAdmin):
    """Registered by the inbox's admin, which adds what people wrote."""

    list_display = ("name", "is_blocked", "inbox")
    list_filter = ("blocked",)
    search_fields = ("name",)
    ordering = ("-id",)

    @admin.display(description=gettext_lazy("Blocked"), ordering="blocked")
    def is_blocked(self, contact: Contact) -> str:
        return tell_yes_no(contact.blocked)

    @admin.display(description=gettext_lazy("Conversation"))
    def inbox(self, contact: Contact) -> SafeString:
        return link_inbox(contact.id)

    @admin.display(description=gettext_lazy("Identities"))
    def identities(self, contact: Contact) -> SafeString:
        members = selectors.list_members(contact.account_id, contact.id)
        return render_table(
            [_("Kind"), _("Value"), _("First seen"), _("Linked by")],
            ((each.kind, each.raw_value, each.first_seen, each.link.rule if each.link else "") for each in members),
        )

    @admin.display(description=gettext_lazy("Evidence"))
    def evidence(self, contact: Contact) -> SafeString:
        rows = selectors.list_evidence(contact.account_id, contact.id)
        return render_table(
            [_("Rule"), _("Between"), _("And"), _("Verdict"), _("Why not"), _("First seen")],
            ((row.rule, row.a, row.b, row.status, row.violated, row.first_seen) for row in rows),
        )

    @admin.display(description=gettext_lazy("Changes"))
    def changes(self, contact: Contact) -> SafeString:
        rows = selectors.list_changes(contact.account_id, contact.id)
        return render_table(
            [_("When"), _("Identity"), _("From contact"), _("To contact"), _("Because")],
            ((row.at, row.identity, row.from_contact, row.to_contact, row.cause) for row in rows),
        )


@register(Identity)
class IdentityAdmin(ScopedAdmin):
    list_display = ("raw_value", "kind", "scope", "first_seen", "contact")
    list_filter = ("kind",)
    search_fields = ("raw_value", "value")
    ordering = ("-first_seen",)
    fields = ("raw_value", "kind", "scope", "value", "epoch", "first_seen", "contact")

    @admin.display(description=gettext_lazy("Contact"))
    def contact(self, identity: Identity) -> SafeString:
        return link_inbox(identity.contact_id)


class ContactFilter(admin.SimpleListFilter):
    """The evidence of one contact: `?contact=<id>`."""

    title = gettext_lazy("contact")
    parameter_name = "contact"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Evidence]) -> list[tuple[str, str]]:
        chosen = request.GET.get(self.parameter_name)
        return [(chosen, _("This contact"))] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Evidence]) -> QuerySet[Evidence]:
        try:
            chosen = UUID(self.value() or "")
        except ValueError:
            return queryset
        return queryset.filter(a__contact_id=chosen) | queryset.filter(b__contact_id=chosen)


class EvidenceAdmin(ScopedAdmin):
    """Registered by the inbox's admin, which adds the undoing."""

    list_display = ("rule", "a", "b", "status", "violated", "first_seen", "last_seen")
    list_filter = ("status", "rule", ContactFilter)
    list_select_related = ("a", "b")
    search_fields = ("a__raw_value", "b__raw_value")
    ordering = ("-id",)
    fields = ("rule", "a", "b", "status", "violated", "first_seen", "last_seen", "proof_shown")

    @admin.display(description=gettext_lazy("proof"))
    def proof_shown(self, evidence: Evidence) -> SafeString:
        return render_table([_("Name"), _("Value")], evidence.proof.items())


@register(Decision)
class DecisionAdmin(ScopedAdmin):
    list_display = ("at", "op", "a", "b", "actor", "reason")
    list_filter = ("op",)
    list_select_related = ("a", "b", "actor")
    ordering = ("-id",)
    fields = ("at", "op", "rule", "a", "b", "actor", "reason")


@register(Change)
class ChangeAdmin(ScopedAdmin):
    list_display = ("at", "identity", "from_contact", "to_contact", "cause")
    list_select_related = ("identity",)
    ordering = ("-id",)
    fields = ("at", "identity", "from_contact", "to_contact", "cause", "batch", "settings_version")
