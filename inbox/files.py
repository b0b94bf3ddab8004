"""Files of messages: asked of the channel on arrival, described on the message's row, shown when they are there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

from django.db import connection

from channels_ingest.events import MediaRef
from channels_ingest.services import WantedMedia, want_media
from inbox.arrivals import Arrival
from oneview.common.ids import new_id

ATTACH = """
UPDATE inbox_message m SET attachments = now.attachments::jsonb
FROM unnest(%b::uuid[], %b::text[]) AS now(id, attachments)
WHERE m.account_id = %s AND m.id = now.id AND m.id = ANY(%b::uuid[])
"""


def attach_files(account_id: int, arrivals: Sequence[Arrival]) -> None:
    """Writes a placeholder for each file of new messages and has it fetched after the commit."""
    wanted = [
        WantedMedia(new_id(), arrival.received.channel.id, arrival.id, arrival.event.content.type.value, media)
        for arrival in arrivals
        for media in arrival.event.content.media
    ]
    if not wanted:
        return
    want_media(account_id, wanted)
    described: dict[UUID, list[dict[str, object]]] = {}
    for media in wanted:
        described.setdefault(media.message_id, []).append(describe_file(media.id, media.ref))
    ids = list(described)
    documents = [json.dumps(files) for files in described.values()]
    with connection.cursor() as cursor:
        cursor.execute(
            ATTACH,
            [ids, documents, account_id, ids],
        )


def describe_file(id: UUID, ref: MediaRef) -> dict[str, object]:
    """What a message's row says of a file; its state and size are the media object's."""
    return {"id": str(id), "name": ref.name or "", "type": ref.type, "size": ref.size, "voice": ref.voice}
