"""Addresses that are told what changes, and how their deliveries stand."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from inbox.models import Endpoint
from inbox.shapes import EndpointShape


def list_endpoints(account_id: int) -> tuple[EndpointShape, ...]:
    """The oldest first."""
    return tuple(shape_endpoint(row) for row in Endpoint.objects.filter(account=account_id).order_by("id"))


def list_due_endpoints(most: int) -> list[tuple[int, UUID]]:
    """(account, endpoint) of those that have something to be told and that nobody works on, of all accounts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id, endpoint_id FROM due_endpoints(%s)", [most])
        return list(cursor.fetchall())


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
