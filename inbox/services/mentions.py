"""Writes of mentions: with the note that calls, and when who was called has looked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from inbox.calls import find_called
from inbox.folds import lock_conversations
from inbox.models import Mention, Message
from inbox.realtime import Change, append_changes
from inbox.selectors.channels import list_agents
from oneview.accounts.models import Account


def record_mentions(account_id: int, note: Message, *, chosen: Collection[int]) -> None:
    """For those that the note calls by name, but for who wrote it. `chosen` tells namesakes apart."""
    if "@" not in note.text:
        return
    people = {agent.id: agent.name for agent in list_agents(account_id) if agent.id != note.author_id}
    Mention.objects.bulk_create(
        Mention(account_id=account_id, user_id=user, thread_id=note.thread_id, message_id=note.id)
        for user in sorted(find_called(note.text, people, chosen=chosen))
    )


def see_mention(account: Account, conversation_id: UUID, *, user_id: int, message_id: UUID, now: datetime) -> None:
    """Notes that who was called had the note in view; again, or for somebody else, it changes nothing."""
    lock_conversations(account.id, [conversation_id])
    unseen = Mention.objects.filter(
        account=account,
        user=user_id,
        message_id=message_id,
        thread__account=account,
        thread__conversation_id=conversation_id,
        seen_at=None,
    )
    if unseen.update(seen_at=now):
        append_changes(account.id, [Change("conversation.updated", conversation_id)], now=now)
