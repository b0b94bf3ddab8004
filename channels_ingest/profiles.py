"""Names of users whose messages bring none: asked of the platform after the first message, told to the sink."""

from __future__ import annotations

from uuid import UUID

import structlog

from channels_ingest.base import ChannelAdapter, Permanent, Retryable
from channels_ingest.calls import Calls, run_steps, usable_credentials
from channels_ingest.events import IdentifierLearned, Sender
from channels_ingest.models import Channel
from channels_ingest.registry import load_channels
from channels_ingest.selectors import describe_channel
from channels_ingest.sink import Received, get_sink
from oneview.common.http import NotSent, OutcomeUnknown
from oneview.common.ids import new_id
from oneview.common.scope import locked_scope, scope

FETCH = "channels_ingest.tasks.fetch_profile"

log = structlog.get_logger(__name__)


def has_profiles(kind: str) -> bool:
    adapter = load_channels().get(kind)
    return adapter is not None and type(adapter).fetch_profile is not ChannelAdapter.fetch_profile


def fetch_profile(account_id: int, channel_id: UUID, value: str) -> bool:
    """False when it may work later. What the platform does not tell leaves the user without a name."""
    with scope(account_id):
        channel = Channel.objects.get(account_id=account_id, id=channel_id)
    adapter = load_channels()[channel.kind]
    steps = adapter.fetch_profile(value, usable_credentials(channel), external_id=channel.external_id)
    try:
        told = dict(run_steps(steps, Calls().perform))
    except Permanent as error:
        log.info("profile_refused", kind=channel.kind, code=error.code)
        return True
    except (NotSent, OutcomeUnknown, Retryable) as error:
        log.info("profile_not_fetched", kind=channel.kind, error=type(error).__name__)
        return False
    name = told.pop("name", "")
    if name or told:
        with locked_scope(account_id) as now:
            user = Sender(value, {}, name or None, attributes=told)
            event = IdentifierLearned(channel.external_id, now, user)
            get_sink()(account_id, [Received(event, describe_channel(channel), now, new_id())], now=now)
    return True
