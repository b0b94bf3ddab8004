"""How often somebody may do something, counted in Redis over all processes. While Redis is away nobody is held back."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError


def is_within(rate: str, *who: str) -> bool:
    """Counts one more. `rate` as in "60/minute"."""
    try:
        return _limiter().hit(parse(rate), *who)
    except RedisError:
        return True


@cache
def _limiter() -> FixedWindowRateLimiter:
    url = settings.REDIS_URL
    scheme = "redis+unix" if url.startswith("unix://") else ""
    storage = storage_from_string(
        url.replace("unix", scheme, 1) if scheme else url,
        key_prefix=f"{settings.REDIS_PREFIX}limits",
        socket_timeout=1,
        socket_connect_timeout=1,
    )
    return FixedWindowRateLimiter(storage)
