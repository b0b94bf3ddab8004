"""What bots handed over, by the line in the timeline that tells of it."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from inbox.models import Handover
from inbox.shapes import HandoverShape


def read_handovers(account_id: int, ids: Collection[UUID]) -> dict[UUID, HandoverShape]:
    if not ids:
        return {}
    found = Handover.objects.filter(account=account_id, id__in=ids).select_related("claimed_by")
    return {
        each.id: HandoverShape(
            summary=each.summary,
            is_waiting=each.claimed_at is None,
            claimed_by=str(each.claimed_by) if each.claimed_by else "",
        )
        for each in found
    }
