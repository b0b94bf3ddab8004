"""Meta's side of a page as the sandbox drives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.urls import URLPattern, path

from channels_ingest.sandbox.base import Composed, Provider, Written
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.meta import sign_body
from channels_ingest.sandbox.providers.messenger import graph, webhooks
from channels_ingest.sandbox.providers.messenger.scenes import SCENES
from channels_ingest.sandbox.store import get_store


class Messenger(Provider):
    kind = "messenger"
    statuses = tuple(name for name, _ in webhooks.RECEIPTS)
    scenes = SCENES
    faults = ("429", "500", "cut_after_accept", "receipt_first", "slow:<seconds>", "failed:<code>")

    def list_urls(self) -> list[URLPattern]:
        """The graph is what a channel's `base_url` names instead of Meta's."""
        return [
            path("graph/<str:version>/<str:external_id>/messages", graph.send),
            path("graph/<str:version>/<str:external_id>/message_attachments", graph.upload),
            path("graph/<str:version>/<str:id>", graph.describe),
            path("files/<str:file_id>/<str:name>", graph.download_file),
        ]

    def compose(self, connection: Connection, written: Written) -> Composed:
        """`who` is a page-scoped id. A webhook tells neither names nor phones; the name is in the profile."""
        if written.name:
            first, _, last = written.name.partition(" ")
            get_store().put("profile", written.who, {"first_name": first, "last_name": last})
        message: dict[str, Any] = {"mid": written.id or webhooks.make_id()}
        if written.text:
            message["text"] = written.text
        if written.picture is not None:
            picture = webhooks.keep_file("image/png", written.picture, kind="image", name="photo.png")
            message["attachments"] = [picture]
        at = None if written.at is None else int(written.at * 1000)
        item = webhooks.build_item(connection, written.who, at=at, message=message)
        return Composed(webhooks.build_body(connection, item), message["mid"])

    def sign(self, connection: Connection, body: bytes) -> Mapping[str, str]:
        return sign_body(connection, body)

    def report(self, connection: Connection, id: str, status: str, *, code: str) -> int | None:
        """Stops the receipts that would come by themselves. Messenger reports no failures afterwards."""
        message = get_store().get("message", id)
        if message is None:
            return None
        get_store().put("message", id, message | {"by_hand": True})
        return webhooks.deliver(connection, webhooks.build_receipt(connection, id, message, status=status))


PROVIDER = Messenger()
