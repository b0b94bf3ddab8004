"""Files of messages: asked of the channel on arrival, described on the message's row, shown when they are there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from channels_ingest.events import MediaRef
from channels_ingest.services import Claimed, WantedMedia, take_uploads, want_media
from inbox.arrivals import Arrival
from oneview.common.ids import new_id

ATTACH = """
UPDATE inbox_message m SET attachments = now.attachments::jsonb
FROM unnest(%b::uuid[], %b::text[]) AS now(id, attachments)
WHERE m.account_id = %s AND m.id = now.id AND m.id = ANY(%b::uuid[])
"""


def attach_files(account_id: int, arrivals: Sequence[Arrival]) -> None:
    """Writes a placeholder for each file of new messages and has it fetched after the commit; uploads are there
    already.
    """
    files = [
        WantedMedia(
            _read_upload(media) or new_id(),
            arrival.received.channel.id,
            arrival.id,
            arrival.event.content.type.value,
            media,
        )
        for arrival in arrivals
        for media in arrival.event.content.media
    ]
    if not files:
        return
    uploaded = [Claimed(file.id, file.message_id, file.channel_id) for file in files if _read_upload(file.ref)]
    taken = take_uploads(account_id, uploaded)
    want_media(account_id, [file for file in files if not _read_upload(file.ref)])
    described: dict[UUID, list[dict[str, object]]] = {}
    for file in files:
        if taken.get(file.id) == file.message_id or not _read_upload(file.ref):
            described.setdefault(file.message_id, []).append(describe_file(file.id, file.ref))
    if not described:
        return
    ids = list(described)
    documents = [json.dumps(files) for files in described.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            ATTACH,
            [ids, documents, account_id, ids],
        )


def _read_upload(media: MediaRef) -> UUID | None:
    """The file that a visitor has uploaded before the message."""
    id = media.ref.get("upload")
    return UUID(id) if id else None


def describe_file(id: UUID, ref: MediaRef) -> dict[str, object]:
    """What a message's row says of a file; its state and size are the media object's."""
    return {"id": str(id), "name": ref.name or "", "type": ref.type, "size": ref.size, "voice": ref.voice}
