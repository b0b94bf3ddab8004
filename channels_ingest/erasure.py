"""Taking what one message said out of everything that came in or waits to go out. Runs inside the caller's scope."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db.models import F, Func, IntegerField, Q, Value
from django.utils.translation import gettext as _

from channels_ingest.events import Event, MessageEchoed, MessageEdited, MessageReceived
from channels_ingest.models import InboundEvent, InboundState, MediaObject, OutboxMessage, OutboxState, QuarantinedEvent
from channels_ingest.reading import StoredRequest, read_request
from channels_ingest.selectors import read_directory
from oneview.common.errors import NotPossible

WORDS = re.compile(r"[A-Za-z0-9_-]+")
CHUNK = 200


def erase_message(
    account_id: int, *, message_id: UUID, channel_id: UUID, external_ids: Collection[str], received_at: datetime
) -> list[Path]:
    """Blanks what the outbox, stored requests and the quarantine hold of a message, and forgets its files, whose paths
    it returns: they are removed after the commit.

    Raises NotPossible while the message is on its way out.
    """
    outbox = OutboxMessage.objects.filter(account_id=account_id, message_id=message_id)
    states = set(outbox.select_for_update(no_key=True).values_list("state", flat=True))
    if states & {OutboxState.QUEUED, OutboxState.SENDING}:
        raise NotPossible(_("This message is still being sent. Try again when it is."))
    outbox.update(content=None, reason="")
    blank_requests(account_id, _find_requests(account_id, channel_id, set(external_ids), received_at=received_at))
    files = MediaObject.objects.filter(account_id=account_id, message_id=message_id)
    paths = [Path(settings.MEDIA_ROOT, path) for path in files.values_list("path", flat=True) if path]
    files.delete()
    return paths


def blank_requests(account_id: int, ids: Collection[UUID]) -> None:
    """What stored requests, and the quarantine, hold of their bytes."""
    InboundEvent.objects.filter(account_id=account_id, id__in=ids).update(body=None)
    QuarantinedEvent.objects.filter(account_id=account_id, inbound_id__in=ids).update(body=None)


def list_named(event: Event) -> set[str]:
    """The messages whose words an event may hold: its own, and the one that it quotes."""
    quoted = event.content.reply_to if isinstance(event, MessageReceived | MessageEchoed | MessageEdited) else None
    return {name for name in (getattr(event, "external_id", None), quoted) if name}


def _find_requests(account_id: int, channel_id: UUID, external_ids: set[str], *, received_at: datetime) -> list[UUID]:
    """The request a message came with, and those that name it: edits, and answers that quote it.

    Looked for by a part of its names that stands in the bytes whatever their encoding, then read to be sure.
    """
    directory = read_directory(account_id)
    kind = directory.by_id[channel_id].kind
    rows = InboundEvent.objects.filter(
        account_id=account_id,
        channel__in=[info.id for info in directory.by_id.values() if info.kind == kind],
        received_at__gte=received_at,
        body__isnull=False,
    ).exclude(state=InboundState.WAITING)
    named = Q(received_at=received_at)
    for number, word in enumerate({word for id in external_ids if (word := _pick_word(id))}):
        position = Func(F("body"), Value(word.encode()), function='"position"', output_field=IntegerField())
        rows = rows.annotate(**{f"at_{number}": position})
        named |= Q(**{f"at_{number}__gt": 0})
    found = []
    for row in rows.filter(named).iterator(chunk_size=CHUNK):
        request = StoredRequest(
            row.id, row.channel_id, row.headers, bytes(row.body or b""), row.received_at, attempts=0
        )
        reading = read_request(request, directory)
        if reading.faults or any(external_ids & list_named(received.event) for received in reading.events):
            found.append(row.id)
    return found


def _pick_word(external_id: str) -> str:
    """What tells the last part of an id apart: the longest run of signs that no encoding changes."""
    return max(WORDS.findall(external_id.rpartition(":")[2]), key=len, default="")
