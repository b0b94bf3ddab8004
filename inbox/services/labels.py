"""What people and bots stick on conversations and messages: labels, and on messages also named fields."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from inbox.folds import fold_conversations, lock_conversations
from inbox.models import Message, Thread
from inbox.realtime import Change, append_changes
from inbox.selectors.conversations import read_labels
from inbox.selectors.messages import get_message
from inbox.shapes import Agent, MessageShape
from oneview.accounts.models import Account
from oneview.accounts.services import record_audit
from oneview.common.errors import FieldError, Invalid, NotFound, NotPossible

MOST_LABELS = 20
MOST_FIELDS = 50

Value = str | int | float | bool


def label_conversation(
    account: Account, conversation_id: UUID, labels: Sequence[str], *, actor: Agent, now: datetime
) -> None:
    """Replaces the labels of a conversation, on all its threads. Raises NotFound, Invalid."""
    lock_conversations(account.id, [conversation_id])
    _write_labels(account, conversation_id, labels, actor=actor, now=now)


def change_labels(
    account: Account,
    conversation_id: UUID,
    *,
    actor: Agent,
    add: Sequence[str] = (),
    remove: Collection[str] = (),
    reverts: UUID | None = None,
    now: datetime,
) -> None:
    """Sticks labels on a conversation and takes others off, whoever else does so. Raises NotFound, Invalid.

    `reverts`: the entry of the audit that this undoes.
    """
    lock_conversations(account.id, [conversation_id])
    stays = [label for label in read_labels(account.id, conversation_id) if label not in remove]
    _write_labels(account, conversation_id, [*stays, *add], actor=actor, reverts=reverts, now=now)


def label_message(
    account: Account,
    message_id: UUID,
    *,
    actor: Agent,
    labels: Sequence[str] | None = None,
    added: Sequence[str] = (),
    removed: Sequence[str] = (),
    fields: Mapping[str, Value | None] | None = None,
    now: datetime,
) -> MessageShape:
    """Replaces the labels of a message, or adds and removes some, and sets the named fields: what is not named stays,
    None takes a field away.

    Raises NotFound, Invalid, and NotPossible for a message whose content was taken out.
    """
    found = Message.objects.filter(account=account, id=message_id).values_list("thread__conversation_id", flat=True)
    lock_conversations(account.id, found)
    current = get_message(account.id, message_id, now=now, window=account.window)
    if current.redacted_at:
        raise NotPossible(_("This message was redacted. It takes no labels any more."))
    kept = current.labels if labels is None else labels
    changes: dict[str, Any] = {
        "labels": _clean_labels([label for label in (*kept, *added) if label not in removed]),
        "fields": _merge_fields(current.fields, fields or {}),
    }
    before: dict[str, Any] = {"labels": list(current.labels), "fields": dict(current.fields)}
    if changes == before:
        return current
    Message.objects.filter(account=account, id=message_id).update(**changes)
    _record(account, message_id, actor=actor, old=before, new=changes)
    append_changes(account.id, [Change("message.updated", current.conversation, message_id)], now=now)
    return get_message(account.id, message_id, now=now, window=account.window)


def _record(
    account: Account, message_id: UUID, *, actor: Agent, old: Mapping[str, Any], new: Mapping[str, Any]
) -> None:
    """Labels by word, fields by name: what is in a field may be what its message says."""
    before, after = ({"labels": document["labels"], "fields": sorted(document["fields"])} for document in (old, new))
    changed = sorted(
        name for name in old["fields"] | new["fields"] if old["fields"].get(name) != new["fields"].get(name)
    )
    record_audit(
        account.id,
        actor=actor,
        action="message.label",
        target=str(message_id),
        old=before,
        new={**after, "changed": changed},
    )


def _write_labels(
    account: Account,
    conversation_id: UUID,
    labels: Sequence[str],
    *,
    actor: Agent,
    reverts: UUID | None = None,
    now: datetime,
) -> None:
    wanted, old = _clean_labels(labels), read_labels(account.id, conversation_id)
    threads = Thread.objects.filter(account=account, conversation_id=conversation_id)
    if not threads.update(labels=wanted):
        raise NotFound(_("This conversation does not exist."))
    fold_conversations(account.id, [conversation_id])
    if set(wanted) != set(old):
        record_audit(
            account.id,
            actor=actor,
            action="conversation.label",
            target=str(conversation_id),
            old={"labels": old},
            new={"labels": wanted} | ({"reverts": str(reverts)} if reverts else {}),
        )
    append_changes(account.id, [Change("conversation.updated", conversation_id)], now=now)


def _clean_labels(labels: Sequence[str]) -> list[str]:
    """Each once, in the order given."""
    cleaned = list(dict.fromkeys(filter(None, (" ".join(label.split()) for label in labels))))
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
