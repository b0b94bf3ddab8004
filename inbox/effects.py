"""What happens to messages after they came: edits, deletions, reactions, receipts, fetched files. Those that come first
wait for theirs.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from channels_ingest.events import (
    DeliveredUpTo,
    DeliveryState,
    DeliveryUpdated,
    Event,
    MediaChanged,
    MessageDeleted,
    MessageEdited,
    ReactionChanged,
)
from channels_ingest.sink import Received
from identity.normalise import normalise
from inbox.models.message import Direction
from inbox.statuses import highest_status
from oneview.common.ids import floor_id
from oneview.common.text import tokenise

PARK = """
INSERT INTO inbox_pendingeffect (account_id, id, channel_id, external_id, kind, event, at)
SELECT %s, id, channel, external_id, kind, event::jsonb, %s
FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[]) AS new(id, channel, external_id, kind, event)
ON CONFLICT DO NOTHING
"""

TAKE_PARKED = """
DELETE FROM inbox_pendingeffect parked USING unnest(%b::uuid[], %b::text[]) AS come(channel, external_id)
WHERE parked.account_id = %s AND (parked.channel_id, parked.external_id) = (come.channel, come.external_id)
RETURNING parked.channel_id, parked.external_id, parked.kind, parked.event
"""

READ_TARGETS = """
SELECT
  m.id, t.conversation_id, t.channel_id, m.direction, m.text, m.external_id, m.sent_at, m.status, m.status_reason,
  m.receipts, m.reactions, m.revisions, m.edited_at, m.deleted_at, m.redacted_at IS NOT NULL
FROM inbox_message m JOIN inbox_thread t ON (t.account_id, t.id) = (m.account_id, m.thread_id)
WHERE m.account_id = %s AND m.id = ANY(%b::uuid[]) ORDER BY m.id FOR NO KEY UPDATE OF m
"""

# Those that may not be known to be sent yet are under way: the watermark came before the answer.
FIND_UP_TO = """
SELECT up.number, m.id FROM unnest(
  %b::uuid[], %b::text[], %b::text[], %b::text[], %b::uuid[], %b::bool[], %b::bool[]
) WITH ORDINALITY AS up(channel, kind, scope, value, until, delivered, fetched, number)
JOIN identity_identity i ON i.account_id = %s AND (i.kind, i.scope, i.value) = (up.kind, up.scope, up.value)
JOIN inbox_thread t ON (t.account_id, t.channel_id, t.identity_id) = (i.account_id, up.channel, i.id)
JOIN LATERAL (
  SELECT o.id FROM inbox_message o
  WHERE o.account_id = t.account_id AND o.thread_id = t.id AND o.id < up.until AND o.direction = 'outbound'
    AND NOT o.private AND (o.status IN ('sending', 'sent', 'unknown')
      OR o.status = 'delivered' AND NOT up.delivered OR o.status = 'queued' AND up.fetched)
  ORDER BY o.id DESC LIMIT 200
) m ON true
"""

STORE_TARGETS = """
UPDATE inbox_message m SET
  text = now.text, external_id = now.external_id, status = now.status, status_reason = now.status_reason,
  receipts = now.receipts::jsonb, reactions = now.reactions::jsonb, revisions = now.revisions::jsonb,
  edited_at = now.edited_at, deleted_at = now.deleted_at,
  search = array_to_tsvector(string_to_array(now.tokens, ' '))
FROM unnest(
  %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
  %b::timestamptz[], %b::timestamptz[], %b::text[]
) AS now(
  id, text, external_id, status, status_reason, receipts, reactions, revisions, edited_at, deleted_at, tokens)
WHERE m.account_id = %s AND m.id = now.id AND m.id = ANY(%b::uuid[])
"""


@dataclass(frozen=True, slots=True)
class Effect:
    """An event as it is kept: `kind` and a JSON document, the same whether it is applied at once or waits for its
    message.

    `message`: our own id where the event names it.
    """

    channel: UUID
    external_id: str
    kind: str
    document: dict[str, Any]
    at: datetime
    message: UUID | None = None


def read_effect(event: Event, *, channel: UUID, sender: UUID | None) -> Effect | None:
    """The effect of an event, None for events that have none. `sender`: the identity of who reacted."""
    match event:
        case MessageEdited(external_id=external, content=content, at=at):
            return Effect(channel, external, "edit", {"text": content.text, "at": at.isoformat()}, at)
        case MessageDeleted(external_id=external, at=at):
            return Effect(channel, external, "delete", {"at": at.isoformat()}, at)
        case ReactionChanged(external_id=external, sender=who, emoji=emoji, at=at):
            document = {"sender": str(sender), "name": who.name or "", "emoji": emoji, "at": at.isoformat()}
            return Effect(channel, external, "reaction", document, at)
        case DeliveryUpdated(external_id=external, state=state, reason=reason, message_id=message, at=at):
            document = {"state": state.value, "reason": reason, "at": at.isoformat()}
            return Effect(channel, external, "receipt", document, at, _read_uuid(message))
        case MediaChanged(message_id=message, at=at):
            return Effect(channel, "", "media", {}, at, _read_uuid(message))
    return None


def find_up_to(account_id: int, batch: Iterable[Received]) -> list[Effect]:
    """The receipts that watermarks come to: one for each message of ours that is not known to be that far."""
    marks = [(received, received.event) for received in batch if isinstance(received.event, DeliveredUpTo)]
    if not marks:
        return []
    values = [
        normalise(received.channel.identity_kind, event.sender.value) or event.sender.value for received, event in marks
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            FIND_UP_TO,
            [
                [received.channel.id for received, _ in marks],
                [received.channel.identity_kind for received, _ in marks],
                [received.channel.identity_scope for received, _ in marks],
                values,
                [floor_id(event.until + timedelta(milliseconds=1)) for _, event in marks],
                [event.state == DeliveryState.DELIVERED for _, event in marks],
                [event.fetched for _, event in marks],
                account_id,
            ],
        )
        found = cursor.fetchall()
    return [_reach(*marks[number - 1], message=message) for number, message in found]


def _reach(received: Received, event: DeliveredUpTo, *, message: UUID) -> Effect:
    document = {"state": event.state.value, "reason": "", "at": event.at.isoformat()}
    return Effect(received.channel.id, "", "receipt", document, event.at, message)


def _read_uuid(value: str | None) -> UUID | None:
    try:
        return UUID(value) if value else None
    except ValueError:
        return None


@dataclass(slots=True)
class _Target:
    """The parts of a message that effects change."""

    id: UUID
    conversation: UUID
    channel: UUID
    direction: str
    text: str
    external_id: str
    sent_at: datetime
    status: str
    status_reason: str
    receipts: dict[str, str]
    reactions: list[dict[str, str]]
    revisions: list[dict[str, str]]
    edited_at: datetime | None
    deleted_at: datetime | None
    redacted: bool
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Touched:
    """A message that changed."""

    conversation: UUID
    message: UUID


def park_effects(account_id: int, effects: Iterable[Effect], *, now: datetime) -> None:
    """Keeps effects whose message has not come; the same one twice is kept once."""
    parked = {_effect_id(effect): effect for effect in effects}
    if not parked:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            PARK,
            [
                account_id,
                now,
                list(parked),
                [effect.channel for effect in parked.values()],
                [effect.external_id for effect in parked.values()],
                [effect.kind for effect in parked.values()],
                [json.dumps(effect.document) for effect in parked.values()],
            ],
        )


def _effect_id(effect: Effect) -> UUID:
    text = json.dumps([str(effect.channel), effect.external_id, effect.kind, effect.document], sort_keys=True)
    return UUID(bytes=hashlib.sha256(text.encode()).digest()[:16])


def take_parked(account_id: int, keys: Sequence[tuple[UUID, str, UUID]]) -> list[Effect]:
    """The effects that waited for these (channel, external id, message), removed from where they waited."""
    message_of = {(channel, external): message for channel, external, message in keys}
    with connection.cursor() as cursor:
        cursor.execute(
            TAKE_PARKED,
            [[channel for channel, _ in message_of], [external for _, external in message_of], account_id],
        )
        rows = cursor.fetchall()
    return [
        Effect(channel, external, kind, document, datetime.fromisoformat(document["at"]), message_of[channel, external])
        for channel, external, kind, event in rows
        for document in [json.loads(event)]
    ]


def apply_effects(account_id: int, effects: Sequence[Effect]) -> tuple[list[Touched], list[tuple[UUID, str, UUID]]]:
    """Applies effects to messages they name by id; one of a message that is not there (expired) is dropped.

    Returns the messages that changed, and the new keys (channel, external id, message) that answers of providers
    brought. The outcome does not depend on order: the newest edit is the text, the earliest deletion counts, each
    sender's newest reaction stands, statuses only rise.
    """
    by_message: defaultdict[UUID, list[Effect]] = defaultdict(list)
    for effect in effects:
        if effect.message is not None:
            by_message[effect.message].append(effect)
    targets = _read_targets(account_id, list(by_message))
    keys: list[tuple[UUID, str, UUID]] = []
    for target in targets:
        for effect in by_message[target.id]:
            _APPLY[effect.kind](target, effect)
            if effect.kind == "receipt" and effect.external_id and effect.external_id != target.external_id:
                keys.append((target.channel, effect.external_id, target.id))
                target.external_id = effect.external_id
                target.changed = True
    changed = [target for target in targets if target.changed]
    _store_targets(account_id, changed)
    return [Touched(target.conversation, target.id) for target in changed], keys


def _edit(target: _Target, effect: Effect) -> None:
    """What a supervisor took out does not come back."""
    if target.redacted:
        return
    at, text = effect.at, effect.document["text"]
    current_at = target.edited_at or target.sent_at
    if (at, text) == (current_at, target.text) or {"text": text, "at": at.isoformat()} in target.revisions:
        return
    if target.edited_at is None or at > target.edited_at or (at == target.edited_at and text > target.text):
        target.revisions.append({"text": target.text, "at": current_at.isoformat()})
        target.text, target.edited_at = text, at
    else:
        target.revisions.append({"text": text, "at": at.isoformat()})
    target.revisions.sort(key=lambda revision: (revision["at"], revision["text"]))
    target.changed = True


def _delete(target: _Target, effect: Effect) -> None:
    if target.deleted_at is None or effect.at < target.deleted_at:
        target.deleted_at = effect.at
        target.changed = True


def _react(target: _Target, effect: Effect) -> None:
    """A reaction taken back stays as an empty one, so that an older one that comes late does not return."""
    mine = next((reaction for reaction in target.reactions if reaction["sender"] == effect.document["sender"]), None)
    if mine is None:
        target.reactions.append(dict(effect.document))
    elif (effect.document["at"], effect.document["emoji"]) > (mine["at"], mine["emoji"]):
        mine.update(effect.document)
    else:
        return
    target.changed = True


def _report(target: _Target, effect: Effect) -> None:
    if target.direction != Direction.OUTBOUND:
        return
    state, at = effect.document["state"], effect.document["at"]
    if target.receipts.get(state, "9999") <= at:
        return
    target.receipts[state] = at
    status = highest_status([target.status, *target.receipts])
    target.status_reason = effect.document["reason"] if status == state else target.status_reason
    target.status = status
    target.changed = True


def _show(target: _Target, effect: Effect) -> None:
    target.changed = True


_APPLY = {"edit": _edit, "delete": _delete, "reaction": _react, "receipt": _report, "media": _show}


def _read_targets(account_id: int, ids: Sequence[UUID]) -> list[_Target]:
    with connection.cursor() as cursor:
        cursor.execute(READ_TARGETS, [account_id, list(ids)])
        return [_read_target(list(row)) for row in cursor.fetchall()]


def _read_target(values: list[Any]) -> _Target:
    values[9:12] = map(json.loads, values[9:12])  # receipts, reactions, revisions
    return _Target(*values)


def _store_targets(account_id: int, targets: Sequence[_Target]) -> None:
    if not targets:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            STORE_TARGETS,
            [
                [target.id for target in targets],
                [target.text for target in targets],
                [target.external_id for target in targets],
                [target.status for target in targets],
                [target.status_reason[:500] for target in targets],
                [json.dumps(target.receipts) for target in targets],
                [json.dumps(target.reactions) for target in targets],
                [json.dumps(target.revisions) for target in targets],
                [target.edited_at for target in targets],
                [target.deleted_at for target in targets],
                [" ".join(tokenise(target.text)) for target in targets],
                account_id,
                [target.id for target in targets],
            ],
        )
