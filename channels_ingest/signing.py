"""Signatures over raw bytes, compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Iterable


def hmac_sha256_hex(secret: str, body: bytes) -> str:
    return hmac.digest(secret.encode(), body, "sha256").hex()


def matches_any(given: str, expected: Iterable[str]) -> bool:
    """Whether `given` equals one of `expected`; looks at all of them whatever matches first."""
    candidate = given.encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(candidate, value.encode()) for value in expected]
    return any(matches)
