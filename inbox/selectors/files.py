"""Files of messages, as long as the message may be seen."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from uuid import UUID

from django.core import signing

from channels_ingest.models import MediaObject, MediaState
from inbox.models import Message
from inbox.reach import Reach
from inbox.selectors.reach import is_in_reach
from inbox.selectors.visibility import oldest_visible
from oneview.common.errors import NotFound

SALT = "file of a visitor"
SHOWN_HOURS = 24  # until the hour ends, so that a browser may keep what it has


def sign_file(account_id: int, file_id: UUID) -> str:
    """A word for an address that shows one file to whoever has it, for a day at most."""
    until = int(time.time() // 3600 + SHOWN_HOURS)
    return signing.dumps([account_id, str(file_id), until], salt=SALT)


def read_signed(word: str) -> tuple[int, UUID]:
    """Account and file. Raises NotFound for a word that is not ours or too old."""
    try:
        account_id, file_id, until = signing.loads(word, salt=SALT)
    except signing.BadSignature:
        raise NotFound from None
    if time.time() // 3600 >= until:
        raise NotFound
    return account_id, UUID(file_id)


def get_file(account_id: int, file_id: UUID, *, now: datetime, window: timedelta, reach: Reach) -> MediaObject:
    """Raises NotFound, also for an upload that was not sent yet, for the file of a deleted message and for what is out
    of reach.
    """
    stored = MediaObject.objects.filter(account=account_id, id=file_id, state=MediaState.STORED).first()
    messages = Message.objects.filter(account=account_id, id__gte=oldest_visible(now, window), deleted_at=None)
    if stored is None or stored.message_id is None:
        raise NotFound
    conversation = messages.filter(id=stored.message_id).values_list("thread__conversation_id", flat=True).first()
    if conversation is None or not is_in_reach(account_id, conversation, reach=reach, now=now, window=window):
        raise NotFound
    return stored
