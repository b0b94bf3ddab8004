"""What was known of the user and of our account when a message was written, one document a day and content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from oneview.accounts.models import Account
from oneview.common.ids import PAYLOAD_BITS, ordered_id


@dataclass(frozen=True, slots=True)
class ContextRequest:
    """The context of one message: its contact, the channel it came over, its instant."""

    contact: UUID
    channel: Mapping[str, str]
    at: datetime


def store_snapshots(account: Account, requests: Sequence[ContextRequest]) -> list[UUID]:
    """The snapshot id of each request, in order; documents that are new are stored."""
    contacts = _read_contacts(account.id, {request.contact for request in requests})
    ids: list[UUID] = []
    documents: dict[UUID, str] = {}
    made: dict[tuple[UUID, str, datetime], UUID] = {}
    for request in requests:
        day = request.at.replace(hour=0, minute=0, second=0, microsecond=0)
        known = (request.contact, request.channel["id"], day)
        if known not in made:
            document = json.dumps(
                _document(account, contacts.get(request.contact, {}), request.channel), sort_keys=True
            )
            digest = int.from_bytes(hashlib.sha256(document.encode()).digest()[:10])
            made[known] = ordered_id(day, digest & (1 << PAYLOAD_BITS) - 1)
            documents[made[known]] = document
        ids.append(made[known])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox_snapshot (account_id, id, document) SELECT %s, v.id, v.document::jsonb "
            "FROM unnest(%b::uuid[], %b::text[]) AS v(id, document) ON CONFLICT (account_id, id) DO NOTHING",
            [account.id, list(documents), list(documents.values())],
        )
    return ids


def _read_contacts(account_id: int, contact_ids: set[UUID]) -> dict[UUID, dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, name, attributes FROM identity_contact WHERE account_id = %s AND id = ANY(%b::uuid[])",
            [account_id, list(contact_ids)],
        )
        return {id: {**json.loads(attributes), "name": name} for id, name, attributes in cursor.fetchall()}


def _document(account: Account, user: Mapping[str, Any], channel: Mapping[str, str]) -> dict[str, Any]:
    ours = {"name": account.name, "plan": account.plan, "channel": dict(channel), "attributes": account.attributes}
    return {"user": dict(user), "account": ours}
