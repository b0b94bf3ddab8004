"""Notes on a contact."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from inbox.models import ContactNote
from inbox.shapes import NoteShape

MOST = 100


def list_notes(
    account_id: int, identities: Collection[UUID], *, before: UUID | None = None, limit: int = MOST
) -> tuple[NoteShape, ...]:
    """What was written down on any of a contact's identities, newest first; `before`: what is older than this note."""
    rows = ContactNote.objects.filter(account=account_id, identity__in=list(identities)).order_by("-id")
    if before:
        rows = rows.filter(id__lt=before)
    return tuple(NoteShape(row.id, row.author_id, row.author_name, row.text, row.created_at) for row in rows[:limit])
