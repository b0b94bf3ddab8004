"""What agents do to contacts: correct details, undo a link. Both wait for the account lock, since both write
identities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from identity.grouping import Move
from identity.normalise import normalise
from identity.selectors import find_contact_id, get_contacts, list_members
from identity.services import describe, revoke_evidence
from inbox.folds import fold_conversations, lock_conversations
from inbox.moves import move_threads
from inbox.realtime import Change, append_changes
from inbox.selectors.contacts import get_contact
from inbox.shapes import Agent, ContactShape
from oneview.accounts.models import Account, AuditEntry
from oneview.common.errors import Conflict, FieldError, Invalid, NotFound
from oneview.common.scope import lock_account

NAMED = ("name", "phone", "email", "language")
MAX_LENGTH = 1000


def edit_contact(
    account: Account, contact_id: UUID, *, actor: Agent, version: int, changes: Mapping[str, str], now: datetime
) -> ContactShape:
    """Writes details of a contact of this account, and of no other. An empty value takes the agent's own word back.

    Raises NotFound, Invalid, and Conflict with the contact as it stands when somebody else edited it since `version`.
    """
    lock_account(account.id)
    current = _current(account.id, contact_id)
    contact = get_contacts(account.id, [current])[current]
    if contact.version != version:
        raise Conflict(
            _("Somebody else changed these details in the meantime."), current=get_contact(account.id, current)
        )
    cleaned = {name: _clean(account, name, value) for name, value in changes.items()}
    old = {name: contact.attributes.get(name, "") for name in cleaned}
    describe(account.id, current, cleaned, now=now)
    AuditEntry.objects.create(
        account=account,
        actor_id=actor.id,
        actor_name=actor.name,
        action="contact.edit",
        target=str(current),
        old=old,
        new=cleaned,
    )
    append_changes(account.id, [Change("contact.updated", current), Change("conversation.updated", current)], now=now)
    return get_contact(account.id, current)


def undo_link(account: Account, contact_id: UUID, *, actor: Agent, evidence: int, now: datetime) -> tuple[UUID, ...]:
    """Takes one link of a contact back and splits exactly; the contacts it is now. It stays undone when the pair is
    seen again.
    """
    lock_account(account.id)
    current = _current(account.id, contact_id)
    before = [member.id for member in list_members(account.id, current)]
    if not any(member.link and member.link.id == evidence for member in list_members(account.id, current)):
        raise NotFound(_("This link does not exist."))
    moves = revoke_evidence(account.id, evidence, actor_id=actor.id, now=now)
    AuditEntry.objects.create(
        account=account,
        actor_id=actor.id,
        actor_name=actor.name,
        action="contact.undo_link",
        target=str(current),
        new={"evidence": evidence},
    )
    apply_moves(account.id, moves, now=now)
    return tuple(dict.fromkeys(found for id in before if (found := find_contact_id(account.id, id))))


def apply_moves(account_id: int, moves: Sequence[Move], *, now: datetime) -> None:
    """Lets threads and conversations follow what a decision moved."""
    contacts = {contact for move in moves for contact in (move.origin, move.target)}
    lock_conversations(account_id, contacts)
    moved = move_threads(account_id, moves)
    fold_conversations(account_id, moved.conversations)
    updates = [Change("contact.updated", contact) for contact in sorted(contacts)]
    folded = [Change("conversation.updated", conversation) for conversation in sorted(moved.conversations)]
    append_changes(account_id, [*moved.changes, *updates, *folded], now=now)


def _current(account_id: int, contact_id: UUID) -> UUID:
    current = find_contact_id(account_id, contact_id)
    if current is None:
        raise NotFound(_("This contact does not exist."))
    return current


def _clean(account: Account, name: str, value: str) -> str:
    text = " ".join(value.split())
    if name not in NAMED:
        raise Invalid(FieldError(name, "unknown", _("There is no such detail.")))
    if "\x00" in value or len(text) > MAX_LENGTH:
        raise Invalid(FieldError(name, "invalid", _("This is too long or has characters that can't be stored.")))
    if name == "email" and text:
        try:
            validate_email(text)
        except ValidationError:
            raise Invalid(FieldError(name, "invalid", _("This is no e-mail address."))) from None
    if name == "phone" and text:
        number = normalise("phone", text, region=account.region or None)
        if number is None:
            raise Invalid(
                FieldError(name, "invalid", _("This is no phone number. Write it with its country: +34 600 111 222."))
            ) from None
        return number
    return text
