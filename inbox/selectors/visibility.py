"""What may be seen: the window of an account, from the database's clock. Every read of messages starts here."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from oneview.common.ids import floor_id


def oldest_visible(now: datetime, window: timedelta) -> UUID:
    """The least message id that is still inside the window."""
    return floor_id(now - window)
