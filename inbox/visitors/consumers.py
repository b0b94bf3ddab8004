"""The socket of a visitor: their own messages and what is answered, as it comes."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from channels.db import database_sync_to_async
from channels.exceptions import DenyConnection
from django.utils import timezone

from channels_ingest.channels.webchat.adapter import is_allowed_origin
from channels_ingest.events import DeliveryState
from inbox.admission import SIGNED_OUT, Refused, admit_visitor, open_chat
from inbox.api.serialise import instant
from inbox.consumers import BadFrame, Question, SocketConsumer, is_same_origin, read_id
from inbox.listeners import VisitorListener
from inbox.visitors.receipts import acknowledge


class VisitorConsumer(SocketConsumer):
    bearer = "oneview.visitor."
    line: VisitorListener | None

    def admit(self, token: str | None) -> Question:
        if token is None:
            raise DenyConnection
        public_id = self.scope["url_route"]["kwargs"]["public_id"]
        origin = "" if is_same_origin(self.scope) else dict(self.scope["headers"]).get(b"origin", b"").decode("latin-1")
        return partial(_open, public_id, token, origin=origin)

    async def obey(self, frame: dict[str, Any]) -> None:
        visitor = self.line
        if visitor is None:
            return
        match frame:
            case {"t": "resume", "after": after, **rest} if not rest:
                await self.hub.attend(visitor, after=None if after is None else read_id(after))
            case {"t": "ack" | "read" as kind, "up_to": up_to, **rest} if not rest:
                state = DeliveryState.READ if kind == "read" else DeliveryState.DELIVERED
                note = database_sync_to_async(acknowledge, thread_sensitive=False)
                await note(visitor.admission, up_to=read_id(up_to), state=state)
            case _:
                raise BadFrame

    def leave(self) -> None:
        if self.line is not None:
            self.hub.leave_as_visitor(self.line)


def _open(public_id: str, token: str, *, origin: str) -> tuple[Callable[[], VisitorListener], str]:
    """`origin`: the page a browser is on, empty for one of ours and for an app. Raises Refused."""
    if origin and not is_allowed_origin(origin, open_chat(public_id).credentials, own_url=""):
        raise Refused(SIGNED_OUT)
    admission = admit_visitor(public_id, token)
    return partial(VisitorListener, admission), json.dumps({"t": "hello", "now": instant(timezone.now())})
