"""The cache, on Redis. Nothing in it is needed for an answer to be right, so none fails for the lack of it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError


class OptionalRedisCache(RedisCache):
    """While Redis is away every key is missing and every lock free: tries to sign in go uncounted."""

    def add(self, *args: Any, **kwargs: Any) -> bool:
        with suppress(RedisError):
            return bool(super().add(*args, **kwargs))
        return True

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        with suppress(RedisError):
            return super().get(key, default, version)
        return default

    def set(self, *args: Any, **kwargs: Any) -> None:
        with suppress(RedisError):
            super().set(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> bool:
        with suppress(RedisError):
            return bool(super().delete(*args, **kwargs))
        return False

    def clear(self) -> None:
        """Of what is in the cache alone: the same Redis holds the queues, and Django's own would empty all of it."""
        with suppress(RedisError):
            client = self._cache.get_client(write=True)
            for key in client.scan_iter(f"{self.key_prefix}:*"):
                client.delete(key)
