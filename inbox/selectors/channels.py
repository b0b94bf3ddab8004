"""Channels and agents as pages and the API show them."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from django.utils.translation import gettext

from channels_ingest.models import Channel
from channels_ingest.registry import load_channels
from channels_ingest.selectors import list_channel_states
from inbox.reach import Reach
from inbox.shapes import Agent, ChannelShape
from oneview.accounts.selectors import list_member_names


def list_channels(account_id: int) -> tuple[ChannelShape, ...]:
    return tuple(
        ChannelShape(id=id, kind=kind, label=label_of(kind), name=name, connected=state == Channel.State.CONNECTED)
        for id, kind, name, state in list_channel_states(account_id)
    )


def list_channels_within(account_id: int, *, reach: Reach) -> tuple[ChannelShape, ...]:
    """Those that can be seen."""
    return tuple(channel for channel in list_channels(account_id) if reach.sees_channel(channel.id))


def get_channels(account_id: int) -> dict[UUID, ChannelShape]:
    """All channels of an account, by id."""
    return {shape.id: shape for shape in list_channels(account_id)}


def show_in_app(channel: ChannelShape) -> ChannelShape:
    """The channel as it looks where its user has it in a mobile app."""
    return replace(channel, label=gettext("Mobile chat"), in_app=True)


def list_agents(account_id: int) -> tuple[Agent, ...]:
    """Everybody who can be assigned a conversation."""
    return tuple(Agent(id, name) for id, name in list_member_names(account_id))


def label_of(kind: str) -> str:
    """A channel kind's name for people; the kind itself when its file is gone."""
    adapter = load_channels().get(kind)
    return adapter.label if adapter else kind
