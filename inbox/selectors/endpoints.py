"""Addresses that are told what changes, and how their deliveries stand."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection

from inbox.models import Endpoint, EndpointAttempt
from inbox.shapes import AttemptShape, EndpointShape
from oneview.common.errors import NotFound


def list_endpoints(account_id: int) -> tuple[EndpointShape, ...]:
    """The oldest first."""
    return tuple(shape_endpoint(row) for row in Endpoint.objects.filter(account=account_id).order_by("id"))


def list_attempts(
    account_id: int, endpoint_id: UUID, *, before: UUID | None = None, limit: int = 50
) -> tuple[AttemptShape, ...]:
    """The newest first. Raises NotFound."""
    if not Endpoint.objects.filter(account=account_id, id=endpoint_id).exists():
        raise NotFound
    attempts = EndpointAttempt.objects.filter(account=account_id, endpoint_id=endpoint_id)
    if before:
        attempts = attempts.filter(id__lt=before)
    return tuple(
        AttemptShape(row.id, row.seq, row.type, row.conversation_id, row.at, row.milliseconds, row.taken, row.outcome)
        for row in attempts.order_by("-id")[:limit]
    )


def list_due_endpoints(most: int) -> list[tuple[int, UUID]]:
    """(account, endpoint) of those that have something to be told and that nobody works on, of all accounts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id, endpoint_id FROM due_endpoints(%s)", [most])
        return list(cursor.fetchall())


def list_unreported_endpoints(account_id: int, *, now: datetime) -> list[UUID]:
    """Those that were switched off, which supervisors are to be told now."""
    return list(Endpoint.objects.filter(account=account_id, report_at__lte=now).values_list("id", flat=True))


def shape_endpoint(row: Endpoint) -> EndpointShape:
    return EndpointShape(
        id=row.id,
        url=row.url,
        bot=row.bot,
        events=tuple(row.events),
        state=row.state,
        reason=row.reason,
        after=row.after,
        failing_since=row.failing_since,
        delivered_at=row.delivered_at,
        created_at=row.created_at,
    )
