"""Notes on contacts: kept on the identity the contact is named after, so they follow it through merges and splits."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from identity.rules import UNSTORABLE
from inbox.models import ContactNote
from inbox.realtime import Change, append_changes
from inbox.selectors.contacts import get_contact
from inbox.shapes import Agent, NoteShape
from oneview.accounts.models import Account
from oneview.accounts.permissions import Operation, may
from oneview.accounts.services import record_audit
from oneview.common.errors import FieldError, Forbidden, Invalid, NotFound

MOST_CHARACTERS = 10_000


def add_note(account: Account, contact_id: UUID, *, actor: Agent, text: str, now: datetime) -> NoteShape:
    """Raises NotFound, Invalid."""
    contact = get_contact(account.id, contact_id)
    cleaned = text.strip()
    if not cleaned or len(cleaned) > MOST_CHARACTERS or UNSTORABLE.search(cleaned):
        message = _("Write up to %(limit)s characters.") % {"limit": MOST_CHARACTERS}
        raise Invalid(FieldError("text", "invalid", message))
    note = ContactNote.objects.create(
        account=account,
        identity_id=contact.id,
        author_id=actor.id,
        author_name=actor.name[:120],
        text=cleaned,
        created_at=now,
    )
    record_audit(account.id, actor=actor, action="note.add", target=str(contact.id), new={"note": str(note.id)})
    append_changes(account.id, [Change("contact.updated", contact.id)], now=now)
    return NoteShape(note.id, actor.id, note.author_name, cleaned, now)


def remove_note(
    account: Account, contact_id: UUID, *, actor: Agent, role: str | None, note: UUID, now: datetime
) -> None:
    """A note is its author's, whoever has the conversation. Raises NotFound, and Forbidden for somebody else's."""
    contact = get_contact(account.id, contact_id)
    identities = [identity.id for identity in contact.identities]
    found = ContactNote.objects.filter(account=account, id=note, identity__in=identities).first()
    if found is None:
        raise NotFound(_("This note does not exist."))
    if not may(role, Operation.WRITE_CONTACT_NOTE, own=found.author_id == actor.id):
        raise Forbidden(_("Only who wrote a note, or a supervisor, may remove it."))
    found.delete()
    record_audit(account.id, actor=actor, action="note.remove", target=str(contact.id), new={"note": str(note)})
    append_changes(account.id, [Change("contact.updated", contact.id)], now=now)
