"""Meta's side of WhatsApp as the sandbox drives it."""

from __future__ import annotations

from collections.abc import Mapping

from django.urls import URLPattern, path

from channels_ingest.sandbox.base import Composed, Provider, Written
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.meta import sign_body
from channels_ingest.sandbox.providers.whatsapp import graph, webhooks
from channels_ingest.sandbox.providers.whatsapp.scenes import SCENES
from channels_ingest.sandbox.store import get_store


class WhatsApp(Provider):
    kind = "whatsapp"
    statuses = ("sent", "delivered", "read", "played", "failed")
    scenes = SCENES
    faults = ("429", "500", "cut_after_accept", "receipt_first", "slow:<seconds>", "failed:<code>")

    def list_urls(self) -> list[URLPattern]:
        """The graph is what a channel's `base_url` names instead of Meta's."""
        return [
            path("graph/<str:version>/<str:external_id>/messages", graph.send),
            path("graph/<str:version>/<str:external_id>/media", graph.upload),
            path("graph/<str:version>/<str:id>", graph.describe),
            path("files/<str:external_id>/<str:media_id>", graph.download_file),
        ]

    def compose(self, connection: Connection, written: Written) -> Composed:
        """`who` is a phone number, or the id of a user with a username, whose number `phone` may tell."""
        customer = _read_customer(written)
        body = {"body": written.text}
        at = None if written.at is None else int(written.at)
        if written.picture is not None:
            picture = webhooks.keep_file("image/png", written.picture, caption=written.text)
            message = webhooks.build_message(customer, "image", picture, id=written.id, at=at)
        else:
            message = webhooks.build_message(customer, "text", body, id=written.id, at=at)
        webhooks.remember(customer)
        value = webhooks.build_value(connection, contacts=[webhooks.build_contact(customer)], messages=[message])
        return Composed(webhooks.build_body(value), message["id"])

    def sign(self, connection: Connection, body: bytes) -> Mapping[str, str]:
        return sign_body(connection, body)

    def report(self, connection: Connection, id: str, status: str, *, code: str) -> int | None:
        """Stops the receipts that would come by themselves."""
        message = get_store().get("message", id)
        if message is None:
            return None
        get_store().put("message", id, message | {"by_hand": True})
        return webhooks.deliver(
            connection, webhooks.build_receipt(connection, id, message, status=status, code=int(code or 131026))
        )


def _read_customer(written: Written) -> webhooks.Customer:
    digits = written.who.lstrip("+")
    if digits.isdigit():
        return webhooks.Customer(digits, "", written.name)
    return webhooks.Customer(written.phone.lstrip("+"), written.who, written.name)


PROVIDER = WhatsApp()
