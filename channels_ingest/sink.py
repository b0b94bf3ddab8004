"""Where events go: the function that `CHANNELS_INGEST_SINK` names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from channels_ingest.base import Capabilities
from channels_ingest.events import Event


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """What a sink needs to know of a channel. `identity_kind` and `identity_scope` complete a `Sender.value`."""

    id: UUID
    kind: str
    external_id: str
    identity_kind: str
    identity_scope: str
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class Received:
    """An event, the channel it names, when its request came in, and the stored row it comes from (inbound request or
    outbox message).
    """

    event: Event
    channel: ChannelInfo
    received_at: datetime
    source: UUID


@dataclass(frozen=True, slots=True)
class Intake:
    """What a batch came to: new messages, events seen before, messages older than the window."""

    messages: int = 0
    duplicates: int = 0
    expired: int = 0


class Sink(Protocol):
    def __call__(self, account_id: int, batch: Sequence[Received], *, now: datetime) -> Intake:
        """Takes a batch in inside the caller's scope; atomic with it. Batches that may write identities come under the
        account lock.
        """
        ...


def get_sink() -> Sink:
    sink: Sink = import_string(settings.CHANNELS_INGEST_SINK)
    return sink
