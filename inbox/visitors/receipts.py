"""What a visitor's client says it has: as receipts of any other channel."""

from __future__ import annotations

from uuid import UUID

from channels_ingest.events import DeliveredUpTo, DeliveryState, Sender
from channels_ingest.selectors import get_channel_info
from channels_ingest.sink import Received
from inbox.admission import WEBCHAT, VisitorAdmission
from inbox.intake import handle_events
from oneview.common.ids import floor_id, new_id, time_of
from oneview.common.scope import scope


def acknowledge(admission: VisitorAdmission, *, up_to: UUID, state: DeliveryState) -> None:
    """All that we wrote to this visitor up to a message is at least delivered, or read."""
    with scope(admission.account_id) as now:
        channel = get_channel_info(admission.account_id, kind=WEBCHAT, external_id=admission.external_id)
        until = time_of(min(up_to, floor_id(now)))  # an id may carry a time that no calendar has
        events = [DeliveredUpTo("", now, Sender(id, {}), state, until, fetched=True) for id in admission.visitor.ids]
        source = new_id()
        handle_events(admission.account_id, [Received(event, channel, now, source) for event in events], now=now)
