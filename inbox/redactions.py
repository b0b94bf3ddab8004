"""What comes in of a message after it was redacted: its words do not stay in the stored request either."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from channels_ingest.erasure import blank_requests, list_named
from channels_ingest.events import MessageEdited
from channels_ingest.sink import Received
from inbox.arrivals import Arrived, find_known_keys
from inbox.models import Message


def blank_redacted(account_id: int, batch: Sequence[Received], *, created: Collection[tuple[UUID, str]]) -> None:
    """Blanks the requests that edit, quote or repeat a redacted message. `created`: the channels and names of messages
    that are new; a batch that names no others costs no query.
    """
    sources: dict[tuple[UUID, str], set[UUID]] = {}
    for received in batch:
        if isinstance(received.event, Arrived | MessageEdited):
            for name in list_named(received.event):
                sources.setdefault((received.channel.id, name), set()).add(received.source)
    for key in created:
        sources.pop(key, None)
    known = find_known_keys(account_id, list(sources)) if sources else {}
    if not known:
        return
    messages = Message.objects.filter(account=account_id, id__in=set(known.values()), redacted_at__isnull=False)
    redacted = set(messages.values_list("id", flat=True))
    if redacted:
        blank_requests(account_id, {each for key, id in known.items() if id in redacted for each in sources[key]})
