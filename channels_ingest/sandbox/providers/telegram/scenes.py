"""Scripted customers, one scene for each thing that real ones do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

from channels_ingest.sandbox.base import Answered, Scene
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.files import PDF, draw_image, hum
from channels_ingest.sandbox.providers.telegram import webhooks
from channels_ingest.sandbox.providers.telegram.webhooks import Customer
from channels_ingest.sandbox.store import get_store

PAUSE = 0.3
ALBUM = 10
MARA = Customer(5_550_100_143, "Mara Lind", "maralind", "en", phone="12025550143")
IVO = Customer(5_550_100_117, "Ivo Marsh", phone="12025550117")


@dataclass(slots=True)
class Stage:
    """Where a customer stands. `answers`: what our door said to each webhook."""

    connection: Connection
    customer: Customer
    answers: list[Answered] = field(default_factory=list)

    def say(self, text: str, **more: Any) -> dict[str, Any]:
        return self.send(text=text, **more)

    def send(self, **content: Any) -> dict[str, Any]:
        """One message; returns it as it was posted."""
        message = webhooks.build_message(self.connection, self.customer, **content)
        self.post("message", message)
        return message

    def post(self, kind: str, part: Mapping[str, Any], *, id: str = "", pause: float = PAUSE) -> None:
        """`id`: the external id of the message that this is, or is about, where the part does not name it."""
        status = webhooks.deliver(self.connection, kind, part)
        self.answers.append(Answered(status, id or (webhooks.name_message(part) if "message_id" in part else "")))
        time.sleep(pause)

    def find_ours(self) -> dict[str, Any] | None:
        """The last message that was sent to this customer."""
        for entry in reversed(get_store().list_sent(self.connection.key, after=0, limit=-1)):
            body = entry["body"]
            if str(body.get("chat_id")) == str(self.customer.id) and body["method"] != "setMessageReaction":
                return self.build_ours(int(entry["id"].rpartition(":")[2]), text=body.get("text", ""))
        return None

    def build_ours(self, id: int, **content: Any) -> dict[str, Any]:
        """A message of the bot in this chat, as updates repeat it."""
        message = webhooks.build_message(self.connection, self.customer, id=id, **content)
        return message | {"from": webhooks.build_bot(self.connection)}


def text(stage: Stage) -> None:
    stage.say("Hi! Is my order 4711 on its way?")
    stage.say("It should have come on Tuesday 📦")


def start(stage: Stage) -> None:
    """Comes through a link such as t.me/oneview_bot?start=order_4711."""
    stage.say("/start order_4711", entities=[{"type": "bot_command", "offset": 0, "length": 6}])
    stage.say("I come from your order page")


def album(stage: Stage) -> None:
    """Each picture is an update of its own, all at once."""
    group = str(webhooks.count(stage.connection, "albums"))
    for shade in range(ALBUM):
        words: dict[str, Any] = {"caption": "This is what came"} if shade == 0 else {}
        photo = webhooks.keep_photo(draw_image(shade))
        message = webhooks.build_message(stage.connection, stage.customer, photo=photo, media_group_id=group, **words)
        stage.post("message", message, pause=0)


def media(stage: Stage) -> None:
    stage.send(photo=webhooks.keep_photo(draw_image(0)), caption="This is what came")
    stage.send(voice={"duration": 1, **webhooks.keep_file(hum(), type="audio/wav", folder="voice")})
    invoice = webhooks.keep_file(PDF, type="application/pdf", name="invoice 4711.pdf")
    stage.send(document=invoice, caption="And the invoice")
    still = webhooks.keep_file(draw_image(3, 100), folder="thumbnails")
    moving = webhooks.keep_file(b"\x1f\x8b", folder="stickers")
    shape = {"type": "regular", "width": 512, "height": 512, "is_animated": True, "is_video": False}
    stage.send(sticker={**moving, **shape, "emoji": "🙏", "thumbnail": {**still, "width": 100, "height": 100}})


def location(stage: Stage) -> None:
    pin = {"latitude": 41.3818, "longitude": 2.1716}
    stage.send(location=pin)
    place = {"location": pin, "title": "Bar Pinotxo", "address": "La Rambla 91, Barcelona"}
    stage.send(venue=place, location=pin)


def card(stage: Stage) -> None:
    """Their own, which proves the number, and that of somebody else."""
    for person in (stage.customer, IVO):
        first, _, last = person.name.partition(" ")
        named = {"first_name": first, "last_name": last, "user_id": person.id}
        stage.send(contact={"phone_number": person.phone, **named})


def reply(stage: Stage) -> None:
    """Quotes our last message, or their own."""
    quoted = stage.find_ours() or stage.say("Which size did I order?")
    stage.say("I mean this one", reply_to_message=quoted)


def reaction(stage: Stage) -> None:
    """Likes our last message, or their own; thinks again; takes it back."""
    target = stage.find_ours() or stage.say("Thank you!")
    states: list[list[dict[str, str]]] = [[], *([{"type": "emoji", "emoji": emoji}] for emoji in "👍❤"), []]
    for turn, (old, new) in enumerate(pairwise(states)):
        change = {
            "chat": webhooks.build_chat(stage.customer),
            "message_id": target["message_id"],
            "user": webhooks.build_user(stage.customer),
            "date": webhooks.now() + turn,
            "old_reaction": old,
            "new_reaction": new,
        }
        stage.post("message_reaction", change, id=webhooks.name_message(target))


def edit(stage: Stage) -> None:
    message = stage.say("Please send it to 12 Elm Street")
    changed = {"text": "Please send it to 21 Elm Street", "edit_date": webhooks.now() + 1}
    stage.post("edited_message", message | changed)


def button(stage: Stage) -> None:
    """Presses a button of a message that the bot has sent some other way."""
    buttons = [[{"text": "Yes, please", "callback_data": "again:yes"}, {"text": "No", "callback_data": "again:no"}]]
    ours = stage.build_ours(
        webhooks.count_message(stage.connection, stage.customer.id),
        text="Shall we send it again?",
        reply_markup={"inline_keyboard": buttons},
    )
    id = str(webhooks.count(stage.connection, "queries"))
    query = {"id": id, "from": webhooks.build_user(stage.customer), "message": ours, "chat_instance": "-77"}
    stage.post("callback_query", {**query, "data": "again:yes"}, id=f"callback:{id}")


def blocked(stage: Stage) -> None:
    """Nothing reaches them until they come back, with the next scene."""
    stage.say("Stop writing to me")
    change_block(stage, blocked=True)


def change_block(stage: Stage, *, blocked: bool) -> None:
    bot = webhooks.build_bot(stage.connection)
    free, shut = {"user": bot, "status": "member"}, {"user": bot, "status": "kicked", "until_date": 0}
    webhooks.set_blocked(stage.connection, str(stage.customer.id), blocked=blocked)
    change = {
        "chat": webhooks.build_chat(stage.customer),
        "from": webhooks.build_user(stage.customer),
        "date": webhooks.now(),
        "old_chat_member": free if blocked else shut,
        "new_chat_member": shut if blocked else free,
    }
    stage.post("my_chat_member", change)


_SCENES: dict[str, Callable[[Stage], None]] = {
    "text": text,
    "start": start,
    "album": album,
    "media": media,
    "location": location,
    "card": card,
    "reply": reply,
    "reaction": reaction,
    "edit": edit,
    "button": button,
    "blocked": blocked,
}


def _play(scene: Callable[[Stage], None], connection: Connection) -> list[Answered]:
    stage = Stage(connection, MARA)
    if webhooks.is_blocked(connection, str(MARA.id)):
        change_block(stage, blocked=False)
    scene(stage)
    return stage.answers


SCENES: dict[str, Scene] = {name: partial(_play, scene) for name, scene in _SCENES.items()}
