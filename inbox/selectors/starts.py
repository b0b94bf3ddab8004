"""On which channels a contact can be written to first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from channels_ingest.registry import get_channel
from channels_ingest.selectors import read_directory
from channels_ingest.sink import ChannelInfo
from identity.selectors import Member, list_members
from inbox.models import Thread
from inbox.reach import Reach
from inbox.selectors.channels import get_channels, list_channels_within
from inbox.selectors.conversations import is_blocked
from inbox.shapes import ChannelShape


@dataclass(frozen=True, slots=True)
class Start:
    """A channel that a contact has no thread on. `identity` and `address`: whom and where a first message goes, None
    where there is none, with the `reason`. `template`: only such may be the first.
    """

    channel: ChannelShape
    identity: UUID | None
    address: Mapping[str, str] | None
    template: bool
    reason: str


def list_starts(account_id: int, contact_id: UUID, *, reach: Reach) -> tuple[Start, ...]:
    """By the name of the channel."""
    used = set(Thread.objects.filter(account=account_id, conversation_id=contact_id).values_list("channel", flat=True))
    free = [channel for channel in list_channels_within(account_id, reach=reach) if channel.id not in used]
    return _read_starts(account_id, contact_id, free) if free else ()


def find_start(account_id: int, contact_id: UUID, channel_id: UUID) -> Start:
    (start,) = _read_starts(account_id, contact_id, [get_channels(account_id)[channel_id]])
    return start


def _read_starts(account_id: int, contact_id: UUID, channels: Sequence[ChannelShape]) -> tuple[Start, ...]:
    infos = read_directory(account_id).by_id
    members = list_members(account_id, contact_id)
    blocked = is_blocked(account_id, contact_id)
    return tuple(
        _find_start(channel, infos[channel.id], members, blocked=blocked) for channel in channels if channel.id in infos
    )


def _find_start(channel: ChannelShape, info: ChannelInfo, members: Sequence[Member], *, blocked: bool) -> Start:
    adapter = get_channel(channel.kind)
    template = info.capabilities.window is not None
    for member in members:
        known_elsewhere = member.kind == info.identity_kind and member.scope != info.identity_scope
        address = None if known_elsewhere else adapter.find_address(member.kind, member.value)
        if address:
            return Start(channel, member.id, address, template, _describe_hindrance(channel, blocked=blocked))
    return Start(channel, None, None, template, _("They have to write to this channel first."))


def _describe_hindrance(channel: ChannelShape, *, blocked: bool) -> str:
    if blocked:
        return _("This contact is blocked.")
    return "" if channel.connected else _("This channel is disconnected. A supervisor can connect it again.")
