"""Who a visitor is: the token that we give them, and the JWT by which a site's own server vouches for who signed in.

Both are JWT with HS256 (RFC 7519) and name the channel's public id as their audience, so that one of another channel
is of no use here. Ours are signed with a key made from the channel's `jwt_secret`: what a site signs is no token of
ours.
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets as randomness
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import jwt

from channels_ingest.base import secrets
from channels_ingest.payload import clean_text

ALGORITHM = "HS256"
TOKEN_SECONDS = 30 * 24 * 3600
MOST_JWT_SECONDS = 3600
SKEW_SECONDS = 60
MOST_EARLIER = 4
LONGEST = 255
PLATFORMS = ("web", "ios", "android")


class InvalidToken(Exception):
    """Refused; `str()` says why, in words for the developer of the site."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """`id` is the generated identifier, for one who signed in `user:<customer>`. `session` stays the same until the
    sign-out. `earlier`: who this browser was before it signed in. `email` and `phone` are what the site vouches for,
    the `claimed` ones what it only passes on.
    """

    id: str
    session: str = ""
    platform: str = "web"
    language: str = ""
    customer: str = ""
    earlier: tuple[str, ...] = ()
    name: str = ""
    email: str = ""
    phone: str = ""
    claimed_email: str = ""
    claimed_phone: str = ""

    @property
    def ids(self) -> tuple[str, ...]:
        """All that this browser has shown to be."""
        return (self.id, *self.earlier)


def make_visitor(*, platform: str, language: str) -> Visitor:
    """A new anonymous one: 128 random bits."""
    return Visitor(id=randomness.token_hex(16), session=randomness.token_hex(16), platform=platform, language=language)


def sign_visitor(
    visitor: Visitor, credentials: Mapping[str, Any], *, audience: str, now: float | None = None
) -> tuple[str, float]:
    """The token and the Unix second of its end."""
    issued = time.time() if now is None else now
    expires = issued + TOKEN_SECONDS
    known = {name: value for name, value in asdict(visitor).items() if value and name != "id"}
    claims = {"aud": audience, "sub": visitor.id, "iat": int(issued), "exp": int(expires), **known}
    return jwt.encode(claims, next(_derive_keys(credentials)), algorithm=ALGORITHM), expires


def read_visitor(token: str, credentials: Mapping[str, Any], *, audience: str) -> Visitor:
    """Raises InvalidToken for one that is forged, expired, or of another channel."""
    claims = _decode(token, _derive_keys(credentials), audience=audience, leeway=0)
    return build_visitor(claims)


def build_visitor(claims: Mapping[str, Any]) -> Visitor:
    """Of the claims of a token of ours, which are what `sign_visitor` wrote."""
    known = {field.name: claims[field.name] for field in fields(Visitor) if field.name in claims}
    return Visitor(**{**known, "id": claims["sub"], "earlier": tuple(claims.get("earlier", ()))})


def read_unverified(token: str) -> Visitor:
    """Of a token that has been verified: its middle part is decoded, nothing is checked again."""
    payload = token.split(".")[1]
    return build_visitor(json.loads(base64.urlsafe_b64decode(payload + "==")))


def sign_in(visitor: Visitor, token: str, credentials: Mapping[str, Any], *, audience: str) -> Visitor:
    """Who the visitor is by a site's JWT: `sub`, `iat`, `exp` at most an hour later; optional `name`, `email`,
    `email_verified`, `phone_number`, `phone_number_verified`.

    An anonymous visitor becomes an earlier self of the user; someone else who was signed in before does not. Raises
    InvalidToken.
    """
    claims = _decode(token, (secret.encode() for secret in secrets(credentials, "jwt_secret")), audience=audience)
    customer = _read_text(claims, "sub")
    if not customer:
        raise InvalidToken("sub must be the id of your user, 1 to 255 characters.")
    issued, expires = int(claims["iat"]), int(claims["exp"])  # some write them as text
    if expires - issued > MOST_JWT_SECONDS:
        raise InvalidToken("exp must be at most an hour after iat.")
    if issued > time.time() + SKEW_SECONDS:
        raise InvalidToken("iat lies in the future.")
    email, phone = _read_text(claims, "email"), _read_text(claims, "phone_number")
    is_known = claims.get("email_verified") is True, claims.get("phone_number_verified") is True
    return Visitor(
        id=f"user:{customer}",
        session=visitor.session,
        platform=visitor.platform,
        language=visitor.language,
        customer=customer,
        earlier=_list_earlier(visitor, customer),
        name=_read_text(claims, "name"),
        email=email if is_known[0] else "",
        phone=phone if is_known[1] else "",
        claimed_email="" if is_known[0] else email,
        claimed_phone="" if is_known[1] else phone,
    )


def _list_earlier(visitor: Visitor, customer: str) -> tuple[str, ...]:
    if not visitor.customer:
        return (visitor.id,)
    return visitor.earlier[:MOST_EARLIER] if visitor.customer == customer else ()


def _decode(token: str, keys: Iterable[bytes], *, audience: str, leeway: float = SKEW_SECONDS) -> dict[str, Any]:
    reason = "The channel has no secret."
    for key in keys:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=audience,
                leeway=leeway,
                options={"require": ["aud", "sub", "iat", "exp"], "strict_aud": True},
            )
        except (jwt.InvalidTokenError, ValueError, RecursionError) as error:
            reason = f"{error}."
        else:
            return claims
    raise InvalidToken(reason)


def _derive_keys(credentials: Mapping[str, Any]) -> Iterator[bytes]:
    """The key of our own tokens for each current secret, the newest first."""
    for secret in secrets(credentials, "jwt_secret"):
        yield hmac.digest(secret.encode(), b"oneview visitor token", "sha256")


def _read_text(claims: Mapping[str, Any], name: str) -> str:
    value = claims.get(name)
    text = clean_text(value).strip() if isinstance(value, str) else ""
    return text if len(text) <= LONGEST else ""
