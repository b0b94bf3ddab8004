"""Scripted customers of a page, one scene for each thing that real ones do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from channels_ingest.sandbox.base import Answered, Scene
from channels_ingest.sandbox.connections import Connection
from channels_ingest.sandbox.files import PDF, draw_image, hum
from channels_ingest.sandbox.providers.messenger import webhooks
from channels_ingest.sandbox.providers.messenger.webhooks import build_echo, build_item, keep_file, make_id
from channels_ingest.sandbox.store import get_store

PAUSE = 0.3
NORA = "7700112233440143"
OTHER_APP = 990011


@dataclass(slots=True)
class Stage:
    """Where a customer stands. `answers`: what our door said to each webhook."""

    connection: Connection
    psid: str
    answers: list[Answered] = field(default_factory=list)

    def say(self, text: str, **more: Any) -> str:
        return self.send(text=text, **more)

    def send(self, **message: Any) -> str:
        """One message in a webhook of its own; returns its id."""
        id = make_id()
        self.act(id, message={"mid": id, **message})
        return id

    def act(self, id: str, *, array: str = "messaging", **body: Any) -> None:
        self.post(id, build_item(self.connection, self.psid, **body), array=array)

    def post(self, id: str, item: Mapping[str, Any], *, array: str = "messaging") -> None:
        self.answers.append(Answered(webhooks.deliver(self.connection, item, array=array), id))
        time.sleep(PAUSE)

    def find_ours(self) -> str:
        """The id of the last message that was sent to this customer, "" if there is none."""
        for entry in reversed(get_store().list_sent(self.connection.key, after=0, limit=-1)):
            if entry["id"] and entry["body"]["recipient"]["id"] == self.psid:
                return str(entry["id"])
        return ""


def text(stage: Stage) -> None:
    stage.say("Hi! Is my order 4711 on its way?")
    stage.say("It should have come on Tuesday 📦")


def media(stage: Stage) -> None:
    stage.send(attachments=[keep_file("image/png", draw_image(0), kind="image", name="photo.png")])
    stage.send(attachments=[keep_file("audio/wav", hum(), kind="audio", name="audioclip.wav")])
    stage.send(attachments=[keep_file("application/pdf", PDF, kind="file", name="invoice 4711.pdf")])


def album(stage: Stage) -> None:
    """Ten pictures in one message."""
    photos = (keep_file("image/png", draw_image(shade), kind="image", name=f"{shade}.png") for shade in range(10))
    stage.send(attachments=list(photos))


def location(stage: Stage) -> None:
    place = {"coordinates": {"lat": 41.3818, "long": 2.1716}}
    stage.send(attachments=[{"type": "location", "title": "Bar Pinotxo", "payload": place}])


def reply(stage: Stage) -> None:
    """Quotes our last message, or their own."""
    ours = stage.find_ours()
    quoted = ours or stage.say("Which size did I order?")
    stage.say("I mean this one", reply_to={"mid": quoted, "is_self_reply": not ours})


def reaction(stage: Stage) -> None:
    target = stage.find_ours() or stage.say("Thank you!")
    for action, name, emoji in (("react", "like", "👍"), ("unreact", "like", "👍"), ("react", "love", "❤️")):
        stage.act(target, reaction={"reaction": name, "emoji": emoji, "action": action, "mid": target})


def edit(stage: Stage) -> None:
    id = stage.say("Please send it to 12 Elm Street")
    stage.act(id, message_edit={"mid": id, "text": "Please send it to 21 Elm Street", "num_edit": 1})


def delete(stage: Stage) -> None:
    id = stage.say("My card number is 4111 1111 1111 1111")
    stage.act(id, message={"mid": id, "is_deleted": True})


def postback(stage: Stage) -> None:
    """Comes by a link, and taps "Get started"."""
    link = {"ref": "spring-window", "source": "SHORTLINK", "type": "OPEN_THREAD"}
    id = make_id()
    stage.act(id, postback={"mid": id, "title": "Get started", "payload": "GET_STARTED", "referral": link})
    stage.say("Do you have the red ones in 41?")


def echo(stage: Stage) -> None:
    """Somebody answers in the page's own inbox."""
    stage.say("Are you open on Sunday?")
    id = make_id()
    said = build_echo(
        stage.connection, stage.psid, mid=id, text="Yes, from ten to two.", app_id=webhooks.PAGE_INBOX_APP
    )
    stage.post(id, said)


def standby(stage: Stage) -> None:
    """Another app has the conversation: the page only listens."""
    id, answer = make_id(), make_id()
    stage.act(id, array="standby", message={"mid": id, "text": "Where is my parcel?"})
    said = build_echo(
        stage.connection, stage.psid, mid=answer, text="I am the parcel bot. It is in Leeds.", app_id=OTHER_APP
    )
    stage.post(answer, said, array="standby")


def policy(stage: Stage) -> None:
    enforcement = {"action": "warning", "reason": "The page sent promotional messages outside of the window."}
    item = build_item(stage.connection, stage.psid, policy_enforcement=enforcement)
    stage.post("", {name: value for name, value in item.items() if name != "sender"})


def phone(stage: Stage) -> None:
    """Answers a question for the phone number; it could be changed before it was sent."""
    stage.say("+12025550143", quick_reply={"payload": "+12025550143"})


_SCENES: dict[str, Callable[[Stage], None]] = {
    "text": text,
    "media": media,
    "album": album,
    "location": location,
    "reply": reply,
    "reaction": reaction,
    "edit": edit,
    "delete": delete,
    "postback": postback,
    "echo": echo,
    "standby": standby,
    "policy": policy,
    "phone": phone,
}


def _play(scene: Callable[[Stage], None], connection: Connection) -> list[Answered]:
    stage = Stage(connection, NORA)
    scene(stage)
    return stage.answers


SCENES: dict[str, Scene] = {name: partial(_play, scene) for name, scene in _SCENES.items()}
