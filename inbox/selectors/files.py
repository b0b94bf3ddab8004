"""Files of messages, as long as the message may be seen."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from channels_ingest.models import MediaObject, MediaState
from inbox.models import Message
from inbox.selectors.visibility import oldest_visible
from oneview.common.errors import NotFound


def get_file(account_id: int, file_id: UUID, *, now: datetime, window: timedelta) -> MediaObject:
    """Raises NotFound, also for an upload that was not sent yet and for the file of a deleted message."""
    stored = MediaObject.objects.filter(account=account_id, id=file_id, state=MediaState.STORED).first()
    messages = Message.objects.filter(account=account_id, id__gte=oldest_visible(now, window), deleted_at=None)
    if stored is None or stored.message_id is None or not messages.filter(id=stored.message_id).exists():
        raise NotFound
    return stored
