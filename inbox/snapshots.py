"""What was known of the user and of our account when a message was written, one document a day and content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from inbox.selectors.channels import get_channels
from oneview.accounts.models import Account, Team
from oneview.common.ids import PAYLOAD_BITS, ordered_id

READ_USERS = """
SELECT k.id, k.name, k.attributes, k.tags, c.team_id FROM identity_contact k
LEFT JOIN inbox_conversation c ON (c.account_id, c.id) = (k.account_id, k.id)
WHERE k.account_id = %s AND k.id = ANY(%b::uuid[])
"""


@dataclass(frozen=True, slots=True)
class ContextRequest:
    """The context of one message: its contact, the channel it came over, its instant."""

    contact: UUID
    channel: UUID
    at: datetime


def store_snapshots(account: Account, requests: Sequence[ContextRequest]) -> list[UUID]:
    """The snapshot id of each request, in order; documents that are new are stored."""
    ids: list[UUID] = []
    documents: dict[UUID, str] = {}
    made: dict[tuple[UUID, UUID, datetime], UUID] = {}
    described = describe_contexts(account, [(request.contact, request.channel) for request in requests])
    for request in requests:
        day = request.at.replace(hour=0, minute=0, second=0, microsecond=0)
        known = (request.contact, request.channel, day)
        if known not in made:
            document = json.dumps(described[request.contact, request.channel], sort_keys=True)
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


def describe_contexts(account: Account, pairs: Iterable[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], dict[str, Any]]:
    """What is known now of user and account, for each (contact, channel)."""
    pairs = set(pairs)
    users = _read_users(account.id, {contact for contact, _channel in pairs})
    channels = get_channels(account.id)
    teams = list(Team.objects.filter(account=account).order_by("name"))
    documents = {}
    for contact, channel_id in pairs:
        user, team_id = users.get(contact, ({}, None))
        channel = channels[channel_id]
        team = _choose_team(teams, team_id, channel=channel_id)
        ours = {
            "name": account.name,
            "plan": account.plan,
            "channel": {"id": str(channel.id), "kind": channel.kind, "name": channel.name},
            "team": {"id": str(team.id), "name": team.name} if team else None,
            "business_hours": describe_hours(team.hours, zone=team.time_zone) if team else "",
            "attributes": account.attributes,
        }
        documents[contact, channel_id] = {"user": user, "account": ours}
    return documents


def describe_hours(hours: Mapping[str, Sequence[Sequence[str]]], *, zone: str) -> str:
    """In words, days with the same hours together: "Mon-Thu 09:00-17:00, Fri 09:00-14:00 (Europe/Madrid)"."""
    names = {
        "mon": _("Mon"),
        "tue": _("Tue"),
        "wed": _("Wed"),
        "thu": _("Thu"),
        "fri": _("Fri"),
        "sat": _("Sat"),
        "sun": _("Sun"),
    }
    if not hours:
        return _("Always open")
    said = [(name, " + ".join("–".join(span) for span in hours.get(day) or ())) for day, name in names.items()]
    runs = [list(run) for times, run in groupby(said, key=lambda each: each[1]) if times]
    words = [f"{_name_days([name for name, _times in run])} {run[0][1]}" for run in runs]
    return f"{', '.join(words)} ({zone})" if words else _("Always closed")


def _name_days(days: Sequence[str]) -> str:
    return days[0] if len(days) == 1 else f"{days[0]}–{days[-1]}"


def _choose_team(teams: Sequence[Team], team_id: UUID | None, *, channel: UUID) -> Team | None:
    """That of the conversation; of one that has none yet, the channel's."""
    theirs = (team for team in teams if team.id == team_id)
    return next(theirs, None) or next((team for team in teams if channel in team.channels), None)


def _read_users(account_id: int, contact_ids: set[UUID]) -> dict[UUID, tuple[dict[str, Any], UUID | None]]:
    """What is known of each contact, and the team of its conversation."""
    with connection.cursor() as cursor:
        cursor.execute(READ_USERS, [account_id, list(contact_ids)])
        return {
            id: ({**json.loads(attributes), "name": name, "tags": json.loads(tags)}, team)
            for id, name, attributes, tags, team in cursor.fetchall()
        }
