"""Ids of identities: a keyed hash of what makes them the same one, so that every replay gives the same id and none can
be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
from uuid import UUID

from identity.rules import IdentityKey

_VERSION_MASK = ~(0xF << 76 | 0x3 << 62)
_VERSION = 8 << 76 | 2 << 62


class IdentityIds:
    """Ids of one account, by key; remembers what it made."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._made: dict[IdentityKey, UUID] = {}

    def __getitem__(self, key: IdentityKey) -> UUID:
        made = self._made.get(key)
        if made is None:
            text = "\x1f".join((key.kind, key.scope, key.value, str(key.epoch)))
            digest = hmac.new(self._secret, text.encode(), hashlib.sha256).digest()
            made = UUID(int=int.from_bytes(digest[:16]) & _VERSION_MASK | _VERSION)
            self._made[key] = made
        return made
