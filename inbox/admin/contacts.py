"""The admin page of a contact, with what people wrote of it. It is written in the inbox."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity.admin import ContactAdmin
from identity.models import Contact
from identity.selectors import list_members, list_words
from inbox.rendering import group_facts
from inbox.selectors.attributes import read_attributes
from inbox.selectors.contacts import get_contact
from inbox.selectors.notes import list_notes
from oneview.accounts.admin_site import register, render_table


@register(Contact)
class DescribedContactAdmin(ContactAdmin):
    fields = ("name", "inbox", "is_blocked", "known", "tagged", "notes", "identities", "evidence", "changes")

    @admin.display(description=gettext_lazy("Attributes"))
    def known(self, contact: Contact) -> SafeString:
        words = list_words(contact.account_id, [contact.id])[contact.id]
        shape = get_contact(contact.account_id, contact.id)
        groups = group_facts(shape, read_attributes(contact.account_id), words)
        facts = ((group.title, fact) for group in groups for fact in group.facts if fact.value)
        return render_table(
            [_("Group"), _("Name"), _("Value"), _("Origin")],
            ((title, fact.attribute.label, fact.shown, fact.origin) for title, fact in facts),
        )

    @admin.display(description=gettext_lazy("Tags"))
    def tagged(self, contact: Contact) -> str:
        return ", ".join(get_contact(contact.account_id, contact.id).tags) or "-"

    @admin.display(description=gettext_lazy("Notes"))
    def notes(self, contact: Contact) -> SafeString:
        identities = [member.id for member in list_members(contact.account_id, contact.id)]
        return render_table(
            [_("When"), _("Who"), _("Note")],
            ((note.created_at, note.author_name, note.text) for note in list_notes(contact.account_id, identities)),
        )
