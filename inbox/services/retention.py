"""The end of the window. Reads hide what has passed it (`selectors.visibility`); here it is removed, from every place
that `COPIES` lists.

A run first drops days that have left every account's window, then deletes what is left account by account, through the
parent by id range (never by ctid: it is unique inside one partition only). Safe to run twice, and at any time.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection
from django.db.utils import OperationalError

from identity.sights import thin_sights
from inbox.folds import fold_conversations
from oneview.accounts.models import Account
from oneview.common.ids import floor_id
from oneview.common.scope import scope

MAX_STEP = timedelta(days=2)
RAW_DAYS = timedelta(days=7)
LOG_HOURS = timedelta(hours=24)
DROP_TRIES = 200
DROP_PAUSE = 0.02

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Copy:
    """A table where the text of a message may stand, and the condition under which its rows go.

    Conditions name `cutoff_id` (the least visible message id), `cutoff` and `raw_cutoff` (instants). `name` is the
    count's name in a report.
    """

    table: str
    columns: tuple[str, ...]
    condition: str
    name: str


COPIES = (
    Copy("inbox_messagekey", ("external_id",), "message_id < %(cutoff_id)s", "keys"),
    Copy(
        "channels_ingest_deliveryattempt",
        ("outcome",),
        "outbox_id IN (SELECT id FROM channels_ingest_outboxmessage WHERE account_id = %(account)s AND message_id < "
        "%(cutoff_id)s)",
        "attempts",
    ),
    Copy("channels_ingest_outboxmessage", ("content", "reason"), "message_id < %(cutoff_id)s", "outbox"),
    Copy("channels_ingest_quarantinedevent", ("body", "headers", "error"), "received_at < %(cutoff)s", "quarantined"),
    Copy(
        "channels_ingest_inboundevent",
        ("body", "headers"),
        "state <> 0 AND (oldest_at < %(cutoff)s OR received_at < %(raw_cutoff)s)",
        "raw_events",
    ),
    Copy("channels_ingest_endedsession", ("session",), "ended_at < now() - interval '31 days'", "sessions"),
    Copy("inbox_mention", (), "message_id < %(cutoff_id)s", "mentions"),
    Copy("inbox_handover", ("reason", "summary"), "at < %(cutoff)s", "handovers"),
    Copy("inbox_refusedreply", ("text", "client_id"), "at < %(cutoff)s", "refused"),
    Copy("inbox_endpointattempt", (), "at < now() - interval '7 days'", "calls"),
    Copy("inbox_pendingeffect", ("event", "external_id"), "at < %(cutoff)s", "pending"),
    Copy("inbox_snapshot", ("document",), "id < %(day_id)s", "snapshots"),
    Copy(
        "inbox_message",
        (
            "text", "data", "attachments", "reactions", "revisions", "receipts", "search", "labels", "fields",
            "author_name", "status_reason", "reply_to", "external_id", "client_id",
        ),
        "id < %(cutoff_id)s",
        "messages",
    ),
)  # fmt: skip


def purge_expired(*, dry_run: bool = False) -> dict[str, int]:
    """Removes what has left the window, of every account; the number of things removed by kind. `dry_run` counts and
    removes nothing.
    """
    removed: Counter[str] = Counter({copy.name: 0 for copy in COPIES} | {"files": 0, "days": 0})
    cutoffs = {account.id: _cutoff(account) for account in Account.objects.order_by("id")}
    if not dry_run and cutoffs:
        days, counts = _drop_days(min(cutoffs.values()))
        removed["days"] += days
        removed.update(counts)
    for account_id, cutoff in cutoffs.items():
        removed.update(_purge_account(account_id, cutoff, dry_run=dry_run))
    log.info("retention.purged", dry_run=dry_run, **removed)
    return dict(removed)


def _cutoff(account: Account) -> datetime:
    """Where the window begins; a run goes at most two days beyond the one before, so that a clock gone mad does little
    harm.
    """
    with scope(account) as now:
        cutoff = now - account.window
    return min(cutoff, account.purged_to + MAX_STEP) if account.purged_to else cutoff


def _purge_account(account_id: int, cutoff: datetime, *, dry_run: bool) -> Counter[str]:
    removed: Counter[str] = Counter()
    with scope(account_id) as now:
        values = {
            "account": account_id,
            "cutoff": cutoff,
            "cutoff_id": floor_id(cutoff),
            "day_id": floor_id(cutoff.replace(hour=0, minute=0, second=0, microsecond=0)),
            "raw_cutoff": now - RAW_DAYS,
        }
        files = _purge_files(values, dry_run=dry_run)
        removed["files"] = len(files)
        for copy in COPIES:
            removed[copy.name] += _purge_copy(copy, values, dry_run=dry_run)
        if not dry_run:
            _trim_log(values, now - LOG_HOURS)
            _recount_unread(account_id, values)
            thin_sights(account_id, before=cutoff)
            Account.objects.filter(id=account_id).update(purged_to=cutoff)
    if not dry_run:
        for path in files:
            path.unlink(missing_ok=True)
        _sweep_folders(account_id, cutoff)
    return removed


def _purge_copy(copy: Copy, values: Mapping[str, Any], *, dry_run: bool) -> int:
    with connection.cursor() as cursor:
        if dry_run:
            cursor.execute(
                f"SELECT count(*) FROM {copy.table} WHERE account_id = %(account)s AND {copy.condition}", values
            )
            return int(cursor.fetchone()[0])
        cursor.execute(f"DELETE FROM {copy.table} WHERE account_id = %(account)s AND {copy.condition}", values)
        return int(cursor.rowcount)


def _purge_files(values: Mapping[str, Any], *, dry_run: bool) -> list[Path]:
    """Forgets the files of messages that go, and uploads that were never sent; their paths, to be removed after the
    commit.
    """
    condition = (
        "account_id = %(account)s AND (message_id < %(cutoff_id)s "
        "OR (message_id IS NULL AND id < message_floor(now() - interval '1 day')))"
    )
    verb = (
        "SELECT path FROM channels_ingest_mediaobject WHERE"
        if dry_run
        else "DELETE FROM channels_ingest_mediaobject WHERE"
    )
    with connection.cursor() as cursor:
        cursor.execute(f"{verb} {condition}" + ("" if dry_run else " RETURNING path"), values)
        return [Path(settings.MEDIA_ROOT, path) for (path,) in cursor.fetchall() if path]


def _sweep_folders(account_id: int, cutoff: datetime) -> None:
    """Removes day folders that have left the window, with whatever a killed run left in them."""
    for folder in Path(settings.MEDIA_ROOT, str(account_id)).glob("[0-9]" * 8):
        if datetime.strptime(folder.name, "%Y%m%d").replace(tzinfo=UTC) + timedelta(days=1) <= cutoff:
            shutil.rmtree(folder, ignore_errors=True)


def _trim_log(values: Mapping[str, Any], oldest: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM inbox_liveevent WHERE account_id = %(account)s AND seq <= "
            "(SELECT max(seq) FROM inbox_liveevent WHERE account_id = %(account)s AND at < %(oldest)s)",
            {**values, "oldest": oldest},
        )


def _recount_unread(account_id: int, values: Mapping[str, Any]) -> None:
    """Threads whose unread messages may have begun to leave the window."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE inbox_thread t SET unread = (SELECT count(*) FROM inbox_message m WHERE m.account_id = "
            "t.account_id "
            "AND m.thread_id = t.id AND m.direction = 'inbound' AND m.id > coalesce(t.read_up_to, %(cutoff_id)s) AND "
            "m.id >= %(cutoff_id)s) "
            "WHERE t.account_id = %(account)s AND t.unread > 0 AND coalesce(t.read_up_to, %(nothing)s) < %(cutoff_id)s "
            "RETURNING t.conversation_id",
            {**values, "nothing": UUID(int=0)},
        )
        fold_conversations(account_id, {row[0] for row in cursor.fetchall()})


def _drop_days(cutoff: datetime) -> tuple[int, Counter[str]]:
    """Drops the days that lie wholly before `cutoff`, which is the earliest of all accounts."""
    removed: Counter[str] = Counter()
    days = 0
    for day in _list_days():
        if datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1) > cutoff:
            continue
        messages = drop_day(day)
        if messages is not None:
            days += 1
            removed["messages"] += messages
    return days, removed


def drop_day(day: date) -> int | None:
    """Removes one day's partitions; the number of messages, None when the day is in use.

    Each try waits at most 50 ms for its lock, so that no insert waits behind it.
    """
    for _ in range(DROP_TRIES):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT drop_day(%s)", [day])
                (messages,) = cursor.fetchone()
            return messages if messages is None else int(messages)
        except OperationalError as error:
            if "lock timeout" not in str(error):
                raise
            time.sleep(DROP_PAUSE)
    return None


def _list_days() -> Iterator[date]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT substring(c.relname FROM '\\d{8}$') FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = 'inbox_message'::regclass ORDER BY 1"
        )
        rows = cursor.fetchall()
    for (name,) in rows:
        yield date.fromisoformat(f"{name[:4]}-{name[4:6]}-{name[6:]}")
