"""Whose turn it is to answer. People take it from bots, which ends what these were about to say.

Runs in the caller's unit of work, under the lock of the conversations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from channels_ingest.services import withdraw_messages
from inbox.effects import Effect, apply_effects
from inbox.lines import Line, write_lines
from inbox.models import Message, RefusedReply
from inbox.realtime import Change
from inbox.shapes import Agent
from oneview.accounts.models import Account
from oneview.accounts.services import record_audit
from oneview.common.errors import Conflict

TURN_TAKEN = "turn_taken"
WITHDRAWN_REASON = "Somebody of the team took over before this was sent."

# What a bot has said and may still be held back, by conversation.
READ_WAITING = """
SELECT m.id, t.channel_id FROM inbox_thread t
JOIN channels_ingest_outboxmessage o ON (o.account_id, o.thread_id) = (t.account_id, t.id)
JOIN inbox_message m ON (m.account_id, m.id) = (o.account_id, o.message_id)
WHERE t.account_id = %s AND t.conversation_id = ANY(%b::uuid[]) AND o.state IN ('queued', 'sending')
  AND o.withdrawn = '' AND m.author_kind = 'bot'
"""

# Tells the conversations that were the bot's; a thread that was while others were not changes silently.
TAKE = """
WITH taken AS (
  UPDATE inbox_thread SET turn = 'human'
  WHERE account_id = %(account)s AND conversation_id = ANY(%(conversations)b::uuid[]) AND turn = 'bot'
)
SELECT id FROM inbox_conversation
WHERE account_id = %(account)s AND id = ANY(%(conversations)b::uuid[]) AND turn = 'bot'
"""

CLAIM = """
UPDATE inbox_handover h SET claimed_at = %s, claimed_by_id = %s
FROM inbox_thread t
WHERE h.account_id = %s AND h.claimed_at IS NULL AND (t.account_id, t.id) = (h.account_id, h.thread_id)
  AND t.conversation_id = ANY(%b::uuid[])
RETURNING t.conversation_id, h.id
"""


class TurnTaken(Conflict):
    """A bot may not answer now. The refusal is on record: whoever catches this must not roll it back."""

    def __init__(self) -> None:
        super().__init__(_("A person answers this conversation."), code=TURN_TAKEN)


def take_turns(
    account: Account, conversation_ids: Iterable[UUID], *, taker: Agent | None, now: datetime
) -> list[Change]:
    """Makes conversations the people's; nothing happens to those that are. No `taker`: somebody with the provider's own
    app. The caller folds them and appends the changes.
    """
    wanted = list(set(conversation_ids))
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"account": account.id, "conversations": wanted})
        taken = {row[0] for row in cursor.fetchall()}
    claimed = claim_handovers(account.id, wanted, taker=taker, now=now)
    withdrawn = _withdraw(account.id, wanted, now=now)
    taken |= {change.conversation for change in claimed if change.conversation}
    line = Line("taken_over", {"by": taker.name if taker else ""})
    written = write_lines(account, dict.fromkeys(sorted(taken), line), now=now) if taken else []
    for conversation in sorted(taken) if taker else ():
        record_audit(account.id, actor=taker, action="conversation.take_over", target=str(conversation))
    return [
        *withdrawn,
        *claimed,
        *(Change("message.created", conversation, id) for conversation, id in written),
        *(Change("conversation.taken_over", conversation) for conversation, _ in written),
    ]


def claim_handovers(
    account_id: int, conversation_ids: Sequence[UUID], *, taker: Agent | None, now: datetime
) -> list[Change]:
    """Ends the waiting of what bots handed over. A handover's id is that of its line in the timeline."""
    by = taker.id if taker and taker.id else None
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [now, by, account_id, list(conversation_ids)])
        return [Change("message.updated", conversation, id) for conversation, id in cursor.fetchall()]


def record_withdrawn(account_id: int, message_ids: Sequence[UUID], *, now: datetime) -> None:
    """Puts what bots were not let say on record."""
    messages = Message.objects.filter(account=account_id, id__in=message_ids)
    RefusedReply.objects.bulk_create(
        RefusedReply(
            account_id=account_id,
            thread_id=message.thread_id,
            bot=message.author_name[:120],
            client_id=message.client_id,
            message_id=message.id,
            text=message.text,
            code=TURN_TAKEN,
            at=now,
        )
        for message in messages
    )


def _withdraw(account_id: int, conversation_ids: Sequence[UUID], *, now: datetime) -> list[Change]:
    with connection.cursor() as cursor:
        cursor.execute(READ_WAITING, [account_id, list(conversation_ids)])
        channel_of: dict[UUID, UUID] = dict(cursor.fetchall())
    if not channel_of:
        return []
    failed = withdraw_messages(account_id, list(channel_of), code=TURN_TAKEN, reason=WITHDRAWN_REASON)
    if not failed:
        return []
    record_withdrawn(account_id, failed, now=now)
    document = {"state": "failed", "reason": WITHDRAWN_REASON, "at": now.isoformat()}
    receipts = [Effect(channel_of[id], "", "receipt", document, now, message=id) for id in failed]
    touched, _keys = apply_effects(account_id, receipts)
    return [Change("message.updated", touch.conversation, touch.message) for touch in touched]
