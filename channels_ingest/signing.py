"""Signatures over raw bytes, compared in constant time."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable


def hmac_sha256_hex(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), body, "sha256").hex()


def read_standard_key(secret: str) -> bytes:
    """The key of a secret of Standard Webhooks: what `whsec_` is followed by in base64; any other text is the key
    itself. Raises ValueError where it is not base64.

    https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
    """
    encoded = secret.removeprefix("whsec_")
    return secret.encode() if encoded == secret else base64.b64decode(encoded, validate=True)


def sign_standard(key: bytes, *, id: str, timestamp: str, body: bytes) -> str:
    """One signature of Standard Webhooks; `timestamp` in Unix seconds."""
    content = f"{id}.{timestamp}.".encode("utf-8", "surrogatepass") + body
    return f"v1,{base64.b64encode(hmac.digest(key, content, 'sha256')).decode()}"


def matches_any(given: str, expected: Iterable[str]) -> bool:
    """Whether `given` equals one of `expected`; looks at all of them whatever matches first."""
    candidate = given.encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(candidate, value.encode()) for value in expected]
    return any(matches)
