"""Scripted customers, one scene for each thing that real ones do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from channels_ingest.sandbox.base import Answered, Scene
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.files import PDF, draw_image, hum
from channels_ingest.sandbox.providers.whatsapp import webhooks
from channels_ingest.sandbox.providers.whatsapp.webhooks import Customer, build_message
from channels_ingest.sandbox.store import get_store

PAUSE = 0.3
NORA = Customer("12025550143", "US.2025550143", "Nora Fields")
IVO = Customer("12025550117", "US.2025550117", "Ivo Marsh")
LUZ = Customer("", "ES.7700990011223344", "Luz", "@luz.mar")


@dataclass(slots=True)
class Stage:
    """Where a customer stands. `answers`: what our door said to each webhook."""

    connection: Connection
    customer: Customer
    answers: list[Answered] = field(default_factory=list)

    def say(self, text: str, **more: Any) -> str:
        return self.send("text", {"body": text}, **more)

    def send(self, type: str, body: Mapping[str, Any] | None, **more: Any) -> str:
        """One message in a webhook of its own; returns its id."""
        return self.deliver(build_message(self.customer, type, body, **more))[0]

    def deliver(self, *messages: dict[str, Any]) -> list[str]:
        status = webhooks.deliver_messages(self.connection, self.customer, *messages)
        ids = [str(message["id"]) for message in messages]
        self.answers += [Answered(status, id) for id in ids]
        time.sleep(PAUSE)
        return ids

    def find_ours(self) -> str:
        """The id of the last message that was sent to this customer, "" if there is none."""
        for entry in reversed(get_store().list_sent(self.connection.key, after=0, limit=-1)):
            body = entry["body"]
            if self.customer.phone == body.get("to") or self.customer.user_id == body.get("recipient"):
                return str(entry["id"])
        return ""


def text(stage: Stage) -> None:
    stage.say("Hi! Is my order 4711 on its way?")
    stage.say("It should have come on Tuesday 📦")


def media(stage: Stage) -> None:
    stage.send("image", webhooks.keep_file("image/png", draw_image(0), caption="This is what came"))
    stage.send("audio", webhooks.keep_file("audio/wav", hum(), voice=True))
    stage.send(
        "document", webhooks.keep_file("application/pdf", PDF, filename="invoice 4711.pdf", caption="And the invoice")
    )


def album(stage: Stage) -> None:
    pictures = [webhooks.keep_file("image/png", draw_image(shade), caption=f"Photo {shade + 1}") for shade in range(3)]
    stage.deliver(*(build_message(stage.customer, "image", picture) for picture in pictures))


def location(stage: Stage) -> None:
    place = {"latitude": 41.3818, "longitude": 2.1716, "name": "Bar Pinotxo", "address": "La Rambla 91, Barcelona"}
    stage.send("location", place)


def card(stage: Stage) -> None:
    phones = [{"phone": "+1 202 555 0117", "wa_id": IVO.phone, "type": "CELL"}]
    person = {"name": {"formatted_name": IVO.name, "first_name": "Ivo"}, "phones": phones, "origin": "other"}
    stage.deliver(build_message(stage.customer, "contacts", None, contacts=[person]))


def reply(stage: Stage) -> None:
    """Quotes our last message, or their own."""
    quoted = stage.find_ours() or stage.say("Which size did I order?")
    stage.say("I mean this one", context={"from": webhooks.NUMBER, "id": quoted})


def reaction(stage: Stage) -> None:
    target = stage.find_ours() or stage.say("Thank you!")
    stage.send("reaction", {"message_id": target, "emoji": "👍"})
    stage.send("reaction", {"message_id": target, "emoji": "❤️"})


def edit(stage: Stage) -> None:
    id = stage.say("Please send it to 12 Elm Street")
    changed = {"type": "text", "text": {"body": "Please send it to 21 Elm Street"}}
    stage.send("edit", {"original_message_id": id, "message": changed})


def delete(stage: Stage) -> None:
    id = stage.say("My card number is 4111 1111 1111 1111")
    stage.send("revoke", {"original_message_id": id})


def number_change(stage: Stage) -> None:
    """A new number brings a new id; the customer goes on writing under it."""
    stage.say("I am about to get a new number")
    old, new = stage.customer, replace(stage.customer, phone="12025550199", user_id="US.2025550199")
    system = {
        "type": "user_changed_number",
        "body": f"User {old.name} changed from {old.phone} to {new.phone}",
        "wa_id": new.phone,
        "user_id": new.user_id,
        "previous_user_id": old.user_id,
    }
    message = build_message(Customer(old.phone), "system", system)
    status = webhooks.deliver(stage.connection, webhooks.build_value(stage.connection, messages=[message]))
    stage.answers.append(Answered(status, message["id"]))
    stage.customer = new
    stage.say("This is my new number")


def username(stage: Stage) -> None:
    """No phone at first; then the customer shares it."""
    stage.customer = LUZ
    stage.say("Hola, ¿hacéis envíos a Menorca?")
    phones = [{"phone": "+1 202 555 0162", "wa_id": "12025550162"}]
    own = {"name": {"formatted_name": LUZ.name}, "phones": phones, "origin": "contact_request"}
    stage.deliver(build_message(stage.customer, "contacts", None, contacts=[own]))


def failed_send(stage: Stage) -> None:
    """The next message that is sent to anybody is taken, and then fails."""
    get_store().set_faults(stage.connection.kind, ["failed:131026"])
    stage.say("I may block this number soon")


def poll(stage: Stage) -> None:
    errors = [{"code": 131051, "title": "Message type unknown", "message": "Message type unknown"}]
    stage.deliver(build_message(stage.customer, "unsupported", {"type": "poll"}, errors=errors))


_SCENES: dict[str, Callable[[Stage], None]] = {
    "text": text,
    "media": media,
    "album": album,
    "location": location,
    "card": card,
    "reply": reply,
    "reaction": reaction,
    "edit": edit,
    "delete": delete,
    "number-change": number_change,
    "username": username,
    "failed-send": failed_send,
    "poll": poll,
}


def _play(scene: Callable[[Stage], None], connection: Connection) -> list[Answered]:
    stage = Stage(connection, NORA)
    scene(stage)
    return stage.answers


SCENES: dict[str, Scene] = {name: partial(_play, scene) for name, scene in _SCENES.items()}
