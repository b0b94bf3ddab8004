"""What visitors do, as their client posts it to the door: messages, how far they have read, typing, who they say they
are.

    {"type": "message", "client_id", "text"?, "attachments"?: [file ids], "reply_to"?: message id, "page"?: address}
    {"type": "read", "up_to": message id}
    {"type": "typing", "on"?: true}
    {"type": "details", "name"?, "email"?, "phone"?}       what was typed into a form: it proves nothing
    {"type": "signed_in"}                                   the token names an earlier self: both are one
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from channels_ingest.base import (
    Caller,
    Capabilities,
    ChannelAdapter,
    Field,
    MediaSteps,
    Outgoing,
    Permanent,
    Request,
    Sent,
    Steps,
)
from channels_ingest.channels.webchat.tokens import (
    LONGEST,
    InvalidToken,
    Visitor,
    build_visitor,
    read_unverified,
    read_visitor,
)
from channels_ingest.events import (
    Broken,
    Claim,
    Content,
    DeliveredUpTo,
    DeliveryState,
    Event,
    IdentifierLearned,
    MediaRef,
    MessageReceived,
    MessageType,
    Sender,
    TypingChanged,
    Unknown,
)
from channels_ingest.payload import MAX_ID, Unreadable, load_json, read_id, read_instant, read_list, read_text

VISITOR_HEADER, TIME_HEADER = "x-visitor", "x-received"
MOST_FILES = 10
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")
_MEGABYTE = 1024 * 1024


class WebChat(ChannelAdapter):
    kind = "webchat"
    label = "Web chat"
    identity_kind = "visitor"
    credentials = (
        Field("jwt_secret", "Signing secret", rotates=True, help="Your server signs with it who is signed in."),
        Field(
            "allowed_origins",
            "Web sites",
            secret=False,
            required=False,
            help="Where the chat may be shown, such as https://shop.example, one after the other with a space between.",
        ),
    )
    external_id_label = "Name of the site or app"
    taken_status = 202
    capabilities = Capabilities(
        text_limit=10_000,
        caption_limit=10_000,
        media_limits=dict.fromkeys(
            (MessageType.IMAGE, MessageType.AUDIO, MessageType.VIDEO, MessageType.FILE), 25 * _MEGABYTE
        ),
        file_limit=MOST_FILES,
        receipts="read",
        resolution=timedelta(milliseconds=1),
        replies=True,
        safe_retry=True,
        instant=True,
        body_limit=64 * 1024,
    )

    def identity_scope(self, credentials: Mapping[str, Any], *, external_id: str) -> str:
        return external_id

    def describe_embedding(self, *, site_url: str, public_id: str) -> str:
        return f'<script async src="{site_url}/widget/loader.js" data-key="{public_id}"></script>'

    def verify(self, request: Request, credentials: Mapping[str, Any]) -> bool:
        """A token of this channel. A browser also names the page it is on: that must be one of ours or of the list."""
        origin = request.headers.get("origin")
        if origin is not None and not is_allowed_origin(origin, credentials, own_url=request.url):
            return False
        try:
            read_visitor(_read_bearer(request), credentials, audience=_read_public_id(request))
        except InvalidToken:
            return False
        return True

    def read_caller(self, request: Request) -> Caller:
        visitor = read_unverified(_read_bearer(request))
        return Caller(visitor.id, visitor.session)

    def keep(self, request: Request) -> Mapping[str, str]:
        return describe_visitor(read_unverified(_read_bearer(request)))

    def parse(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Event | Broken]:
        try:
            came = _Came.read(headers)
            document = load_json(body)
            if not isinstance(document, dict):
                raise Unreadable("not an object")
            yield from _read_document(document, came)
        except Unreadable as error:
            yield Broken(body, str(error))

    def send(self, message: Outgoing, credentials: Mapping[str, Any], *, external_id: str) -> Steps:
        """No step: the reply is stored, and the visitor's client comes for it."""
        yield from ()
        return Sent("")

    def fetch_media(self, ref: Mapping[str, str], credentials: Mapping[str, Any], *, external_id: str) -> MediaSteps:
        yield from ()
        raise Permanent("The file was not uploaded.")


@dataclass(frozen=True, slots=True)
class _Came:
    """Who sent a request, and when."""

    visitor: Visitor
    at: datetime

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> _Came:
        """Raises Unreadable."""
        try:
            claims = json.loads(headers.get(VISITOR_HEADER, ""))
            return cls(build_visitor(claims), read_instant(headers.get(TIME_HEADER)))
        except (ValueError, TypeError, KeyError, AttributeError):
            raise Unreadable("no visitor") from None


def describe_visitor(visitor: Visitor) -> dict[str, str]:
    """What is kept beside a request: who it came from, and when, for a visitor's own clock says nothing."""
    known = {name: value for name, value in asdict(visitor).items() if value and name not in ("id", "session")}
    return {VISITOR_HEADER: json.dumps({**known, "sub": visitor.id}), TIME_HEADER: str(int(time.time() * 1000))}


def is_allowed_origin(origin: str, credentials: Mapping[str, Any], *, own_url: str) -> bool:
    own = urlsplit(own_url)
    return origin == f"{own.scheme}://{own.netloc}" or origin in list_origins(credentials)


def list_origins(credentials: Mapping[str, Any]) -> list[str]:
    """The sites that may show the chat, as browsers spell their origin; what is none is left out."""
    given = str(credentials.get("allowed_origins") or "").replace(",", " ").split()
    return [origin for each in given if _ORIGIN.fullmatch(origin := each.rstrip("/").lower())]


def _read_bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _read_public_id(request: Request) -> str:
    """The last word of the door's address."""
    return urlsplit(request.url).path.rstrip("/").rpartition("/")[2]


def _read_document(document: Mapping[str, Any], came: _Came) -> Iterator[Event]:
    sender = _build_sender(came.visitor, document)
    match read_text(document.get("type"), limit=40):
        case "message":
            yield _read_message(document, came, sender)
        case "read":
            until = _read_time(document.get("up_to"))
            yield DeliveredUpTo("", came.at, sender, DeliveryState.READ, until, fetched=True)
        case "typing":
            yield TypingChanged("", came.at, sender, on=document.get("on") is not False)
        case "details":
            yield IdentifierLearned("", came.at, sender)
        case "signed_in":
            yield from _read_sign_in(came)
        case kind:
            yield Unknown("", came.at, kind=f"type:{kind}")


def _read_message(document: Mapping[str, Any], came: _Came, sender: Sender) -> MessageReceived:
    text = read_text(document.get("text"), limit=WebChat.capabilities.text_limit)
    files = tuple(
        MediaRef(ref={"upload": str(id)}, type="")
        for id in dict.fromkeys(map(_read_uuid, read_list(document.get("attachments"))[:MOST_FILES]))
    )
    if not text.strip() and not files:
        raise Unreadable("an empty message")
    reply_to = document.get("reply_to")
    return MessageReceived(
        "",
        came.at,
        sender,
        external_id=read_id(f"visitor:{came.visitor.id}:{read_id(document.get('client_id'))}"),
        content=Content(
            MessageType.TEXT if text.strip() else MessageType.FILE,
            text,
            media=files,
            reply_to=None if reply_to is None else str(_read_uuid(reply_to)),
        ),
    )


def _read_sign_in(came: _Came) -> Iterator[Event]:
    """The earlier self has been in this browser, which now is the user's: possession, no more."""
    visitor = came.visitor
    yield IdentifierLearned("", came.at, _build_sender(visitor, {}))
    for earlier in visitor.earlier:
        claims = (Claim("possession", "customer", visitor.customer),) if visitor.customer else ()
        yield IdentifierLearned("", came.at, Sender(earlier, address=_build_address(visitor), claims=claims))


def _build_sender(visitor: Visitor, document: Mapping[str, Any]) -> Sender:
    """Only what the site has signed is proof."""
    typed = document if document.get("type") == "details" else {}
    email = visitor.claimed_email or read_text(typed.get("email"), limit=LONGEST).strip()
    phone = visitor.claimed_phone or read_text(typed.get("phone"), limit=LONGEST).strip()
    claims = (
        Claim("signed", "customer", visitor.customer),
        Claim("signed", "email", visitor.email),
        Claim("signed", "phone", visitor.phone),
        Claim("typed", "email", email),
        Claim("typed", "phone", phone),
    )
    told = {
        "language": visitor.language,
        "platform": visitor.platform,
        "page": read_text(document.get("page"), limit=500),
        "claimed_email": email,
        "claimed_phone": phone,
    }
    return Sender(
        value=read_id(visitor.id),
        address=_build_address(visitor),
        name=visitor.name or read_text(typed.get("name"), limit=LONGEST).strip() or None,
        claims=tuple(claim for claim in claims if 0 < len(claim.value.encode()) <= MAX_ID),
        attributes={name: value for name, value in told.items() if value},
        told_by="signed" if visitor.name else "typed",
    )


def _build_address(visitor: Visitor) -> dict[str, str]:
    return {"platform": visitor.platform}


def _read_uuid(value: Any) -> UUID:
    try:
        return UUID(value if isinstance(value, str) else "")
    except ValueError:
        raise Unreadable("no id of ours") from None


def _read_time(value: Any) -> datetime:
    """The millisecond that a message id carries."""
    return read_instant(_read_uuid(value).int >> 80)


CHANNEL = WebChat()
