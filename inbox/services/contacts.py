"""What agents decide about contacts: join two, keep two apart, undo a link, part an identity from the rest. All wait
for the account lock, since all write identities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from identity.grouping import Move
from identity.models import Decision, Evidence
from identity.rules import LINK
from identity.selectors import find_contact_id, list_evidence, list_members
from identity.services import decide, revoke_evidence
from inbox.folds import fold_conversations, lock_conversations
from inbox.moves import move_threads, tell_contacts
from inbox.realtime import Change, append_changes
from inbox.selectors.contacts import get_contact, kind_label
from inbox.shapes import Agent, ContactShape
from oneview.accounts.models import Account
from oneview.accounts.services import record_audit
from oneview.common.errors import FieldError, Invalid, NotFound, NotPossible
from oneview.common.scope import lock_account


def undo_link(account: Account, contact_id: UUID, *, actor: Agent, evidence: int, now: datetime) -> tuple[UUID, ...]:
    """Takes one link of a contact back and splits exactly; the contacts it is now. It stays undone when the pair is
    seen again.
    """
    lock_account(account.id)
    current = _current(account.id, contact_id)
    members = list_members(account.id, current)
    if not any(member.link and member.link.id == evidence for member in members):
        raise NotFound(_("This link does not exist."))
    moves = revoke_evidence(account.id, evidence, actor_id=actor.id, now=now)
    _record(account, "contact.undo_link", current, actor=actor, new={"evidence": evidence})
    apply_moves(account.id, moves, now=now)
    return _list_parts(account.id, [member.id for member in members])


def part_identity(
    account: Account, contact_id: UUID, *, actor: Agent, identity: UUID, now: datetime
) -> tuple[UUID, ...]:
    """Takes back every link that holds one identity in its contact; the contacts it is now. What only that identity
    held together comes apart too.

    Raises NotFound for an identity of another contact, NotPossible for the only one.
    """
    lock_account(account.id)
    current = _current(account.id, contact_id)
    members = [member.id for member in list_members(account.id, current)]
    if identity not in members:
        raise NotFound(_("This contact has no such identity."))
    if len(members) == 1:
        raise NotPossible(_("This is the contact's only identity."))
    moves: list[Move] = []
    while link := _find_link(account.id, identity):
        moves += revoke_evidence(account.id, link.id, actor_id=actor.id, now=now)
    _record(account, "contact.part_identity", current, actor=actor, new={"identity": str(identity)})
    apply_moves(account.id, _shorten(moves), now=now)
    return _list_parts(account.id, members)


def join_contacts(account: Account, contact_id: UUID, *, actor: Agent, other: UUID, now: datetime) -> ContactShape:
    """Makes two contacts one, by an agent's word. Undoing that link parts them again, exactly.

    Raises NotFound, Invalid for an `other` that is none, and NotPossible where a limit or a decision keeps them apart.
    """
    lock_account(account.id)
    current = _current(account.id, contact_id)
    second = find_contact_id(account.id, other)
    if second is None:
        raise Invalid(FieldError("with", "not_found", _("This contact does not exist.")))
    if second == current:
        return get_contact(account.id, current)
    with transaction.atomic():
        moves = decide(account.id, Decision.Op.LINK, a=current, b=second, actor_id=actor.id, now=now)
        if find_contact_id(account.id, current) != find_contact_id(account.id, second):
            raise NotPossible(_explain_refusal(account.id, current, second))
        _record(account, "contact.join", current, actor=actor, new={"with": str(second)})
        apply_moves(account.id, moves, now=now)
    return get_contact(account.id, current)


def keep_apart(account: Account, contact_id: UUID, *, actor: Agent, other: UUID, now: datetime) -> None:
    """Nobody is asked again whether these two are one person, and no evidence makes them one.

    Raises NotFound, Invalid for an `other` that is none or is the same contact.
    """
    lock_account(account.id)
    current = _current(account.id, contact_id)
    second = find_contact_id(account.id, other)
    if second is None or second == current:
        raise Invalid(FieldError("with", "not_found", _("This is no other contact.")))
    decide(account.id, Decision.Op.CANNOT_LINK, a=current, b=second, actor_id=actor.id, now=now)
    _record(account, "contact.keep_apart", current, actor=actor, new={"with": str(second)})
    append_changes(account.id, [Change("contact.updated", id) for id in sorted((current, second))], now=now)


def apply_moves(account_id: int, moves: Sequence[Move], *, now: datetime) -> None:
    """Lets threads and conversations follow what a decision moved."""
    contacts = {contact for move in moves for contact in (move.origin, move.target)}
    lock_conversations(account_id, contacts)
    moved = move_threads(account_id, moves)
    fold_conversations(account_id, moved.conversations)
    told = tell_contacts(moves)
    updates = [Change("contact.updated", contact) for contact in sorted(contacts)]
    folded = [Change("conversation.updated", conversation) for conversation in sorted(moved.conversations)]
    append_changes(account_id, [*moved.changes, *told, *updates, *folded], now=now)


def _record(
    account: Account,
    action: str,
    contact: UUID,
    *,
    actor: Agent,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
) -> None:
    record_audit(account.id, actor=actor, action=action, target=str(contact), old=old, new=new)


def _find_link(account_id: int, identity: UUID) -> Evidence | None:
    contact = _current(account_id, identity)
    links = (each for each in list_evidence(account_id, contact) if each.status == "linked")
    return next((link for link in links if identity in (link.a_id, link.b_id)), None)


def _shorten(moves: Sequence[Move]) -> tuple[Move, ...]:
    """Where each identity came from first, and where it is in the end."""
    origins: dict[UUID, UUID] = {}
    targets: dict[UUID, UUID] = {}
    for move in moves:
        origins.setdefault(move.identity, move.origin)
        targets[move.identity] = move.target
    return tuple(Move(id, origin, targets[id]) for id, origin in origins.items() if origin != targets[id])


def _list_parts(account_id: int, identities: Sequence[UUID]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(found for id in identities if (found := find_contact_id(account_id, id))))


def _explain_refusal(account_id: int, one: UUID, other: UUID) -> str:
    """Why an agent's link between two contacts does not hold."""
    link = Evidence.objects.filter(account=account_id, rule=LINK.name, a__in=[one, other], b__in=[one, other]).get()
    match link.status, link.violated.partition(":")[0]:
        case "blocked_value", _rule:
            return _("One of the two is an address that links nobody.")
        case _status, "size":
            return _("Together they would have too many addresses for one contact.")
        case _status, "kind":
            kind = kind_label(link.violated.partition(":")[2])
            return _("Together they would have too many of one kind for one contact: %(kind)s.") % {"kind": kind}
    return _("It was decided that these two are not the same person.")


def _current(account_id: int, contact_id: UUID) -> UUID:
    current = find_contact_id(account_id, contact_id)
    if current is None:
        raise NotFound(_("This contact does not exist."))
    return current
