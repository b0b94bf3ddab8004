"""Keeps the day partitions made: from the longest window back to eight days ahead."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta

from django.db import connection
from django.db.utils import OperationalError

AHEAD = 8
TRIES = 20
PAUSE = 0.1


def keep_days() -> int:
    """Makes the days that are missing, each in a transaction of its own (making one inside a unit of work can
    deadlock); how many it made.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(window_days), 30) FROM accounts_account")
        (window_days,) = cursor.fetchone()
    today = datetime.now(UTC).date()
    return sum(_ensure_day(today + timedelta(days=offset)) for offset in range(-window_days - 1, AHEAD + 1))


def _ensure_day(day: date) -> bool:
    for attempt in range(TRIES):
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT ensure_day(%s)", [day])
                return bool(cursor.fetchone()[0])
        except OperationalError as error:
            if "lock timeout" not in str(error) or attempt == TRIES - 1:
                raise
            time.sleep(PAUSE)
    return False
