"""The channels as their provider knows them: for it there are no accounts of ours, only a number and an app."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from channels_ingest.models import Channel
from oneview.accounts.models import Account
from oneview.common.scope import scope


@dataclass(frozen=True, slots=True)
class Connection:
    """`external_id` is the provider's id of the channel, `public_id` the word in our webhook address."""

    kind: str
    external_id: str
    public_id: str
    credentials: Mapping[str, Any] = field(repr=False)

    @property
    def key(self) -> str:
        """Under which the store keeps what it sent."""
        return f"{self.kind}:{self.external_id}"


def find_connection(kind: str, external_id: str = "") -> Connection | None:
    """The channel with that id, or the oldest one of the kind."""
    return next(_list_connections(kind, external_id), None)


def _list_connections(kind: str, external_id: str) -> Iterator[Connection]:
    """Looks into one account after the other: no role of ours sees the channels of all."""
    for account in Account.objects.order_by("id"):
        with scope(account):
            channels = Channel.objects.filter(account_id=account.id, kind=kind)
            named = channels.filter(external_id=external_id) if external_id else channels
            channel = named.order_by("id").first()
        if channel is not None:
            yield Connection(kind, channel.external_id, channel.public_id, channel.credentials)
