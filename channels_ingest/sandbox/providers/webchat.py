"""Visitors of a site or app, who have no platform between them and our door: they post with tokens of their own."""

from __future__ import annotations

import hashlib
import json
import secrets as randomness
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from channels_ingest.channels.webchat.adapter import TIME_HEADER, describe_visitor
from channels_ingest.channels.webchat.tokens import Visitor, sign_visitor
from channels_ingest.sandbox.base import Answered, Composed, Provider, Scene, Written, post_webhook
from channels_ingest.sandbox.connections import Connection

PAUSE = 0.3
PLATFORMS = ("ios", "android")


@dataclass(slots=True)
class Stage:
    """A visitor at their client. `answers`: what our door said."""

    connection: Connection
    visitor: Visitor = field(default_factory=lambda: Visitor(make_id("scene"), platform="web", language="en"))
    answers: list[Answered] = field(default_factory=list)

    def say(self, text: str, **more: Any) -> str:
        client_id = randomness.token_hex(8)
        self.post({"type": "message", "client_id": client_id, "text": text, **more})
        return client_id

    def post(self, document: Mapping[str, Any]) -> None:
        status = post_as(self.connection, self.visitor, json.dumps(document).encode())
        self.answers.append(Answered(status, str(document.get("client_id", ""))))
        time.sleep(PAUSE)


def text(stage: Stage) -> None:
    stage.post({"type": "typing"})
    stage.say("Hi! Do you ship to Menorca?", page="https://shop.example/shipping")
    stage.say("And how long does it take?")


def mobile(stage: Stage) -> None:
    stage.visitor = replace(stage.visitor, id=make_id("scene-app"), platform="ios")
    stage.say("The app does not show my last order")


def details(stage: Stage) -> None:
    """An address that is only typed."""
    stage.say("Please write to me, I have to go")
    stage.post({"type": "details", "name": "Sam Rivers", "email": "sam@example.com"})


def sign_in(stage: Stage) -> None:
    """Anonymous first; then the shop's server says who it is."""
    stage.say("Is my order on its way?")
    earlier = stage.visitor.id
    stage.visitor = Visitor(
        "user:customer-1207",
        platform="web",
        language="en",
        customer="customer-1207",
        earlier=(earlier,),
        name="Nora Fields",
        phone="+12025550143",
    )
    stage.post({"type": "signed_in"})
    stage.say("It is order 4711")


SCENES: dict[str, Callable[[Stage], None]] = {"text": text, "mobile": mobile, "details": details, "sign-in": sign_in}


def play(scene: Callable[[Stage], None], connection: Connection) -> list[Answered]:
    stage = Stage(connection)
    scene(stage)
    return stage.answers


class WebChat(Provider):
    kind = "webchat"
    faults = ()
    scenes: ClassVar[Mapping[str, Scene]] = {name: partial(play, scene) for name, scene in SCENES.items()}

    def compose(self, connection: Connection, written: Written) -> Composed:
        """`who` that begins with `ios:` or `android:` uses the app; `customer:<id>` is signed in, `phone` proven."""
        visitor = read_visitor(written)
        client_id = written.id or randomness.token_hex(8)
        document = {"type": "message", "client_id": client_id, "text": written.text}
        kept = describe_visitor(visitor)
        if written.at is not None:
            kept[TIME_HEADER] = str(int(datetime.fromtimestamp(written.at, UTC).timestamp() * 1000))
        return Composed(json.dumps(document).encode(), f"visitor:{visitor.id}:{client_id}", kept)

    def write(self, connection: Connection, written: Written) -> Answered:
        composed = self.compose(connection, written)
        status = post_as(connection, read_visitor(written), composed.body)
        return Answered(status, composed.external_id)


def read_visitor(written: Written) -> Visitor:
    prefix, _, rest = written.who.partition(":")
    if prefix == "customer":
        return Visitor(f"user:{rest}", customer=rest, name=written.name, phone=written.phone)
    return Visitor(make_id(written.who), platform=prefix if prefix in PLATFORMS else "web", name=written.name)


def make_id(who: str) -> str:
    """The generated identifier of a visitor by the name that scripts have for them."""
    return hashlib.sha256(who.encode()).hexdigest()[:32]


def post_as(connection: Connection, visitor: Visitor, body: bytes) -> int:
    token, _ = sign_visitor(visitor, connection.credentials, audience=connection.public_id)
    return post_webhook(connection, body, headers={"authorization": f"Bearer {token}"})


PROVIDER = WebChat()
