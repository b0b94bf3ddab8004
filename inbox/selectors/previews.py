"""The newest message of a conversation as its row shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from identity.models import Contact
from inbox.models import Message
from inbox.models.message import AuthorKind
from inbox.shapes import Author, Preview
from oneview.common.ids import time_of

LENGTH = 160


def get_previews(
    account_id: int, message_ids: Sequence[UUID], *, contacts: Mapping[UUID, UUID], names: Mapping[UUID, Contact]
) -> dict[UUID, Preview]:
    """By message id. `contacts` maps a message to its contact. The ids are known to be visible."""
    rows = Message.objects.filter(account=account_id, id__in=message_ids).only(
        "id", "author_kind", "author_id", "author_name", "type", "text", "direction", "status", "private", "deleted_at"
    )
    return {row.id: _preview(row, names.get(contacts[row.id])) for row in rows}


def _preview(row: Message, contact: Contact | None) -> Preview:
    name = contact.name if contact and row.author_kind == AuthorKind.USER else row.author_name
    return Preview(
        id=row.id,
        author=Author(row.author_kind, row.author_id, name),
        type=row.type,
        text="" if row.deleted_at else " ".join(row.text[: LENGTH * 2].split())[:LENGTH],
        direction=row.direction,
        status=row.status,
        private=row.private,
        deleted=row.deleted_at is not None,
        at=time_of(row.id),
    )
