"""A tenant's own system, which speaks and signs as docs/channels/api.md says: it posts what its users write, and takes
replies at `callback/<external_id>/`.
"""

from __future__ import annotations

import json
import secrets as randomness
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from channels_ingest.base import secrets
from channels_ingest.payload import Unreadable, load_json, read_object
from channels_ingest.sandbox.answers import cut, wait
from channels_ingest.sandbox.base import Answered, Composed, Provider, Scene, Written, post_webhook
from channels_ingest.sandbox.connections import Connection, find_connection
from channels_ingest.sandbox.files import PDF, draw_image
from channels_ingest.sandbox.later import call_later
from channels_ingest.sandbox.store import get_store
from channels_ingest.signing import matches_any, read_standard_key, sign_standard

KIND = "api"
TOLERANCE_SECONDS = 300
TYPES = ("message.created", "reaction")
RECEIPTS = (("delivered", 0.4), ("read", 1.5))  # seconds after the message
RETRIES = (0.5, 1, 2, 4, 8, 16, 32)
PAUSE = 0.3
MINA: Mapping[str, Any] = {"id": "u-2041", "name": "Mina Alder", "email": "mina@example.com", "proven": ["email"]}


def make_id(prefix: str) -> str:
    return f"{prefix}-{randomness.token_urlsafe(9)}"


def write_instant(seconds: float | None) -> str:
    """RFC 3339, now where it is None."""
    instant = datetime.fromtimestamp(time.time() if seconds is None else seconds, UTC)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def build_body(type: str, **data: Any) -> bytes:
    document = {"type": type, "data": {"sent_at": write_instant(None), **data}}
    return json.dumps(document, separators=(",", ":")).encode()


def sign_body(connection: Connection, body: bytes) -> Mapping[str, str]:
    key, id, timestamp = _list_keys(connection)[0], make_id("msg"), str(int(time.time()))
    signature = sign_standard(key, id=id, timestamp=timestamp, body=body)
    return {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature}


def deliver(connection: Connection, type: str, **data: Any) -> int:
    """Signs and posts one event; the status of our door's answer."""
    body = build_body(type, **data)
    return post_webhook(connection, body, headers=sign_body(connection, body))


def keep_file(type: str, content: bytes, *, name: str) -> dict[str, str]:
    """An attachment whose file can be downloaded."""
    id = make_id("file")
    get_store().put_file(id, name=name, type=type, content=content)
    return {"url": f"{settings.PUBLIC_URL}/sandbox/{KIND}/files/{id}", "name": name, "type": type}


@csrf_exempt
@require_POST
def callback(request: HttpRequest, external_id: str) -> HttpResponseBase:
    """Takes a reply, a repeated one only once, and plays the next scripted fault."""
    connection = find_connection(KIND, external_id)
    if connection is None or not is_signed(request, connection):
        return refuse(401, "The signature is wrong.")
    document = read_document(request.body)
    data = read_object(document.get("data"))
    if document.get("type") not in TYPES or not read_object(data.get("user")).get("id"):
        return refuse(400, "There is no such type, or no user.")
    fault, _, detail = get_store().take_fault(KIND).partition(":")
    if fault in ("410", "429", "500"):
        return refuse(int(fault), "", **({"Retry-After": "1"} if fault == "429" else {}))
    if fault == "slow":
        wait(detail)
    id = accept(connection, request.headers["webhook-id"], document, fault=fault)
    return cut() if fault == "cut_after_accept" else JsonResponse({"id": id})


def is_signed(request: HttpRequest, connection: Connection) -> bool:
    id, timestamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    if not timestamp.isdigit() or abs(int(timestamp) - time.time()) > TOLERANCE_SECONDS:
        return False
    keys = _list_keys(connection)
    expected = [sign_standard(key, id=id, timestamp=timestamp, body=request.body) for key in keys]
    given = request.headers.get("webhook-signature", "").split(" ")
    return bool(id) and any(matches_any(each, expected) for each in given)


def read_document(body: bytes) -> dict[str, Any]:
    try:
        return read_object(load_json(body))
    except Unreadable:
        return {}


def accept(connection: Connection, key: str, document: Mapping[str, Any], *, fault: str) -> str:
    """The id of the message, the same one for the same key; what is new is kept and brings its receipts."""
    known = get_store().get("taken", key)
    if known is not None:
        return str(known["id"])
    id = make_id("srv")
    get_store().put("taken", key, {"id": id})
    get_store().put("message", id, {"user": document["data"]["user"]})
    get_store().add_sent(connection.key, {"id": id, "at": int(time.time()), "body": document})
    if fault == "receipt_first":
        deliver_receipt(connection, id, "delivered")
    if fault == "failed":
        call_later(RECEIPTS[0][1], partial(deliver_receipt, connection, id, "failed", reason="The user has left."))
    else:
        for status, delay in RECEIPTS[fault == "receipt_first" :]:
            call_later(delay, partial(deliver_receipt, connection, id, status))
    return id


def deliver_receipt(connection: Connection, id: str, status: str, *, tried: int = 0, **more: str) -> None:
    """Posts a receipt, again and again until our door takes it."""
    message = get_store().get("message", id)
    if message is None or message.get("by_hand"):
        return
    answer = deliver(connection, f"message.{status}", id=id, **more)
    if not 200 <= answer < 300 and tried < len(RETRIES):
        again = partial(deliver_receipt, connection, id, status, tried=tried + 1, **more)
        call_later(RETRIES[tried], again)


@require_GET
def download_file(request: HttpRequest, file_id: str) -> HttpResponse:
    file, content = get_store().get("file", file_id), get_store().get_content(file_id)
    if file is None or content is None:
        return HttpResponse(status=404)
    return HttpResponse(content, content_type=file["type"])


def refuse(status: int, reason: str, **headers: str) -> HttpResponse:
    return JsonResponse({"reason": reason} if reason else {}, status=status, headers=headers)


def _list_keys(connection: Connection) -> list[bytes]:
    return [read_standard_key(secret) for secret in secrets(connection.credentials, "secret")]


@dataclass(slots=True)
class Stage:
    """Where a user stands. `answers`: what our door said to each event."""

    connection: Connection
    user: Mapping[str, Any] = field(default_factory=lambda: MINA)
    answers: list[Answered] = field(default_factory=list)

    def say(self, text: str, **more: Any) -> str:
        """One message; returns its id."""
        return self.tell("message.created", id=make_id("m"), user=self.user, text=text, **more)

    def tell(self, type: str, *, id: str, **data: Any) -> str:
        self.answers.append(Answered(deliver(self.connection, type, id=id, **data), id))
        time.sleep(PAUSE)
        return id

    def find_ours(self) -> str:
        """The id of the last message that was sent to this user, "" if there is none."""
        for entry in reversed(get_store().list_sent(self.connection.key, after=0, limit=-1)):
            if entry["body"]["data"]["user"]["id"] == self.user["id"]:
                return str(entry["id"])
        return ""


def text(stage: Stage) -> None:
    stage.say("Hello, my invoice shows the wrong company name.")
    stage.say("It is invoice 2026-118.")


def media(stage: Stage) -> None:
    picture, invoice = (
        keep_file("image/png", draw_image(2), name="screen.png"),
        keep_file("application/pdf", PDF, name="invoice 2026-118.pdf"),
    )
    stage.say("This is what I see", attachments=[picture])
    stage.say("", attachments=[invoice])


def proven(stage: Stage) -> None:
    """The system vouches for both keys of this user."""
    stage.user = {**MINA, "phone": "+12025550143", "proven": ["phone", "email"]}
    stage.say("You can also call me.")


def reply(stage: Stage) -> None:
    quoted = stage.find_ours() or stage.say("Which one do you mean?")
    stage.say("I mean this one", reply_to=quoted)


def reaction(stage: Stage) -> None:
    target = stage.find_ours() or stage.say("Thank you!")
    stage.tell("reaction", id=target, user=stage.user, emoji="👍")


def edit(stage: Stage) -> None:
    id = stage.say("Please send it to 12 Elm Street")
    stage.tell("message.edited", id=id, text="Please send it to 21 Elm Street")


def delete(stage: Stage) -> None:
    stage.tell("message.deleted", id=stage.say("My card number is 4111 1111 1111 1111"))


def failed_send(stage: Stage) -> None:
    """The next message that is sent to anybody is taken, and then fails."""
    get_store().set_faults(KIND, ["failed"])
    stage.say("I may close my account soon.")


_SCENES: dict[str, Callable[[Stage], None]] = {
    "text": text,
    "media": media,
    "proven": proven,
    "reply": reply,
    "reaction": reaction,
    "edit": edit,
    "delete": delete,
    "failed-send": failed_send,
}


def _play(scene: Callable[[Stage], None], connection: Connection) -> list[Answered]:
    stage = Stage(connection)
    scene(stage)
    return stage.answers


class Api(Provider):
    kind = KIND
    statuses = ("delivered", "read", "failed")
    faults = ("410", "429", "500", "cut_after_accept", "receipt_first", "failed", "slow:<seconds>")
    scenes: ClassVar[Mapping[str, Scene]] = {name: partial(_play, scene) for name, scene in _SCENES.items()}

    def list_urls(self) -> list[URLPattern]:
        """`callback` is what a channel's `base_url` names."""
        return [path("callback/<str:external_id>/", callback), path("files/<str:file_id>", download_file)]

    def compose(self, connection: Connection, written: Written) -> Composed:
        """`phone` is a number that the system has proven."""
        phone = {"phone": written.phone, "proven": ["phone"]} if written.phone else {}
        name = {"name": written.name} if written.name else {}
        picture = written.picture
        id = written.id or make_id("m")
        body = build_body(
            "message.created",
            id=id,
            user={"id": written.who, **name, **phone},
            text=written.text,
            attachments=[] if picture is None else [keep_file("image/png", picture, name="picture.png")],
            sent_at=write_instant(written.at),
        )
        return Composed(body, id)

    def sign(self, connection: Connection, body: bytes) -> Mapping[str, str]:
        return sign_body(connection, body)

    def report(self, connection: Connection, id: str, status: str, *, code: str) -> int | None:
        """Stops the receipts that would come by themselves."""
        message = get_store().get("message", id)
        if message is None:
            return None
        get_store().put("message", id, message | {"by_hand": True})
        more = {"code": code} if code else {}
        return deliver(connection, f"message.{status}", id=id, **more)


PROVIDER = Api()
