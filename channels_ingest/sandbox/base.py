"""What a provider of the sandbox is: one module in `providers/` that defines `PROVIDER`. It posts what customers of its
kind do to our door, signed as the real one signs, and serves the API that our adapter sends to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from django.conf import settings
from django.urls import URLPattern

from channels_ingest.sandbox.connections import Connection
from oneview.common.http import NotSent, OutcomeUnknown, send_request


@dataclass(frozen=True, slots=True)
class Written:
    """What a customer writes. `who` is their address, `phone` a number the platform tells; `at` in Unix seconds, now
    where it is None; `id` repeats a message; `picture` a PNG that comes along.
    """

    who: str
    text: str
    name: str = ""
    phone: str = ""
    at: float | None = None
    id: str = ""
    picture: bytes | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """A webhook's body, the external id that our adapter will read for the message in it, and what the door keeps
    beside it.
    """

    body: bytes
    external_id: str
    kept: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answered:
    """What our door said to one webhook; 0 when it gave no answer."""

    status: int
    external_id: str


Scene = Callable[[Connection], Sequence[Answered]]


class Provider:
    """`statuses`: receipts that `report` can post. `faults`: what `Store.take_fault` may give its API."""

    kind: ClassVar[str]
    statuses: ClassVar[tuple[str, ...]] = ()
    faults: ClassVar[tuple[str, ...]] = ("429", "500", "cut_after_accept", "slow:<seconds>")
    scenes: ClassVar[Mapping[str, Scene]] = {}

    def list_urls(self) -> list[URLPattern]:
        """Its API, below `/sandbox/<kind>/`."""
        return []

    def compose(self, connection: Connection, written: Written) -> Composed:
        raise NotImplementedError

    def sign(self, connection: Connection, body: bytes) -> Mapping[str, str]:
        """The headers of a webhook."""
        raise NotImplementedError

    def report(self, connection: Connection, id: str, status: str, *, code: str) -> int | None:
        """Posts one receipt now; the door's answer, None for a message that was never sent."""
        return None

    def write(self, connection: Connection, written: Written) -> Answered:
        composed = self.compose(connection, written)
        return Answered(self.post(connection, composed.body), composed.external_id)

    def post(self, connection: Connection, body: bytes) -> int:
        return post_webhook(connection, body, headers=self.sign(connection, body))


def post_webhook(connection: Connection, body: bytes, *, headers: Mapping[str, str]) -> int:
    """The status of our door's answer, 0 when it gave none."""
    url = f"{settings.PUBLIC_URL}/webhooks/{connection.kind}/{connection.public_id}/"
    headers = {"content-type": "application/json", **headers}
    try:
        return send_request("POST", url, headers=headers, content=body, timeout=10).status
    except (NotSent, OutcomeUnknown):
        return 0


def is_fault(value: Any, faults: Sequence[str]) -> bool:
    """Whether this is one of `faults`; `slow` and `failed` carry a number."""
    name, colon, detail = str(value).partition(":")
    if not colon:
        return name in faults
    known = {fault.partition(":")[0] for fault in faults if ":" in fault}
    return name in known and detail.replace(".", "", name == "slow").isdigit()
