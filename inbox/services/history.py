"""Putting back what the history of a contact shows: an edit like any other, recorded as the undoing of its entry."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from inbox.selectors.contacts import get_contact
from inbox.selectors.history import find_change
from inbox.services.details import put_back
from inbox.services.labels import change_labels
from inbox.shapes import Agent
from oneview.accounts.models import Account
from oneview.common.errors import NotFound


def revert_change(
    account: Account, contact_id: UUID, *, actor: Agent, entry: UUID, field: str, before: str | None, now: datetime
) -> None:
    """Gives one field the value that it had before `entry`. `before`: what who asks for it sees now, None for who puts
    it back whatever stands.

    Raises NotFound, Invalid for a value that is none any more, and Conflict with the contact as it stands.
    """
    contact = get_contact(account.id, contact_id)
    found = find_change(account.id, contact, entry=entry, field=field)
    if found is None:
        raise NotFound(_("There is no such change."))
    old, new = found
    if field == "labels":
        add, remove = [label for label in old if label not in new], set(new) - set(old)
        change_labels(account, contact.id, actor=actor, add=add, remove=remove, reverts=entry, now=now)
    else:
        put_back(account, contact.id, actor=actor, field=field, old=old, new=new, entry=entry, before=before, now=now)
