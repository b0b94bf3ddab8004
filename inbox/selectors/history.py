"""What was changed of a contact, by whom, and what can be put back: read from the audit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy, pgettext_lazy

from inbox.attributes import Attribute, show_value
from inbox.selectors.attributes import read_attributes
from inbox.shapes import ContactShape, FieldChange, HistoryEntry
from oneview.accounts.models import AuditEntry

MOST = 100
WORDS = {
    "contact.edit": gettext_lazy("Edited"),
    "contact.revert": pgettext_lazy("history", "Put back"),
    "contact.join": gettext_lazy("Joined with another contact"),
    "contact.keep_apart": gettext_lazy("Said that somebody else is not the same"),
    "contact.undo_link": gettext_lazy("Undid a link"),
    "contact.part_identity": gettext_lazy("Parted an address from the rest"),
    "conversation.label": gettext_lazy("Labelled"),
    "note.add": gettext_lazy("Added a note"),
    "note.remove": gettext_lazy("Removed a note"),
}
FIELDS = {"contact.edit", "contact.revert", "conversation.label"}
SETS = {"tags": gettext_lazy("Tags"), "labels": gettext_lazy("Labels")}


def list_history(
    account_id: int,
    contact: ContactShape,
    *,
    labels: Collection[str],
    before: UUID | None = None,
    limit: int = MOST,
) -> tuple[HistoryEntry, ...]:
    """Newest first, under whichever of its identities the contact was known. `labels`: those of its conversation;
    `before`: what is older than this entry.
    """
    targets = [str(identity.id) for identity in contact.identities]
    rows = AuditEntry.objects.filter(account=account_id, target__in=targets, action__in=WORDS).order_by("-id")
    if before:
        rows = rows.filter(id__lt=before)
    known = read_attributes(account_id)
    present = {**contact.attributes, "tags": list(contact.tags), "labels": list(labels)}
    return tuple(
        HistoryEntry(
            id=row.id,
            at=row.at,
            actor_id=row.actor_id,
            actor=row.actor_name,
            source=row.source,
            where=row.get_source_display(),
            action=row.action,
            what=str(WORDS[row.action]),
            changes=_list_changes(row, known, present),
        )
        for row in rows[:limit]
    )


def find_change(account_id: int, contact: ContactShape, *, entry: UUID, field: str) -> tuple[Any, Any] | None:
    """What one field of the contact was before that entry, and after."""
    targets = [str(identity.id) for identity in contact.identities]
    row = AuditEntry.objects.filter(account=account_id, target__in=targets, action__in=FIELDS, id=entry).first()
    return (row.old[field], row.new[field]) if row and row.old and row.new and field in row.old else None


def _list_changes(
    row: AuditEntry, known: Mapping[str, Attribute], present: Mapping[str, Any]
) -> tuple[FieldChange, ...]:
    """Nothing of an attribute that is not defined any more."""
    if row.action not in FIELDS or not row.old or not row.new:
        return ()
    return tuple(
        _describe_change(name, old, row.new[name], known, present)
        for name, old in row.old.items()
        if name in known or name in SETS
    )


def _describe_change(
    name: str, old: Any, new: Any, known: Mapping[str, Attribute], present: Mapping[str, Any]
) -> FieldChange:
    if name in SETS:
        stands = set(present[name])
        undone = stands >= set(old) - set(new) and not stands & (set(new) - set(old))
        return FieldChange(name, str(SETS[name]), ", ".join(old), ", ".join(new), undone, (old, new))
    attribute = known[name]
    return FieldChange(
        name,
        attribute.label,
        show_value(attribute, old),
        show_value(attribute, new),
        present.get(name, "") == old,
        (old, new),
    )
