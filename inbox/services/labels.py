"""What people and bots stick on conversations and messages: labels, and on messages also named fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from inbox.folds import fold_conversations, lock_conversations
from inbox.models import Message, Thread
from inbox.realtime import Change, append_changes
from inbox.selectors.messages import get_messages
from inbox.shapes import MessageShape
from oneview.accounts.models import Account
from oneview.common.errors import FieldError, Invalid, NotFound

MOST_LABELS = 20
MOST_FIELDS = 50

Value = str | int | float | bool


def label_conversation(account: Account, conversation_id: UUID, labels: Sequence[str], *, now: datetime) -> None:
    """Replaces the labels of a conversation, on all its threads. Raises NotFound, Invalid."""
    wanted = _clean_labels(labels)
    lock_conversations(account.id, [conversation_id])
    threads = Thread.objects.filter(account=account, conversation_id=conversation_id)
    if not threads.update(labels=wanted):
        raise NotFound(_("This conversation does not exist."))
    fold_conversations(account.id, [conversation_id])
    append_changes(account.id, [Change("conversation.updated", conversation_id)], now=now)


def label_message(
    account: Account,
    message_id: UUID,
    *,
    labels: Sequence[str] | None = None,
    fields: Mapping[str, Value | None] | None = None,
    now: datetime,
) -> MessageShape:
    """Replaces the labels of a message, and sets the named fields: what is not named stays, None takes a field away.

    None for both changes nothing. Raises NotFound, Invalid.
    """
    conversation = _read(account, message_id, now=now).conversation
    lock_conversations(account.id, [conversation])
    current = _read(account, message_id, now=now)
    changes: dict[str, Any] = {}
    if labels is not None:
        changes["labels"] = _clean_labels(labels)
    if fields is not None:
        changes["fields"] = _merge_fields(current.fields, fields)
    if changes:
        Message.objects.filter(account=account, id=message_id).update(**changes)
        append_changes(account.id, [Change("message.updated", current.conversation, message_id)], now=now)
    return _read(account, message_id, now=now)


def _read(account: Account, message_id: UUID, *, now: datetime) -> MessageShape:
    found = get_messages(account.id, [message_id], now=now, window=account.window)
    if not found:
        raise NotFound(_("This message does not exist or can't be seen any more."))
    return found[0]


def _clean_labels(labels: Sequence[str]) -> list[str]:
    """Each once, in the order given."""
    cleaned = list(dict.fromkeys(" ".join(label.split()) for label in labels))
    if len(cleaned) > MOST_LABELS:
        message = _("There is room for %(limit)s labels.") % {"limit": MOST_LABELS}
        raise Invalid(FieldError("labels", "too_many", message))
    return cleaned


def _merge_fields(current: Mapping[str, Any], given: Mapping[str, Value | None]) -> dict[str, Value]:
    merged = {name: value for name, value in {**current, **given}.items() if value is not None}
    if len(merged) > MOST_FIELDS:
        message = _("There is room for %(limit)s fields.") % {"limit": MOST_FIELDS}
        raise Invalid(FieldError("fields", "too_many", message))
    return merged
