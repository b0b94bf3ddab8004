"""Channels and agents as pages and the API show them."""

from __future__ import annotations

from uuid import UUID

from channels_ingest.models import Channel
from channels_ingest.registry import load_channels
from inbox.shapes import Agent, ChannelShape
from oneview.accounts.models import Membership


def list_channels(account_id: int) -> tuple[ChannelShape, ...]:
    return tuple(
        _shape(channel)
        for channel in Channel.objects.filter(account=account_id).defer("credentials").order_by("name", "id")
    )


def get_channels(account_id: int) -> dict[UUID, ChannelShape]:
    """All channels of an account, by id."""
    return {shape.id: shape for shape in list_channels(account_id)}


def list_agents(account_id: int) -> tuple[Agent, ...]:
    """Everybody who can be assigned a conversation."""
    members = Membership.objects.filter(account=account_id, is_active=True, user__is_active=True).select_related("user")
    return tuple(Agent(member.user_id, str(member.user)) for member in members.order_by("user__name", "user_id"))


def label_of(kind: str) -> str:
    """A channel kind's name for people; the kind itself when its file is gone."""
    adapter = load_channels().get(kind)
    return adapter.label if adapter else kind


def _shape(channel: Channel) -> ChannelShape:
    return ChannelShape(
        id=channel.id,
        kind=channel.kind,
        label=label_of(channel.kind),
        name=channel.name,
        connected=channel.state == Channel.State.CONNECTED,
    )
