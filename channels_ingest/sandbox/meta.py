"""What the stand-ins of Meta's products have in common: the signature, the token of a call, the shape of an error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial, wraps

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse

from channels_ingest.base import secrets
from channels_ingest.sandbox.connections import Connection, find_connection
from channels_ingest.sandbox.later import call_later
from channels_ingest.signing import hmac_sha256_hex, matches_any

RETRIES = (0.5, 1, 2, 4, 8, 16, 32)  # seconds; Meta goes on for much longer

View = Callable[..., HttpResponseBase]


def sign_body(connection: Connection, body: bytes) -> Mapping[str, str]:
    secret = secrets(connection.credentials, "app_secret")[0]
    return {"x-hub-signature-256": f"sha256={hmac_sha256_hex(secret, body)}"}


def repeat_until_done(post: Callable[[], bool], *, tried: int = 0) -> None:
    """Meta repeats a webhook until it is taken; `post` says whether it was, or is not wanted any more."""
    if not post() and tried < len(RETRIES):
        call_later(RETRIES[tried], partial(repeat_until_done, post, tried=tried + 1))


def with_token(*, kind: str, name: str) -> Callable[[View], View]:
    """Gives a view the connection that its address names, if the call bears its token: the credential `name`."""

    def wrap(view: View) -> View:
        @wraps(view)
        def check(request: HttpRequest, version: str, external_id: str) -> HttpResponseBase:
            connection = find_connection(kind, external_id)
            if connection is None:
                return refuse(400, 100, f"Unsupported request. Object with ID '{external_id}' does not exist.")
            return view(request, connection) if bears_token(request, connection, name=name) else refuse_token()

        return check

    return wrap


def bears_token(request: HttpRequest, connection: Connection, *, name: str) -> bool:
    tokens = secrets(connection.credentials, name)
    return matches_any(request.headers.get("Authorization", ""), [f"Bearer {token}" for token in tokens])


def refuse_token() -> HttpResponse:
    return refuse(401, 190, "Invalid OAuth access token - Cannot parse access token")


def refuse(status: int, code: int, message: str, *, subcode: int = 0, retry_after: int = 0) -> HttpResponse:
    error = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, "fbtrace_id": "SANDBOX"}
    error |= {"error_subcode": subcode} if subcode else {}
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    return JsonResponse({"error": error}, status=status, headers=headers)
