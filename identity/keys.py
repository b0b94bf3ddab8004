"""Ids of identities: a keyed hash of what makes them the same one, so that every replay gives the same id and none can
be guessed.
"""

from __future__ import annotations

import hmac
from uuid import UUID

from identity.rules import IdentityKey

_VERSION_MASK = ~(0xF << 76 | 0x3 << 62)
_VERSION = 8 << 76 | 2 << 62


class IdentityIds(dict[IdentityKey, UUID]):
    """Ids of one account, by key; remembers what it made."""

    def __init__(self, secret: bytes) -> None:
        super().__init__()
        self._secret = secret

    def __missing__(self, key: IdentityKey) -> UUID:
        text = "\x1f".join((key.kind, key.scope, key.value, str(key.epoch)))
        digest = hmac.digest(self._secret, text.encode(), "sha256")
        made = self[key] = UUID(int=int.from_bytes(digest[:16]) & _VERSION_MASK | _VERSION)
        return made
