"""Taking out what a message said, for good. Only supervisors may; nobody can undo it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from channels_ingest.erasure import erase_message
from inbox.folds import lock_conversations
from inbox.models import Message, MessageKey, PendingEffect, RefusedReply
from inbox.models.message import AuthorKind
from inbox.realtime import Change, append_changes
from inbox.selectors.messages import get_message
from inbox.shapes import Agent, MessageShape
from oneview.accounts.models import Account
from oneview.accounts.services import record_audit
from oneview.common.errors import NotPossible

BLANK: dict[str, Any] = {
    "text": "",
    "data": {},
    "revisions": [],
    "attachments": [],
    "labels": [],
    "fields": {},
    "status_reason": "",
    "search": None,
}


def redact_message(account: Account, message_id: UUID, *, actor: Agent, now: datetime) -> MessageShape:
    """Removes text, earlier texts, files, labels and fields of a message from every place that holds them. That there
    was one, from whom and when stays. Redacted again it stays as it is.

    Raises NotFound, and NotPossible for a line of the timeline and for a message that is still being sent.
    """
    found = Message.objects.filter(account=account, id=message_id).values_list("thread__conversation_id", flat=True)
    lock_conversations(account.id, found)
    # An edit that is being taken in is stored before this, or finds the message redacted.
    Message.objects.select_for_update(no_key=True).filter(account=account, id=message_id).first()
    current = get_message(account.id, message_id, now=now, window=account.window)
    if current.redacted_at:
        return current
    if current.author.kind == AuthorKind.SYSTEM:
        raise NotPossible(_("This line says what was done. It can't be redacted."))
    keys = MessageKey.objects.filter(account=account, message_id=message_id)
    names = {current.external_id, *keys.values_list("external_id", flat=True)}
    files = erase_message(
        account.id,
        message_id=message_id,
        channel_id=current.channel.id,
        external_ids=names,
        received_at=current.received_at,
    )
    PendingEffect.objects.filter(account=account, channel_id=current.channel.id, external_id__in=names).delete()
    Message.objects.filter(account=account, id=message_id).update(
        **BLANK, redacted_at=now, redacted_by=actor.name[:120]
    )
    RefusedReply.objects.filter(account=account, message_id=message_id).update(text="")
    record_audit(account.id, actor=actor, action="message.redact", target=str(message_id))
    quoting = Message.objects.filter(
        account=account, thread=current.thread, id__gt=message_id, reply_to__in=[*names, str(message_id)]
    )
    touched = [message_id, *quoting.values_list("id", flat=True)]
    updates = [Change("message.updated", current.conversation, id) for id in touched]
    append_changes(account.id, [*updates, Change("conversation.updated", current.conversation)], now=now)
    transaction.on_commit(partial(_remove_files, files), robust=True)
    return get_message(account.id, message_id, now=now, window=account.window)


def _remove_files(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
