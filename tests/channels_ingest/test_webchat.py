"""Who a visitor is allowed to be: our tokens, the site's own, and where requests may come from."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any
from uuid import UUID

import jwt
import pytest

from channels_ingest.base import Outgoing, Request, Sent
from channels_ingest.channels.webchat import CHANNEL
from channels_ingest.channels.webchat.adapter import list_origins
from channels_ingest.channels.webchat.tokens import (
    InvalidToken,
    Visitor,
    make_visitor,
    read_visitor,
    sign_in,
    sign_visitor,
)
from channels_ingest.events import Broken, MessageReceived
from tests.channels_ingest.contract import drive

SECRET = "a secret of the shop, long enough to sign with"
CREDENTIALS = {"jwt_secret": SECRET, "allowed_origins": "https://shop.example, https://www.shop.example/"}
ANONYMOUS = Visitor("v1", language="en")


def build(token: str, *, public_id: str = "p", origin: str | None = None) -> Request:
    headers = {"authorization": f"Bearer {token}", **({"origin": origin} if origin else {})}
    return Request("POST", f"https://inbox.example.com/webhooks/webchat/{public_id}/", {}, headers, b"{}")


def token_of(visitor: Visitor = ANONYMOUS, *, audience: str = "p", now: float | None = None) -> str:
    return sign_visitor(visitor, CREDENTIALS, audience=audience, now=now)[0]


def vouch(*, secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    now = int(time.time())
    claims = {"aud": "p", "sub": "ana-42", "iat": now, "exp": now + 600, **changes}
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, secret, algorithm=algorithm)


class TestOurTokens:
    def test_a_visitor_is_who_the_token_says(self) -> None:
        visitor = Visitor("user:7", "ios", "de", customer="7", earlier=("v1",), name="Ana", email="a@example.com")
        assert read_visitor(token_of(visitor), CREDENTIALS, audience="p") == visitor

    def test_generated_identifiers_do_not_repeat(self) -> None:
        assert len({make_visitor(platform="web", language="").id for _ in range(100)}) == 100

    @pytest.mark.parametrize(
        "token",
        [
            "",
            "x.y.z",
            token_of(audience="other"),
            token_of(now=time.time() - 40 * 24 * 3600),
            vouch(),
            jwt.encode({"aud": "p", "sub": "v1", "iat": 0, "exp": 4_000_000_000}, "", algorithm="none"),
            sign_visitor(ANONYMOUS, {"jwt_secret": "another"}, audience="p")[0],
        ],
        ids=["none", "noise", "other channel", "expired", "signed by the site", "alg none", "forged"],
    )
    def test_a_token_of_another_kind_is_refused(self, token: str) -> None:
        with pytest.raises(InvalidToken):
            read_visitor(token, CREDENTIALS, audience="p")
        assert not CHANNEL.verify(build(token), CREDENTIALS)

    def test_a_token_of_one_channel_opens_no_other(self) -> None:
        assert CHANNEL.verify(build(token_of()), CREDENTIALS)
        assert not CHANNEL.verify(build(token_of(), public_id="q"), CREDENTIALS)


class TestOrigins:
    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            (None, True),
            ("https://shop.example", True),
            ("https://www.shop.example", True),
            ("https://inbox.example.com", True),
            ("http://shop.example", False),
            ("https://shop.example.evil.example", False),
            ("https://evil.example", False),
            ("null", False),
        ],
    )
    def test_a_browser_must_be_on_a_page_of_the_shop(self, origin: str | None, allowed: bool) -> None:
        assert CHANNEL.verify(build(token_of(), origin=origin), CREDENTIALS) is allowed


def test_what_is_no_origin_allows_nothing() -> None:
    given = "https://Shop.Example/, *; https://a.example;script-src http://b.example:8080 ftp://c.example null"
    assert list_origins({"allowed_origins": given}) == ["https://shop.example", "http://b.example:8080"]


class TestSigningIn:
    def test_the_site_vouches_for_what_it_has_checked_only(self) -> None:
        signed = vouch(name="Ana", email="ana@example.com", phone_number="+34600111222", phone_number_verified=True)
        visitor = sign_in(ANONYMOUS, signed, CREDENTIALS, audience="p")
        assert visitor == Visitor(
            "user:ana-42",
            language="en",
            customer="ana-42",
            earlier=("v1",),
            name="Ana",
            phone="+34600111222",
            claimed_email="ana@example.com",
        )

    @pytest.mark.parametrize(
        "claims",
        [
            {"secret": "another secret that is long enough to sign with"},
            {"aud": "other"},
            {"aud": ["p", "other"]},
            {"exp": -120},
            {"exp": 7200},
            {"iat": 600, "exp": 900},
            {"sub": ""},
            {"sub": "x" * 256},
            {"exp": None},
            {"iat": None},
            {"aud": None},
            {"algorithm": "HS512"},
        ],
    )
    def test_what_the_site_has_not_signed_for_this_channel_and_hour_is_refused(self, claims: dict[str, Any]) -> None:
        """Instants are seconds from now."""
        now = int(time.time())
        told: dict[str, Any] = {
            name: now + value if isinstance(value, int) else value for name, value in claims.items()
        }
        with pytest.raises(InvalidToken) as refused:
            sign_in(ANONYMOUS, vouch(**told), CREDENTIALS, audience="p")
        assert SECRET not in str(refused.value)

    def test_instants_may_be_written_as_text(self) -> None:
        now = int(time.time())
        text = vouch(iat=str(now), exp=str(now + 600))
        assert sign_in(ANONYMOUS, text, CREDENTIALS, audience="p").customer == "ana-42"
        with pytest.raises(InvalidToken):
            sign_in(ANONYMOUS, vouch(iat=str(now), exp=str(now + 7200)), CREDENTIALS, audience="p")

    @pytest.mark.parametrize("token", ["", "a.b.c", "none"])
    def test_what_nobody_has_signed_is_refused(self, token: str) -> None:
        unsigned = jwt.encode({"aud": "p", "sub": "x", "iat": 0, "exp": 4_000_000_000}, "", algorithm="none")
        with pytest.raises(InvalidToken):
            sign_in(ANONYMOUS, unsigned if token == "none" else token, CREDENTIALS, audience="p")

    def test_someone_else_in_the_same_browser_is_no_earlier_self(self) -> None:
        ana = sign_in(ANONYMOUS, vouch(), CREDENTIALS, audience="p")
        assert sign_in(ana, vouch(), CREDENTIALS, audience="p").earlier == ("v1",)
        assert sign_in(ana, vouch(sub="leo"), CREDENTIALS, audience="p").earlier == ()

    def test_old_and_new_secret_while_rotating(self) -> None:
        rotating = CREDENTIALS | {"jwt_secret": ["the new secret of the shop, just as long", SECRET]}
        assert sign_in(ANONYMOUS, vouch(), rotating, audience="p").customer == "ana-42"
        assert read_visitor(token_of(), rotating, audience="p") == ANONYMOUS


def test_what_is_kept_of_a_request_says_who_and_when_and_proves_nothing() -> None:
    token = token_of(replace(ANONYMOUS, platform="android"))
    kept = CHANNEL.keep(build(token))
    assert token.rpartition(".")[2] not in str(kept)
    (event,) = CHANNEL.parse(b'{"type":"message","client_id":"c","text":"hi"}', kept)
    assert isinstance(event, MessageReceived)
    assert (event.sender.value, event.sender.address) == ("v1", {"platform": "android"})
    assert abs(event.at.timestamp() - time.time()) < 5


@pytest.mark.parametrize("millisecond", [0, 253_402_300_799_999, (1 << 48) - 1], ids=["1970", "9999", "10889"])
def test_read_up_to_an_id_of_no_time_breaks_nothing_but_itself(millisecond: int) -> None:
    body = json.dumps({"type": "read", "up_to": str(UUID(int=millisecond << 80))}).encode()
    (event,) = CHANNEL.parse(body, CHANNEL.keep(build(token_of())))
    assert isinstance(event, Broken)


def test_a_reply_calls_nobody() -> None:
    steps = CHANNEL.send(Outgoing("k", {"platform": "web"}, text="hello"), CREDENTIALS, external_id="shop")
    assert drive(steps) == ([], Sent(""))
