"""Blocking contacts. What a blocked user writes is kept, but calls nobody: it opens nothing, counts nowhere and gets
no answer. A block is an agent's word about an identity, so it follows where contacts join and part.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F
from django.utils.translation import gettext as _

from identity.attributes import BLOCKED
from identity.selectors import find_contact_id
from identity.services import describe
from inbox.folds import fold_conversations, lock_conversations
from inbox.lines import Line, tell_line
from inbox.models import Thread
from inbox.models.thread import Status
from inbox.realtime import Change, append_changes
from inbox.selectors.contacts import get_contact
from inbox.selectors.conversations import is_blocked, read_labels
from inbox.shapes import Agent, ContactShape
from oneview.accounts.models import Account
from oneview.accounts.services import record_audit
from oneview.common.errors import NotFound
from oneview.common.scope import lock_account

SPAM = "spam"


def block_contact(
    account: Account, contact_id: UUID, *, actor: Agent, spam: bool = False, now: datetime
) -> ContactShape:
    """Blocks a contact; what is unread of them counts no more. `spam` also labels their conversation and resolves it.
    Raises NotFound.
    """
    current = _lock(account, contact_id)
    values: dict[str, Any] = {"unread": 0, "read_up_to": F("last_message_id")}
    if spam:
        labels = sorted({*read_labels(account.id, current), SPAM})
        values |= {"labels": labels, "status": Status.RESOLVED, "snoozed_until": None}
    elif is_blocked(account.id, current):
        return get_contact(account.id, current)
    describe(account.id, current, {BLOCKED: "yes"}, now=now)
    _conclude(account, current, values, event=SPAM if spam else "blocked", actor=actor, now=now)
    return get_contact(account.id, current)


def unblock_contact(account: Account, contact_id: UUID, *, actor: Agent, now: datetime) -> ContactShape:
    """Lifts a block, and takes the label that says spam off. What came meanwhile stays read. Raises NotFound."""
    current = _lock(account, contact_id)
    if not is_blocked(account.id, current):
        return get_contact(account.id, current)
    describe(account.id, current, {BLOCKED: ""}, now=now)
    labels = [label for label in read_labels(account.id, current) if label != SPAM]
    _conclude(account, current, {"labels": labels}, event="unblocked", actor=actor, now=now)
    return get_contact(account.id, current)


def _lock(account: Account, contact_id: UUID) -> UUID:
    """The contact as it is now, its account and conversation locked."""
    lock_account(account.id)
    current = find_contact_id(account.id, contact_id)
    if current is None:
        raise NotFound(_("This contact does not exist."))
    lock_conversations(account.id, [current])
    return current


def _conclude(
    account: Account, contact: UUID, values: dict[str, Any], *, event: str, actor: Agent, now: datetime
) -> None:
    """Writes every thread, tells the timeline, the record and whoever listens."""
    action = {"blocked": "contact.block", SPAM: "contact.mark_spam", "unblocked": "contact.unblock"}[event]
    Thread.objects.filter(account=account, conversation_id=contact).update(**values)
    told = tell_line(account, contact, Line(event, {"by": actor.name}), now=now)
    fold_conversations(account.id, [contact])
    record_audit(account.id, actor=actor, action=action, target=str(contact), new={"blocked": event != "unblocked"})
    updated = [Change("contact.updated", contact), Change("conversation.updated", contact)]
    append_changes(account.id, [*told, *updated], now=now)
