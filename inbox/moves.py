"""Threads follow their identity when it goes from one contact to another; messages stay where they were written. Only
where an address turns out to have changed hands, messages go to the thread of the holder who wrote them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from identity.grouping import Move, group_by_target
from identity.partings import Parting
from inbox.realtime import Change
from inbox.snapshots import ContextRequest, store_snapshots
from oneview.accounts.models import Account
from oneview.common.ids import floor_id, new_id, time_of

# What hangs on a thread and goes with it.
HANGING = ("inbox_handover", "inbox_mention", "inbox_refusedreply")


@dataclass(frozen=True, slots=True)
class Moved:
    """Conversations to fold again, and what to tell."""

    conversations: frozenset[UUID] = frozenset()
    changes: tuple[Change, ...] = ()


def move_threads(account_id: int, moves: Sequence[Move]) -> Moved:
    if not moves:
        return Moved()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE inbox_thread t SET conversation_id = v.target
            FROM unnest(%b::uuid[], %b::uuid[]) AS v (identity, target)
            WHERE t.account_id = %s AND t.identity_id = v.identity AND t.conversation_id <> v.target
            RETURNING v.identity
            """,
            [[move.identity for move in moves], [move.target for move in moves], account_id],
        )
        with_threads = {row[0] for row in cursor.fetchall()}
    return _tell([move for move in moves if move.identity in with_threads])


def part_threads(
    account: Account, partings: Sequence[Parting], *, contact_of: Mapping[UUID, UUID], now: datetime
) -> Moved:
    """Moves messages to the threads of the holders who wrote them; makes threads that are missing, removes threads that
    are left without a message. After `move_threads`.

    A message goes by the instant that its identity was chosen by, so it comes to the same when the boundary came first.
    """
    if not partings:
        return Moved()
    strays = _find_strays(account.id, partings)
    if not strays:
        return Moved()
    origins = {stray.thread for stray in strays}
    read = _read_pointers(account.id, origins)
    targets = _ensure_threads(account.id, strays, contact_of=contact_of)
    _move_messages(account, strays, targets=targets, contact_of=contact_of)
    pointers = [(thread, *read[thread]) for thread in origins if thread in read] + [
        (targets[stray.channel, stray.target], *read[stray.thread]) for stray in strays if stray.thread in read
    ]
    _recount(account, {*origins, *targets.values()}, pointers=set(pointers), now=now)
    _drop_empty(account.id, origins)
    return _tell([Move(stray.origin, stray.conversation, contact_of[stray.target]) for stray in strays])


def _tell(moves: Sequence[Move]) -> Moved:
    """`conversation.moved` says that messages of the one are in the other now; both are told anew."""
    changes = tuple(
        Change(
            "conversation.moved",
            target,
            detail={"from": [str(origin) for origin in sorted(origins)], "to": str(target)},
        )
        for target, origins in sorted(group_by_target(move for move in moves if move.origin != move.target).items())
    )
    return Moved(frozenset(contact for move in moves for contact in (move.origin, move.target)), changes)


def tell_contacts(moves: Sequence[Move]) -> list[Change]:
    """`contact.merged` says that contacts are one other now, `contact.split` that identities of one, which goes on, are
    in another.
    """
    targets = defaultdict[UUID, set[UUID]](set)
    for move in moves:
        if move.origin != move.target:
            targets[move.origin].add(move.target)
    named = {move.identity for move in moves}  # a contact whose name-giving identity left it is no more
    merged = {origin for origin, found in targets.items() if origin in named and len(found) == 1}
    joined = group_by_target(move for move in moves if move.origin in merged)
    return [
        *(
            Change("contact.merged", target, detail={"from": [str(id) for id in sorted(origins)], "to": str(target)})
            for target, origins in sorted(joined.items())
        ),
        *(
            Change("contact.split", origin, detail={"from": [str(origin)], "to": str(target)})
            for origin in sorted(targets.keys() - merged)
            for target in sorted(targets[origin])
        ),
    ]


class _Stray(NamedTuple):
    """A message in the thread of another holder of its address."""

    id: UUID
    thread: UUID
    conversation: UUID
    channel: UUID
    origin: UUID
    target: UUID


class _Pointer(NamedTuple):
    """How far a thread was read, and whether it was a message of ours that read it."""

    read_up_to: UUID
    by_reply: bool


def _find_strays(account_id: int, partings: Sequence[Parting]) -> list[_Stray]:
    """Locks the threads they are in."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT m.id, t.id, t.conversation_id, t.channel_id, v.origin, v.target
            FROM unnest(%b::uuid[], %b::uuid[], %b::timestamptz[], %b::timestamptz[])
              AS v (origin, target, since, until)
            JOIN inbox_thread t ON t.account_id = %s AND t.identity_id = v.origin
            JOIN inbox_message m ON (m.account_id, m.thread_id) = (t.account_id, t.id)
            WHERE least(m.sent_at, m.received_at) >= v.since
              AND (v.until IS NULL OR least(m.sent_at, m.received_at) < v.until)
            ORDER BY t.id, m.id FOR NO KEY UPDATE OF t
            """,
            [
                [parting.origin for parting in partings],
                [parting.target for parting in partings],
                [parting.since for parting in partings],
                [parting.until for parting in partings],
                account_id,
            ],
        )
        return [_Stray(*row) for row in cursor.fetchall()]


def _read_pointers(account_id: int, threads: Collection[UUID]) -> dict[UUID, _Pointer]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT t.id, t.read_up_to, coalesce(m.direction = 'outbound' AND NOT m.private, false) FROM inbox_thread t
            LEFT JOIN inbox_message m ON (m.account_id, m.id) = (t.account_id, t.read_up_to)
            WHERE t.account_id = %s AND t.id = ANY(%b::uuid[]) AND t.read_up_to IS NOT NULL
            """,
            [account_id, list(threads)],
        )
        return {id: _Pointer(read_up_to, by_reply) for id, read_up_to, by_reply in cursor.fetchall()}


def _ensure_threads(
    account_id: int, strays: Sequence[_Stray], *, contact_of: Mapping[UUID, UUID]
) -> dict[tuple[UUID, UUID], UUID]:
    """The thread of each (channel, identity). A new one takes over how far the work is, but no labels: they tell of the
    other user.
    """
    sources = {(stray.channel, stray.target): stray.thread for stray in strays}
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO inbox_thread (account_id, id, channel_id, identity_id, conversation_id, address, status,
              snoozed_until, assignee_id, team_id, turn, labels, unread, created_at)
            SELECT t.account_id, v.id, t.channel_id, v.identity, v.contact, t.address, t.status, t.snoozed_until,
              t.assignee_id, t.team_id, t.turn, '[]', 0, now()
            FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[]) AS v (id, source, identity, contact)
            JOIN inbox_thread t ON t.account_id = %s AND t.id = v.source
            ON CONFLICT (account_id, channel_id, identity_id) DO NOTHING
            """,
            [
                [new_id() for _ in sources],
                list(sources.values()),
                [target for _, target in sources],
                [contact_of[target] for _, target in sources],
                account_id,
            ],
        )
        cursor.execute(
            """
            SELECT channel_id, identity_id, id FROM inbox_thread
            WHERE account_id = %s AND identity_id = ANY(%b::uuid[]) ORDER BY id FOR NO KEY UPDATE
            """,
            [account_id, [target for _, target in sources]],
        )
        return {(channel, identity): id for channel, identity, id in cursor.fetchall()}


def _move_messages(
    account: Account,
    strays: Sequence[_Stray],
    *,
    targets: Mapping[tuple[UUID, UUID], UUID],
    contact_of: Mapping[UUID, UUID],
) -> None:
    """What was known of the user beside each message is taken down anew: it told of the other one. Deliveries that wait
    go along, and before the messages, as their own work locks them.
    """
    ids = [stray.id for stray in strays]
    threads = [targets[stray.channel, stray.target] for stray in strays]
    requests = [ContextRequest(contact_of[stray.target], stray.channel, time_of(stray.id)) for stray in strays]
    snapshots = store_snapshots(account, requests)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE channels_ingest_outboxmessage o SET thread_id = v.thread
            FROM unnest(%b::uuid[], %b::uuid[]) AS v (message, thread)
            WHERE o.account_id = %s AND o.message_id = v.message
            """,
            [ids, threads, account.id],
        )
        cursor.execute(
            """
            UPDATE inbox_message m SET thread_id = v.thread,
              snapshot_id = CASE WHEN m.snapshot_id IS NOT NULL THEN v.snapshot END,
              reactions = replace(m.reactions::text, v.origin::text, v.target::text)::jsonb
            FROM unnest(%b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[], %b::uuid[])
              AS v (message, thread, snapshot, origin, target)
            WHERE m.account_id = %s AND m.id = v.message AND m.id = ANY(%b::uuid[])
            """,
            [
                ids,
                threads,
                snapshots,
                [stray.origin for stray in strays],
                [stray.target for stray in strays],
                account.id,
                ids,
            ],
        )


def _recount(
    account: Account, threads: Collection[UUID], *, pointers: Collection[tuple[UUID, UUID, bool]], now: datetime
) -> None:
    """Newest messages, how far it was read and what is unread, from the messages themselves.

    `pointers` (thread, read up to, by a message of ours): what a message of ours read, in one thread, is read as far as
    messages of ours in each part say.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT t.id, newest.id, inbound.id, pointer.id FROM inbox_thread t
            LEFT JOIN LATERAL (SELECT m.id FROM inbox_message m WHERE (m.account_id, m.thread_id) = (t.account_id, t.id)
              AND m.author_kind <> 'system' ORDER BY m.id DESC LIMIT 1) newest ON true
            LEFT JOIN LATERAL (SELECT m.id FROM inbox_message m WHERE (m.account_id, m.thread_id) = (t.account_id, t.id)
              AND m.direction = 'inbound' ORDER BY m.id DESC LIMIT 1) inbound ON true
            LEFT JOIN LATERAL (SELECT m.id FROM unnest(%b::uuid[], %b::uuid[], %b::bool[]) AS p (thread, id, by_reply)
              JOIN inbox_message m ON (m.account_id, m.thread_id) = (t.account_id, t.id) AND m.id <= p.id
                AND (NOT p.by_reply OR m.direction = 'outbound' AND NOT m.private)
              WHERE p.thread = t.id ORDER BY m.id DESC LIMIT 1) pointer ON true
            WHERE t.account_id = %s AND t.id = ANY(%b::uuid[])
            """,
            [
                [thread for thread, _, _ in pointers],
                [read_up_to for _, read_up_to, _ in pointers],
                [by_reply for _, _, by_reply in pointers],
                account.id,
                list(threads),
            ],
        )
        rows = cursor.fetchall()
        cursor.execute(
            """
            UPDATE inbox_thread t SET last_message_id = v.newest, last_inbound_at = v.inbound_at,
              read_up_to = v.read_up_to,
              unread = (SELECT count(*) FROM inbox_message m WHERE (m.account_id, m.thread_id) = (t.account_id, t.id)
                AND m.direction = 'inbound' AND m.id >= %s AND (v.read_up_to IS NULL OR m.id > v.read_up_to))
            FROM unnest(%b::uuid[], %b::uuid[], %b::timestamptz[], %b::uuid[]) AS v (id, newest, inbound_at, read_up_to)
            WHERE t.account_id = %s AND t.id = v.id
            """,
            [
                floor_id(now - account.window),
                [thread for thread, _, _, _ in rows],
                [newest for _, newest, _, _ in rows],
                [time_of(inbound) if inbound else None for _, _, inbound, _ in rows],
                [read_up_to for _, _, _, read_up_to in rows],
                account.id,
            ],
        )


def _drop_empty(account_id: int, threads: Collection[UUID]) -> None:
    """With the lines in them: a thread that nobody has written in is none."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH gone AS (
              DELETE FROM inbox_thread t WHERE t.account_id = %s AND t.id = ANY(%b::uuid[]) AND NOT EXISTS
                (SELECT FROM inbox_message m WHERE (m.account_id, m.thread_id) = (t.account_id, t.id)
                  AND m.author_kind <> 'system')
              RETURNING id
            )
            DELETE FROM inbox_message m USING gone WHERE m.account_id = %s AND m.thread_id = gone.id
            """,
            [account_id, list(threads), account_id],
        )
        for table in HANGING:
            cursor.execute(
                f"DELETE FROM {table} h WHERE h.account_id = %s AND h.thread_id = ANY(%b::uuid[]) AND NOT EXISTS "
                "(SELECT FROM inbox_thread t WHERE (t.account_id, t.id) = (h.account_id, h.thread_id))",
                [account_id, list(threads)],
            )
