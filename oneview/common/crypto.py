"""Secrets at rest: one model field, encrypted with the first of `ENCRYPTION_KEYS`, readable with all of them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(value: Any) -> bytes:
    """A JSON value to a token."""
    return _fernet(tuple(settings.ENCRYPTION_KEYS)).encrypt(json.dumps(value).encode())


def decrypt(token: bytes) -> Any:
    """A token to its JSON value; raises cryptography's InvalidToken when no key fits."""
    return json.loads(_fernet(tuple(settings.ENCRYPTION_KEYS)).decrypt(token))


class EncryptedJSONField(models.BinaryField):  # type: ignore[type-arg]
    """A JSON value that the database only ever sees encrypted."""

    def from_db_value(self, value: bytes | memoryview | None, expression: Any, connection: Any) -> Any:
        return None if value is None else decrypt(bytes(value))

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else encrypt(value)

    def to_python(self, value: Any) -> Any:
        return value
