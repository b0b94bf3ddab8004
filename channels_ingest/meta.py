"""What Meta's products have in common: the check of our address, the signature, the envelope, the Graph API's answers.
Pure: no Django, no ORM.

https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from channels_ingest.base import HttpResult, Permanent, Request, Response, Retryable, read_retry_after, secrets
from channels_ingest.events import UNDATED, Broken, Event, Unknown
from channels_ingest.payload import Unreadable, load_json, read_each, read_object, read_text
from channels_ingest.signing import hmac_sha256_hex, matches_any

API_URL = "https://graph.facebook.com"
VERSION = "v25.0"


@dataclass(frozen=True, slots=True)
class Errors:
    """What the codes of one product mean, subcodes among them: one that is known says more than its code.

    `reasons` are in words an agent understands, `undelivered` those for an error without any. `closing`: the time for
    free answers is over; `disconnecting`: the credentials are dead.
    """

    label: str
    undelivered: str
    reasons: Mapping[str, str]
    retryable: frozenset[str]
    disconnecting: frozenset[str]
    closing: frozenset[str]

    def describe(self, error: Mapping[str, Any]) -> tuple[str, str]:
        """Code ("code/subcode" where the subcode decides) and reason of an error object of an answer or a webhook."""
        code, known = read_text(error.get("code"), limit=20), self._choose(error)
        if known in self.reasons:
            return (code if known == code else f"{code}/{known}"), self.reasons[known]
        if known in self.disconnecting:
            return code, "The access token lacks a permission. Connect the channel again."
        title = read_text(error.get("title"), limit=200) or read_text(error.get("message"), limit=200)
        return code, f"{self.label} says: {title}" if title else self.undelivered

    def read_answer(self, result: HttpResult) -> dict[str, Any]:
        """The document of a good answer, {} where a good status came with something else. Raises Retryable or
        Permanent.
        """
        try:
            document = read_object(load_json(result.body))
        except Unreadable:
            document = {}
        error = read_object(document.get("error"))
        if result.status < 300 and not error:
            return document
        known = self._choose(error)
        code, reason = self.describe(error)
        code = code or str(result.status)
        passes = result.status in (408, 429) or (result.status >= 500 and known not in self.reasons)
        if known in self.retryable or passes:
            raise Retryable(reason, code=code, retry_after=read_retry_after(result))
        raise Permanent(
            reason,
            code=code,
            window_closed=known in self.closing,
            disconnects=known in self.disconnecting or (result.status == 401 and not known),
        )

    def _choose(self, error: Mapping[str, Any]) -> str:
        subcode = read_text(error.get("error_subcode"), limit=20)
        return subcode if subcode in self.reasons else read_text(error.get("code"), limit=20)


def answer_handshake(request: Request, credentials: Mapping[str, Any]) -> Response | None:
    """The bare challenge for whoever knows our word, None for others."""
    query = request.query
    token = query.get("hub.verify_token", "")
    if query.get("hub.mode") != "subscribe" or not matches_any(token, secrets(credentials, "verify_token")):
        return None
    return Response(200, query.get("hub.challenge", "").encode())


def is_signed(request: Request, credentials: Mapping[str, Any]) -> bool:
    """The app's secret signs the exact bytes, escapes of Unicode and all."""
    signature = request.headers.get("x-hub-signature-256", "")
    return matches_any(
        signature, [f"sha256={hmac_sha256_hex(secret, request.body)}" for secret in secrets(credentials, "app_secret")]
    )


def read_envelope(
    body: bytes, *, object: str, read_entry: Callable[[dict[str, Any]], Iterator[Event | Broken]]
) -> Iterator[Event | Broken]:
    """The events of all entries. One callback may serve all products of an app: those of other objects are Unknown."""
    try:
        document = load_json(body)
    except Unreadable as error:
        yield Broken(body, str(error))
        return
    if not isinstance(document, dict) or "entry" not in document:
        yield Broken(body, "no entries")
    elif document.get("object") != object:
        yield Unknown("", UNDATED, kind=f"object:{read_text(document.get('object'), limit=40)}")
    else:
        yield from read_each(document["entry"], read_entry)


def build_url(credentials: Mapping[str, Any], *parts: str) -> str:
    base = str(credentials.get("base_url") or API_URL).rstrip("/")
    return "/".join([base, VERSION, *(quote(part, safe="") for part in parts)])


def authorize(credentials: Mapping[str, Any], *, name: str) -> dict[str, str]:
    """The header of a call; `name` is that of the credential. Raises Permanent where there is none."""
    tokens = secrets(credentials, name)
    if not tokens:
        raise Permanent("The channel has no access token.", disconnects=True)
    return {"authorization": f"Bearer {tokens[0]}"}
