"""What a channel is: one module in `channels/` that defines `CHANNEL`, an instance of a subclass of `ChannelAdapter`.
Pure: no Django, no ORM.
"""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

from channels_ingest.events import Broken, Event, MessageType


@dataclass(frozen=True, slots=True)
class Request:
    """A webhook call as it came in. Header names are lower case; `url` is the public address with its query string."""

    method: str
    url: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Caller:
    """A user who calls us without a platform between: their requests are counted, their session may have ended."""

    id: str
    session: str


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = "text/plain"


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of a channel's credentials; the connect form is made from these. A rotating secret may be stored as a
    list.
    """

    name: str
    label: str
    secret: bool = True
    required: bool = True
    rotates: bool = False
    is_url: bool = False
    help: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can carry. `window`: how long after the user's last message free text may be sent, None for
    always.

    `media_limits`: bytes by message type; `file_limit`: files that one message takes. `resolution`: the provider's
    clock resolution. `receipts`: the highest state it reports. `safe_retry`: the provider drops a repeated send that
    carries our key. `returns_key`: receipts hand our own message id back. `instant`: the user sees a message as
    soon as it is stored.
    """

    text_limit: int
    caption_limit: int = 0
    media_limits: Mapping[MessageType, int] = field(default_factory=dict)
    file_limit: int = 1
    window: timedelta | None = None
    templates: bool = False
    receipts: str = "sent"
    safe_retry: bool = False
    returns_key: bool = False
    instant: bool = False
    sequence: bool = False
    resolution: timedelta = timedelta(seconds=1)
    replies: bool = False
    body_limit: int = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """`type` is a MIME type, `kind` the message type it is sent as."""

    id: str
    name: str
    type: str
    kind: MessageType
    content: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way out. `key` is our own id; `address` is what the last inbound message of the thread gave as
    `Sender.address`.

    `reaction`: (external id, emoji) sends a reaction and nothing else. `template` is the provider's own document.
    """

    key: str
    address: Mapping[str, str]
    text: str = ""
    reply_to: str | None = None
    files: tuple[OutgoingFile, ...] = ()
    template: Mapping[str, Any] | None = None
    reaction: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class HttpStep:
    """One request of a send. A `final` step makes the message appear at the user and is fenced; others may be repeated.

    Give `json`, `files` with `data` (multipart), or `content`: the very bytes, where a signature covers them. `url` and
    `headers` may hold secrets: never logged, not in repr.
    """

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = None
    data: Mapping[str, str] | None = None
    files: Mapping[str, tuple[str, bytes, str]] | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    final: bool = False


@dataclass(frozen=True, slots=True)
class HttpResult:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; ValueError when it is none."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took it: its id of the message ("" where it gives none)."""

    external_id: str


class DeliveryError(Exception):
    """`reason` is in words an agent understands, `code` the provider's own."""

    def __init__(self, reason: str, *, code: str = "") -> None:
        super().__init__(f"{reason} ({code})" if code else reason)
        self.reason = reason
        self.code = code


class Retryable(DeliveryError):
    """May work later; `retry_after` in seconds where the provider says."""

    def __init__(self, reason: str, *, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(reason, code=code)
        self.retry_after = retry_after


class Permanent(DeliveryError):
    """Will not work by repeating. `window_closed`: the agent has to choose another way; `disconnects`: the channel's
    credentials are dead.
    """

    def __init__(self, reason: str, *, code: str = "", window_closed: bool = False, disconnects: bool = False) -> None:
        super().__init__(reason, code=code)
        self.window_closed = window_closed
        self.disconnects = disconnects


Steps = Generator[HttpStep, HttpResult, Sent]
MediaSteps = Generator[HttpStep, HttpResult, HttpResult]
CheckSteps = Generator[HttpStep, HttpResult, str]
ProfileSteps = Generator[HttpStep, HttpResult, Mapping[str, str]]


class ChannelAdapter:
    """What a channel knows. Subclasses override; nothing here does input or output.

    `taken_status` answers a request that was stored. `credentials` is the decrypted document of the channel: strings, a
    rotating secret may be a list. A key `base_url` replaces `api_url` (local providers in demos and tests; the caller
    removes it where that is not allowed).
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    identity_kind: ClassVar[str]
    api_url: ClassVar[str] = ""
    credentials: ClassVar[tuple[Field, ...]]
    external_id_label: ClassVar[str]
    taken_status: ClassVar[int] = 200
    capabilities: ClassVar[Capabilities]

    def identity_scope(self, credentials: Mapping[str, Any], *, external_id: str) -> str:
        """The scope in which `Sender.value` is unique."""
        raise NotImplementedError

    def describe_embedding(self, *, site_url: str, public_id: str) -> str:
        """The code that a site embeds, of a channel without a provider; "" where a provider wants our address."""
        return ""

    def handshake(self, request: Request, credentials: Mapping[str, Any]) -> Response | None:
        """The answer to a provider's check of our address; None refuses. Called for GET."""
        return None

    def verify(self, request: Request, credentials: Mapping[str, Any]) -> bool:
        """Whether the exact bytes carry a right signature of any current secret; constant time, never raises."""
        raise NotImplementedError

    def read_caller(self, request: Request) -> Caller | None:
        """Which user sent a verified request; None where it is the platform, which sends for all."""
        return None

    def keep(self, request: Request) -> Mapping[str, str]:
        """Headers to store beside the body of a verified request, for `parse`. Never what proves who sent it."""
        return {}

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Event | Broken]:
        """The events of one stored request, in its order. Never raises: what can't be read is a `Broken` with its own
        bytes.
        """
        raise NotImplementedError

    def send(self, message: Outgoing, credentials: Mapping[str, Any], *, external_id: str) -> Steps:
        """Yields HTTP steps, is sent their results, returns `Sent`. Raises Retryable or Permanent."""
        raise NotImplementedError

    def check(self, credentials: Mapping[str, Any], *, external_id: str) -> CheckSteps:
        """Yields HTTP steps that ask whether the credentials are good and change nothing; returns how the provider
        calls the account. Raises Permanent when it refuses them, Retryable when it cannot tell. Without an override
        there is nothing to ask.
        """
        yield from ()
        return ""

    def find_address(self, kind: str, value: str) -> Mapping[str, str] | None:
        """Where to write to a user who has not written here yet, from one of their identities; None where they have to
        write first.
        """
        return None

    def fetch_profile(self, value: str, credentials: Mapping[str, Any], *, external_id: str) -> ProfileSteps:
        """Yields HTTP steps, returns what the platform tells of a user whose messages bring no name: attributes by
        name, `name` among them. Raises Retryable or Permanent. Without an override there is nothing to ask.
        """
        yield from ()
        return {}

    def fetch_media(self, ref: Mapping[str, str], credentials: Mapping[str, Any], *, external_id: str) -> MediaSteps:
        """Yields HTTP steps, returns the result that holds the file's bytes. Raises Retryable or Permanent."""
        raise NotImplementedError


def secrets(credentials: Mapping[str, Any], name: str) -> Sequence[str]:
    """All current values of a secret: one, or several while it rotates."""
    value = credentials.get(name)
    values = value if isinstance(value, list | tuple) else [value]
    return [secret for secret in values if isinstance(secret, str) and secret]


def read_retry_after(result: HttpResult) -> float | None:
    """Seconds; a date is not looked at, for there is no clock here."""
    value = {name.lower(): text for name, text in result.headers.items()}.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds >= 0 else None
