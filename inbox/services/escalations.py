"""What waits too long for an answer: handovers that nobody takes, and users whose bot is silent. Due by state. Who is
blocked waits for nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection

from inbox.folds import fold_conversations, lock_conversations
from inbox.lines import Line, write_lines
from inbox.models import Handover, Mention, Message
from inbox.realtime import Change, append_changes
from inbox.selectors.visibility import oldest_visible
from inbox.services.turns import give_to_people
from oneview.accounts.models import Account, Membership, Role
from oneview.common.ids import floor_id

SILENT_REASON = "The bot did not answer in time."

WAITING = """
SELECT t.conversation_id, h.id FROM inbox_handover h
JOIN inbox_thread t ON (t.account_id, t.id) = (h.account_id, h.thread_id)
LEFT JOIN identity_contact k ON (k.account_id, k.id) = (t.account_id, t.conversation_id)
WHERE h.account_id = %s AND h.claimed_at IS NULL AND h.escalated_at IS NULL AND h.at <= %s
  AND NOT coalesce(k.blocked, false)
ORDER BY h.at LIMIT 500
"""

# The newest word that reached the other side is the user's, older than anybody's patience, and the turn is no newer.
SILENT = """
SELECT c.id FROM inbox_conversation c
LEFT JOIN identity_contact k ON (k.account_id, k.id) = (c.account_id, c.id)
CROSS JOIN LATERAL (
  SELECT m.id, m.direction, m.data ->> 'event' AS event
  FROM inbox_thread t JOIN inbox_message m ON (m.account_id, m.thread_id) = (t.account_id, t.id)
  WHERE t.account_id = c.account_id AND t.conversation_id = c.id AND m.id >= %(oldest)s
    AND (NOT m.private AND m.status <> 'failed' OR m.author_kind = 'system' AND m.data ->> 'event' = 'handed_back')
  ORDER BY m.id DESC LIMIT 1
) newest
WHERE c.account_id = %(account)s AND c.turn = 'bot' AND c.status = 'open' AND c.id = ANY(%(ids)b::uuid[])
  AND NOT coalesce(k.blocked, false)
  AND newest.id < %(since)s AND (newest.direction = 'inbound' OR newest.event = 'handed_back')
LIMIT 500
"""

# Conversations that may be silent, read before anything is locked. Nearly all are told by their threads alone: the
# newest message is the user's when its id carries the time of the last that came in. A note, or an answer that failed,
# may follow that message; these are looked at for a day.
UNANSWERED = """
SELECT t.conversation_id FROM inbox_thread t
WHERE t.account_id = %(account)s AND t.turn = 'bot' AND t.status = 'open'
  AND t.last_message_id >= %(oldest)s AND t.last_message_id < %(since)s
  AND ('x' || left(replace(t.last_message_id::text, '-', ''), 12))::bit(48)::bigint
    <= (date_part('epoch', t.last_inbound_at) * 1000)::bigint
UNION
SELECT t.conversation_id FROM inbox_thread t
JOIN inbox_message m ON (m.account_id, m.id) = (t.account_id, t.last_message_id)
WHERE t.account_id = %(account)s AND t.turn = 'bot' AND t.status = 'open' AND m.id >= %(lately)s
  AND (m.private OR m.status = 'failed')
"""

log = structlog.get_logger(__name__)


def escalate_handovers(account: Account, *, now: datetime) -> int:
    """Calls the supervisors to what has waited for longer than the account's patience; the number of conversations."""
    due = _list_waiting(account, now=now)
    if not due:
        return 0
    lock_conversations(account.id, due)
    due = _list_waiting(account, now=now)
    handovers = [id for waiting in due.values() for id in waiting]
    Handover.objects.filter(account=account, id__in=handovers).update(escalated_at=now)
    line = Line("escalated", {"minutes": str(account.handover_minutes)})
    written = write_lines(account, dict.fromkeys(sorted(due), line), now=now)
    _call_supervisors(account, [message for _, message in written])
    fold_conversations(account.id, due)
    changes = [Change("message.created", conversation, message) for conversation, message in written]
    changes += [Change("conversation.updated", conversation) for conversation in sorted(due)]
    append_changes(account.id, changes, now=now)
    log.info("handovers_escalated", account=account.id, handovers=[str(id) for id in handovers])
    return len(due)


def relieve_silent_bots(account: Account, *, now: datetime) -> int:
    """Gives people what a bot has not answered for longer than the account's patience; the number of conversations."""
    suspects = _list_silent(account, _list_unanswered(account, now=now), now=now)
    if not suspects:
        return 0
    lock_conversations(account.id, suspects)
    silent = sorted(_list_silent(account, suspects, now=now))
    line = Line("handed_over", {"by": "", "minutes": str(account.handover_minutes)})
    changes: list[Change] = []
    for conversation in silent:
        changes += give_to_people(account, conversation, line, bot="", reason=SILENT_REASON, summary="", now=now)
        changes.append(Change("conversation.updated", conversation))
    fold_conversations(account.id, silent)
    append_changes(account.id, changes, now=now)
    log.info("bots_silent", account=account.id, conversations=[str(id) for id in silent])
    return len(silent)


def _list_waiting(account: Account, *, now: datetime) -> dict[UUID, list[UUID]]:
    """Handovers to escalate, by conversation."""
    waiting: defaultdict[UUID, list[UUID]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [account.id, now - _patience(account)])
        for conversation, handover in cursor.fetchall():
            waiting[conversation].append(handover)
    return waiting


def _list_unanswered(account: Account, *, now: datetime) -> list[UUID]:
    with connection.cursor() as cursor:
        lately = floor_id(now - timedelta(days=1))
        cursor.execute(UNANSWERED, {**_silent_since(account, now=now), "lately": lately})
        return [row[0] for row in cursor.fetchall()]


def _list_silent(account: Account, conversation_ids: Collection[UUID], *, now: datetime) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(SILENT, {**_silent_since(account, now=now), "ids": list(conversation_ids)})
        return [row[0] for row in cursor.fetchall()]


def _silent_since(account: Account, *, now: datetime) -> dict[str, Any]:
    """`since`: whose newest message is younger has not waited long enough."""
    oldest = oldest_visible(now, account.window)
    return {"account": account.id, "oldest": oldest, "since": floor_id(now - _patience(account))}


def _patience(account: Account) -> timedelta:
    return timedelta(minutes=account.handover_minutes)


def _call_supervisors(account: Account, message_ids: list[UUID]) -> None:
    supervisors = Membership.objects.filter(account=account, role=Role.SUPERVISOR, is_active=True, user__is_active=True)
    users = list(supervisors.order_by("user").values_list("user_id", flat=True))
    Mention.objects.bulk_create(
        Mention(account=account, user_id=user, thread_id=message.thread_id, message_id=message.id)
        for message in Message.objects.filter(account=account, id__in=message_ids).order_by("id")
        for user in users
    )
