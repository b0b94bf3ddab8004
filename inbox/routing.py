"""Where sockets go."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from inbox.consumers import InboxConsumer
from inbox.hub import Hub
from inbox.visitors.consumers import VisitorConsumer


def route_sockets(hub: Hub) -> Any:
    return URLRouter(
        [
            path("ws/inbox/", InboxConsumer.as_asgi(hub=hub)),
            path("ws/visitor/<str:public_id>/", VisitorConsumer.as_asgi(hub=hub)),
            re_path("", refuse),  # type: ignore[arg-type]
        ]
    )


async def refuse(scope: Any, receive: Any, send: Any) -> None:
    """Not one of our addresses: 403, and no trace in the log."""
    await receive()
    await send({"type": "websocket.close"})
