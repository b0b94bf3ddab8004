"""Batches for the sink, as the drain would hand them over."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from channels_ingest.events import Claim, Content, Event, MessageEchoed, MessageReceived, MessageType, Sender
from channels_ingest.models import Channel
from channels_ingest.registry import get_channel
from channels_ingest.sink import ChannelInfo, Intake, Received
from inbox.intake import handle_events
from oneview.accounts.models import Account
from oneview.common.ids import new_id
from oneview.common.scope import locked_scope

SOURCE = new_id()


def make_channel(account: Account, *, external_id: str = "900100") -> ChannelInfo:
    """A WhatsApp channel of the account; call inside its scope."""
    credentials = {"app_secret": "s", "verify_token": "v", "access_token": "t"}
    channel = Channel.objects.create(
        account=account, kind="whatsapp", name="WhatsApp", external_id=external_id, credentials=credentials
    )
    return ChannelInfo(channel.id, "whatsapp", external_id, "whatsapp", "", get_channel("whatsapp").capabilities)


def ana(name: str | None = "Ana Prieto") -> Sender:
    return user("ES.44", phone="34600111222", name=name)


def user(value: str, *, phone: str | None = None, name: str | None = None) -> Sender:
    claims = (Claim("platform", "phone", f"+{phone}"),) if phone else ()
    return Sender(value, {"to": phone} if phone else {"recipient": value}, name, claims)


def message(
    text: str,
    *,
    sender: Sender | None = None,
    id: str | None = None,
    at: datetime | None = None,
    reply_to: str | None = None,
) -> MessageReceived:
    content = Content(MessageType.TEXT, text, reply_to=reply_to)
    return MessageReceived("900100", at or datetime.now(UTC), sender or ana(), id or f"wamid.{new_id()}", content)


def echo(
    text: str, *, sender: Sender | None = None, id: str | None = None, at: datetime | None = None
) -> MessageEchoed:
    content = Content(MessageType.TEXT, text)
    return MessageEchoed("900100", at or datetime.now(UTC), sender or ana(), id or f"wamid.{new_id()}", content)


def take_in(account: Account, channel: ChannelInfo, *events: Event, received_at: datetime | None = None) -> Intake:
    """One batch, in a unit of work of its own."""
    with locked_scope(account) as now:
        return handle_events(account.id, receive(channel, events, received_at=received_at or now), now=now)


def receive(channel: ChannelInfo, events: Iterable[Event], *, received_at: datetime) -> list[Received]:
    return [Received(event, channel, received_at, SOURCE) for event in events]
