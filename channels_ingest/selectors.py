"""What others may know of channels and files. Runs inside the caller's scope."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from channels_ingest.models import Channel
from channels_ingest.registry import get_channel, load_channels
from channels_ingest.routes import FIND_ROUTE, Route
from channels_ingest.sink import ChannelInfo
from oneview.common.crypto import decrypt
from oneview.common.errors import NotFound


@dataclass(frozen=True, slots=True)
class Directory:
    """The channels of an account, by id and by (kind, external id), and when each was heard of. A channel whose kind
    has no file any more is left out.
    """

    by_id: Mapping[UUID, ChannelInfo]
    by_address: Mapping[tuple[str, str], ChannelInfo]
    last_event_at: Mapping[UUID, datetime | None]


def find_route(public_id: str) -> Route | None:
    """The channel of an address, of whatever account; needs no scope."""
    with connection.cursor() as cursor:
        cursor.execute(FIND_ROUTE, {"public_id": public_id})
        row = cursor.fetchone()
    if row is None:
        return None
    account_id, channel_id, kind, external_id, credentials, ended = row
    return Route(account_id, channel_id, kind, external_id, decrypt(credentials), frozenset(ended))


def list_channels(account_id: int) -> tuple[Channel, ...]:
    return tuple(Channel.objects.filter(account_id=account_id).order_by("name", "id"))


def list_channel_states(account_id: int) -> list[tuple[UUID, str, str, str]]:
    """Id, kind, name and state of each channel, by name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, kind, name, state FROM channels_ingest_channel WHERE account_id = %s ORDER BY name, id",
            [account_id],
        )
        return list(cursor.fetchall())


def get_channel_info(account_id: int, *, kind: str, external_id: str) -> ChannelInfo:
    """Raises NotFound."""
    channel = Channel.objects.filter(account_id=account_id, kind=kind, external_id=external_id).first()
    if channel is None:
        raise NotFound
    return describe_channel(channel)


def describe_channel(channel: Channel) -> ChannelInfo:
    adapter = get_channel(channel.kind)
    return ChannelInfo(
        id=channel.id,
        kind=channel.kind,
        external_id=channel.external_id,
        identity_kind=adapter.identity_kind,
        identity_scope=adapter.identity_scope(channel.credentials, external_id=channel.external_id),
        capabilities=adapter.capabilities,
    )


def read_directory(account_id: int) -> Directory:
    kinds = load_channels()
    channels = [channel for channel in list_channels(account_id) if channel.kind in kinds]
    infos = [describe_channel(channel) for channel in channels]
    return Directory(
        by_id={info.id: info for info in infos},
        by_address={(info.kind, info.external_id): info for info in infos},
        last_event_at={channel.id: channel.last_event_at for channel in channels},
    )
