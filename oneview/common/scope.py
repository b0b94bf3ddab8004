"""The one way into an account's data: a transaction, the database's wall, and the database's clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Protocol

from django.db import connection, transaction


class HasId(Protocol):
    id: int


@contextmanager
def scope(account: int | HasId) -> Iterator[datetime]:
    """Opens a unit of work inside one account and yields the database's `now()`.

    Row level security lets the statements inside see this account's rows alone; outside of any scope they raise. Nested
    scopes restore the outer account. Raises TypeError for anything that names no account.
    """
    account_id = account if isinstance(account, int) else account.id
    if not isinstance(account_id, int) or isinstance(account_id, bool):
        raise TypeError(f"scope() needs an account, not {account!r}")
    with transaction.atomic():
        nested = bool(connection.savepoint_ids)
        with connection.cursor() as cursor:
            outer = None
            if nested:
                cursor.execute("SELECT current_setting('app.account', true)")
                (outer,) = cursor.fetchone()
            cursor.execute("SELECT now() FROM set_config('app.account', %s, true)", [str(account_id)])
            (now,) = cursor.fetchone()
        try:
            yield now
        finally:
            if nested and not connection.needs_rollback:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT set_config('app.account', %s, true)", [outer or ""])


@contextmanager
def locked_scope(account: int | HasId) -> Iterator[datetime]:
    """A scope that holds the account lock: whatever writes identities runs inside one."""
    with scope(account) as now:
        lock_account(account if isinstance(account, int) else account.id)
        yield now


def lock_account(account_id: int) -> None:
    """Waits for the account lock; it is freed when the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [account_id])


@contextmanager
def try_locked_scope(account_id: int, *, idle: timedelta) -> Iterator[datetime | None]:
    """A locked scope, or None when somebody else holds the account lock. A process that stands still inside it for
    longer than `idle` gives its locks back.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(
            "SELECT now(), pg_try_advisory_xact_lock(%s) FROM set_config('app.account', %s, true) account, "
            "set_config('idle_in_transaction_session_timeout', %s, true) idle",
            [account_id, str(account_id), str(int(idle.total_seconds() * 1000))],
        )
        now, is_locked = cursor.fetchone()
        yield now if is_locked else None
