"""Bearer tokens: `ov_agent_` or `ov_bot_` and 32 random bytes. Only their SHA-256 is stored."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.http import HttpRequest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

AGENT_PREFIX, BOT_PREFIX = "ov_agent_", "ov_bot_"

FIND_OWNER = """
SELECT t.account_id, t.token_id, t.user_id, t.bot FROM token_owner(%s) t
WHERE t.account_id IS NOT NULL AND (t.user_id IS NULL OR EXISTS (
  SELECT FROM accounts_membership m JOIN accounts_user u ON u.id = m.user_id
  WHERE m.account_id = t.account_id AND m.user_id = t.user_id AND m.is_active AND u.is_active
))
"""


@dataclass(frozen=True, slots=True)
class TokenOwner:
    """Whom a token speaks for: a user, or a bot (`user_id` is None, `bot` its name)."""

    account_id: int
    token_id: UUID
    user_id: int | None
    bot: str


class Bot(AnonymousUser):
    """The `request.user` of a bot's API call."""

    def __init__(self, owner: TokenOwner) -> None:
        super().__init__()
        self.owner = owner

    def __str__(self) -> str:
        return self.owner.bot

    @property
    def is_anonymous(self) -> Any:
        return False

    @property
    def is_authenticated(self) -> Any:
        return True


def make_token(*, for_bot: bool) -> str:
    return (BOT_PREFIX if for_bot else AGENT_PREFIX) + secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def find_owner(token: str) -> TokenOwner | None:
    """Needs no scope. None for what is unknown or revoked, and for a user who was deactivated."""
    if not token.startswith((AGENT_PREFIX, BOT_PREFIX)):
        return None
    with connection.cursor() as cursor:
        cursor.execute(FIND_OWNER, [hash_token(token)])
        row = cursor.fetchone()
    return TokenOwner(*row) if row else None


def read_bearer(request: HttpRequest) -> str | None:
    """The token of the Authorization header, None when it carries no bearer token."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


class BearerAuthentication(BaseAuthentication):
    """Hands on what AccountMiddleware found, inside whose scope the view runs. `request.auth` is the TokenOwner."""

    def authenticate(self, request: Request) -> tuple[Any, TokenOwner] | None:
        if read_bearer(request._request) is None:
            return None
        owner: TokenOwner | None = getattr(request._request, "token_owner", None)
        if owner is None:
            raise AuthenticationFailed("This token is not valid.")
        return request._request.user, owner

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
