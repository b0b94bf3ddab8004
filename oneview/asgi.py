"""The one ASGI application of a web process: lifespan, webhook door, sockets, and Django for everything else."""

from __future__ import annotations

import gc
import os
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oneview.settings")

import django

django.setup(set_prefix=False)

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from channels_ingest.door import Door
from inbox.hub import Hub
from inbox.routing import route_sockets


class Pages(ASGIHandler):
    """Every page of ours is synchronous: the whole chain of middleware runs in one thread, with one hop to it."""

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response, thread_sensitive=True)(request)


# Who is behind a proxy matters to pages alone; the door has no use for it and no time.
pages = ProxyHeadersMiddleware(cast(Any, Pages()), os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1"))
door = Door()
hub = Hub()
sockets = route_sockets(hub)


async def application(scope: Any, receive: Any, send: Any) -> None:
    match scope["type"]:
        case "http" if scope["path"].startswith("/webhooks/"):
            await door(scope, receive, send)
        case "http":
            await pages(scope, receive, send)
        case "websocket":
            await sockets(scope, receive, send)
        case "lifespan":
            await live(receive, send)


async def live(receive: Any, send: Any) -> None:
    """Run with `--lifespan on`: otherwise a failing start passes for a server without a lifespan."""
    await receive()
    spare_the_collector()
    try:
        await door.start()
        await hub.start()
    except Exception as error:
        await send({"type": "lifespan.startup.failed", "message": repr(error)})
        raise
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await hub.stop()
    await door.stop()
    await sync_to_async(close_pools, thread_sensitive=False)()
    await send({"type": "lifespan.shutdown.complete"})


def spare_the_collector() -> None:
    """What the start has loaded stays; a request leaves no cycles behind, so the collector may look less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def close_pools() -> None:
    for connection in connections.all(initialized_only=True):
        connection.close()
        if pool := getattr(connection, "pool", None):
            pool.close()
