"""New messages from channels, a batch at a time: threads, ids, keys, rows. Runs after identities are known and
conversations are locked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from channels_ingest.events import MessageEchoed, MessageReceived
from channels_ingest.sink import Received
from inbox.models.message import AuthorKind, Direction, make_message_id, sequence_of
from inbox.models.thread import Status
from oneview.common.ids import floor_id, new_id, time_of
from oneview.common.text import tokenise

# A message with a higher number that stands before its predecessor came in before the provider's clock was over.
MOST_SKEW = timedelta(minutes=1)

READ_NEAR = """
SELECT m.thread_id, m.id FROM inbox_message m
JOIN unnest(%b::uuid[], %b::uuid[], %b::uuid[]) AS near(thread, low, high)
  ON m.thread_id = near.thread AND m.id >= near.low AND m.id < near.high
WHERE m.account_id = %s AND m.id >= %s
"""

FIND_KEYS = """
SELECT key.channel_id, key.external_id, key.message_id FROM inbox_messagekey key
JOIN unnest(%b::uuid[], %b::text[]) AS wanted(channel, external_id)
  ON (key.channel_id, key.external_id) = (wanted.channel, wanted.external_id)
WHERE key.account_id = %s
"""

INSERT_KEYS = """
INSERT INTO inbox_messagekey (account_id, channel_id, external_id, message_id)
SELECT %s, * FROM unnest(%b::uuid[], %b::text[], %b::uuid[])
ON CONFLICT DO NOTHING
"""

ANSWERS = """EXISTS (
  SELECT FROM accounts_bot b
  WHERE b.account_id = {0}.account_id AND b.is_active AND (b.channels IS NULL OR {0}.channel_id = ANY(b.channels))
)"""

READ_THREADS = """
SELECT
  t.channel_id, t.identity_id, t.id, t.conversation_id, t.last_message_id, t.last_inbound_at, t.read_up_to,
  coalesce(k.blocked, false)
FROM inbox_thread t JOIN unnest(%b::uuid[], %b::uuid[]) AS wanted(channel, identity)
  ON (t.channel_id, t.identity_id) = (wanted.channel, wanted.identity)
LEFT JOIN identity_contact k ON (k.account_id, k.id) = (t.account_id, t.conversation_id)
WHERE t.account_id = %s ORDER BY t.id FOR NO KEY UPDATE OF t
"""

INSERT_THREADS = f"""
INSERT INTO inbox_thread (
  account_id, id, channel_id, identity_id, conversation_id, address, status, assignee_id, team_id, turn, labels, unread,
  created_at)
SELECT
  new.account_id, new.id, new.channel_id, new.identity, new.contact, '{{}}',
  CASE WHEN k.blocked THEN 'resolved' ELSE 'open' END, joined.assignee_id,
  coalesce(joined.team_id, (
    SELECT team.id FROM accounts_team team
    WHERE team.account_id = new.account_id AND new.channel_id = ANY(team.channels) ORDER BY team.name LIMIT 1)),
  coalesce(joined.turn, CASE WHEN {ANSWERS.format("new")} THEN 'bot' ELSE 'human' END),
  coalesce(joined.labels, '[]'), 0, now()
FROM (
  SELECT %s::bigint, * FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[])
) AS new(account_id, id, channel_id, identity, contact)
LEFT JOIN inbox_conversation joined
  ON joined.account_id = new.account_id AND joined.id = new.contact AND joined.status <> %s
LEFT JOIN identity_contact k ON k.account_id = new.account_id AND k.id = new.contact
"""

INSERT_MESSAGES = """
INSERT INTO inbox_message (
  account_id, id, thread_id, snapshot_id, direction, author_kind, author_name, type, text, data, reply_to, forwarded,
  external_id, sent_at, received_at, status, search,
  client_id, status_reason, attachments, receipts, reactions, revisions, private, labels, fields)
SELECT
  %s, id, thread, snapshot, direction, author_kind, author_name, type, text, data::jsonb, reply_to, forwarded,
  external_id, sent_at, received_at, status, array_to_tsvector(string_to_array(tokens, ' ')),
  '', '', '[]', '{}', '[]', '[]', false, '[]', '{}'
FROM unnest(
  %b::uuid[], %b::uuid[], %b::uuid[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[], %b::text[],
  %b::text[], %b::bool[], %b::text[], %b::timestamptz[], %b::timestamptz[], %b::text[], %b::text[]
) AS new(
  snapshot, id, thread, direction, author_kind, author_name, type, text, data,
  reply_to, forwarded, external_id, sent_at, received_at, status, tokens)
"""

ADVANCE_THREADS = f"""
UPDATE inbox_thread t SET
  last_message_id = now.last_message, last_inbound_at = now.last_inbound_at, read_up_to = now.read_up_to,
  unread = t.unread + now.fresh,
  address = CASE WHEN now.address <> '' THEN now.address::jsonb ELSE t.address END,
  turn = CASE WHEN now.opens AND t.status = 'resolved' AND {ANSWERS.format("t")} THEN 'bot' ELSE t.turn END,
  told_closed_at = CASE WHEN now.read_up_to IS NOT DISTINCT FROM t.read_up_to THEN t.told_closed_at END,
  status = CASE WHEN now.opens THEN 'open' ELSE t.status END,
  snoozed_until = CASE WHEN now.opens THEN NULL ELSE t.snoozed_until END
FROM unnest(%b::uuid[], %b::uuid[], %b::timestamptz[], %b::uuid[], %b::int[], %b::text[], %b::bool[])
  AS now(id, last_message, last_inbound_at, read_up_to, fresh, address, opens)
WHERE t.account_id = %s AND t.id = now.id
"""

COUNT_UNREAD = """
UPDATE inbox_thread t SET unread = (
  SELECT count(*) FROM inbox_message m
  WHERE m.account_id = t.account_id AND m.thread_id = t.id AND m.direction = 'inbound' AND m.id > t.read_up_to
    AND m.id >= %s)
WHERE t.account_id = %s AND t.id = ANY(%b::uuid[])
"""


Arrived = MessageReceived | MessageEchoed


@dataclass(frozen=True, slots=True)
class Thread:
    """What arrivals need to know of a thread."""

    id: UUID
    conversation: UUID
    last_message: UUID | None
    last_inbound_at: datetime | None
    read_up_to: UUID | None
    is_blocked: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """A new message: its event, where it belongs, and its id."""

    received: Received
    event: Arrived
    thread: Thread
    id: UUID

    @property
    def inbound(self) -> bool:
        return isinstance(self.event, MessageReceived)


def find_known_keys(account_id: int, keys: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], UUID]:
    """The message id of each (channel, external id) that has been seen."""
    with connection.cursor() as cursor:
        cursor.execute(
            FIND_KEYS,
            [[channel for channel, _ in keys], [external for _, external in keys], account_id],
        )
        return {(channel, external): message for channel, external, message in cursor.fetchall()}


def order_time(at: datetime, *, received_at: datetime, resolution: timedelta) -> datetime:
    """Where a message stands in time: when it came in, or when the provider's clock says it was over, whichever is
    less.

    A clock of whole seconds stamps a message with the beginning of its second; without its resolution an answer would
    stand before its question.
    """
    return min(received_at, at + resolution)


def store_arrivals(
    account_id: int,
    arriving: Sequence[tuple[Received, Arrived, UUID, datetime]],
    *,
    contact_of: Mapping[UUID, UUID],
    snapshot: Mapping[int, UUID],
    window: timedelta,
    now: datetime,
) -> list[Arrival]:
    """Stores messages that are known to be new: (received, event, identity, ordering time) each. Creates the threads
    they need.
    """
    threads = _ensure_threads(
        account_id, [(received.channel.id, identity) for received, _, identity, _ in arriving], contact_of=contact_of
    )
    placed = [
        (event.sequence, threads[received.channel.id, identity], time) for received, event, identity, time in arriving
    ]
    times = _follow_sequences(account_id, placed)
    numbers = _next_arrivals(len(arriving))
    arrivals = [
        Arrival(received, event, thread, make_message_id(time, sequence=sequence, arrival=number))
        for (received, event, _, _), (sequence, thread, _), time, number in zip(
            arriving, placed, times, numbers, strict=True
        )
    ]
    _insert_messages(account_id, arrivals, snapshots=[snapshot[position] for position in range(len(arrivals))])
    insert_keys(
        account_id, [(arrival.received.channel.id, arrival.event.external_id, arrival.id) for arrival in arrivals]
    )
    _advance_threads(account_id, arrivals, cutoff=floor_id(now - window))
    return arrivals


def _follow_sequences(account_id: int, placed: Sequence[tuple[int, Thread, datetime]]) -> list[datetime]:
    """Ordering times, of (provider's sequence or 0, thread, ordering time) each: none lies behind that of a message of
    its thread with a higher sequence, whichever came first.
    """
    numbered = [each for each in placed if each[0]]
    if not numbered:
        return [time for _, _, time in placed]
    known = _read_numbered(account_id, numbered)
    known += [(thread.id, sequence, time) for sequence, thread, time in numbered]
    least: dict[tuple[UUID, int], datetime] = {}
    bound: dict[UUID, datetime] = {}
    for thread_id, sequence, time in sorted(known, key=lambda each: each[1], reverse=True):
        bound[thread_id] = min(bound.get(thread_id, time), time)
        least[thread_id, sequence] = bound[thread_id]
    return [least[thread.id, sequence] if sequence else time for sequence, thread, time in placed]


def _read_numbered(
    account_id: int, numbered: Sequence[tuple[int, Thread, datetime]]
) -> list[tuple[UUID, int, datetime]]:
    """(thread, sequence, ordering time) of stored messages that stand a little before one of these."""
    spans: dict[UUID, tuple[datetime, datetime]] = {}
    for _, thread, time in numbered:
        low, high = spans.get(thread.id, (time, time))
        spans[thread.id] = min(low, time), max(high, time)
    lows = [floor_id(low - MOST_SKEW) for low, _ in spans.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            READ_NEAR, [list(spans), lows, [floor_id(high) for _, high in spans.values()], account_id, min(lows)]
        )
        return [(thread, sequence_of(id), time_of(id)) for thread, id in cursor.fetchall() if sequence_of(id)]


def insert_keys(account_id: int, keys: Sequence[tuple[UUID, str, UUID]]) -> None:
    """(channel, external id, message) each; one that exists stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT_KEYS,
            [account_id, [key[0] for key in keys], [key[1] for key in keys], [key[2] for key in keys]],
        )


def _next_arrivals(count: int) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('inbox_arrival') FROM generate_series(1, %s)", [count])
        return [row[0] for row in cursor.fetchall()]


def _ensure_threads(
    account_id: int, wanted: Sequence[tuple[UUID, UUID]], *, contact_of: Mapping[UUID, UUID]
) -> dict[tuple[UUID, UUID], Thread]:
    threads = _read_threads(account_id, wanted)
    missing = [pair for pair in dict.fromkeys(wanted) if pair not in threads]
    if missing:
        _insert_threads(account_id, missing, contact_of=contact_of)
        threads.update(_read_threads(account_id, missing))
    return threads


def _read_threads(account_id: int, pairs: Sequence[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Thread]:
    distinct = list(dict.fromkeys(pairs))
    with connection.cursor() as cursor:
        cursor.execute(
            READ_THREADS,
            [[channel for channel, _ in distinct], [identity for _, identity in distinct], account_id],
        )
        return {(row[0], row[1]): Thread(*row[2:]) for row in cursor.fetchall()}


def _insert_threads(account_id: int, pairs: Sequence[tuple[UUID, UUID]], *, contact_of: Mapping[UUID, UUID]) -> None:
    """A new thread of a contact whose conversation is not resolved takes over its assignee, team, turn and labels.
    Others are for a bot that answers on their channel, and for the team of their channel.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT_THREADS,
            [
                account_id,
                [new_id() for _ in pairs],
                [channel for channel, _ in pairs],
                [identity for _, identity in pairs],
                [contact_of[identity] for _, identity in pairs],
                Status.RESOLVED.value,
            ],
        )


def _insert_messages(account_id: int, arrivals: Sequence[Arrival], *, snapshots: Sequence[UUID]) -> None:
    rows = [_message_row(arrival) for arrival in arrivals]
    columns = [list(column) for column in zip(*rows, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT_MESSAGES,
            [account_id, list(snapshots), *columns],
        )


def _message_row(arrival: Arrival) -> tuple[object, ...]:
    event = arrival.event
    content = event.content
    inbound = arrival.inbound
    return (
        arrival.id,
        arrival.thread.id,
        (Direction.INBOUND if inbound else Direction.OUTBOUND).value,
        (AuthorKind.USER if inbound else AuthorKind.AGENT).value,
        (event.sender.name or "") if inbound else "",
        content.type.value,
        content.text,
        json.dumps(dict(content.data)),
        content.reply_to or "",
        content.forwarded,
        event.external_id,
        event.at,
        arrival.received.received_at,
        "" if inbound else "sent",
        " ".join(tokenise(content.text)),
    )


def _advance_threads(account_id: int, arrivals: Sequence[Arrival], *, cutoff: UUID) -> None:
    """Newest message, unread count, reply address, status and turn of every thread that got messages.

    A message of the user opens its thread again, for the bot where one answers; if they are blocked it is read as it
    comes. One that we sent from elsewhere reads what came before it.
    """
    by_thread: dict[UUID, list[Arrival]] = {}
    for arrival in arrivals:
        by_thread.setdefault(arrival.thread.id, []).append(arrival)
    states = [_advance(found[0].thread, found) for _, found in sorted(by_thread.items())]
    with connection.cursor() as cursor:
        cursor.execute(
            ADVANCE_THREADS,
            [
                [state.thread.id for state in states],
                [state.thread.last_message for state in states],
                [state.thread.last_inbound_at for state in states],
                [state.thread.read_up_to for state in states],
                [state.fresh for state in states],
                [state.address for state in states],
                [state.opens for state in states],
                account_id,
            ],
        )
        if counted := [state.thread.id for state in states if state.recount]:
            cursor.execute(COUNT_UNREAD, [cutoff, account_id, counted])


@dataclass(frozen=True, slots=True)
class _Advance:
    thread: Thread
    recount: bool
    fresh: int
    address: str
    opens: bool


def _advance(thread: Thread, arrivals: Sequence[Arrival]) -> _Advance:
    inbound = [arrival for arrival in arrivals if arrival.inbound]
    echoes = [arrival for arrival in arrivals if not arrival.inbound]
    newest_inbound = max(inbound, key=lambda arrival: arrival.id, default=None)
    last_inbound_at = thread.last_inbound_at
    address = ""
    if newest_inbound and (last_inbound_at is None or time_of(newest_inbound.id) >= last_inbound_at):
        last_inbound_at = time_of(newest_inbound.id)
        address = json.dumps(dict(newest_inbound.event.sender.address))
    elif echoes and thread.last_message is None:
        address = json.dumps(dict(echoes[0].event.sender.address))
    read_up_to = max((arrival.id for arrival in (arrivals if thread.is_blocked else echoes)), default=None)
    read_up_to = max((id for id in (read_up_to, thread.read_up_to) if id is not None), default=None)
    moved = replace(
        thread,
        last_message=max(id for id in (*(arrival.id for arrival in arrivals), thread.last_message) if id is not None),
        last_inbound_at=last_inbound_at,
        read_up_to=read_up_to,
    )
    unread = [arrival for arrival in inbound if read_up_to is None or arrival.id > read_up_to]
    return _Advance(
        moved, recount=bool(echoes) or thread.is_blocked, fresh=len(unread), address=address, opens=bool(unread)
    )
