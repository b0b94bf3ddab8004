"""Signs of life of processes that serve no requests, in Redis."""

from __future__ import annotations

import time
from contextlib import suppress

import redis
from django.conf import settings

EVERY_SECONDS = 5
LASTS_SECONDS = 15


class Beat:
    """`give` it in every turn of a loop. Without Redis nothing happens."""

    def __init__(self, name: str) -> None:
        self._key = key_of(name)
        self._due = 0.0
        self._client = connect()

    def give(self) -> None:
        if time.monotonic() >= self._due:
            self._due = time.monotonic() + EVERY_SECONDS
            with suppress(redis.RedisError):
                self._client.set(self._key, 1, ex=LASTS_SECONDS)

    def close(self) -> None:
        self._client.close()


def is_alive(name: str) -> bool:
    """Whether one of the processes of this name gave a sign lately. Raises RedisError."""
    with connect() as client:
        return bool(client.exists(key_of(name)))


def key_of(name: str) -> str:
    return f"{settings.REDIS_PREFIX}beat:{name}"


def connect() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
