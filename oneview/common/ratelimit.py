"""How often somebody may do something, counted in Redis over all processes. While Redis is away nobody is held back."""

from __future__ import annotations

import math
import time
from functools import cache

from django.conf import settings
from limits import RateLimitItem, parse
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from oneview.common.errors import TooMany

_SECONDS = 0.4  # connecting and asking each take this long at most
_SILENT_SECONDS = 2.0  # after a failure nobody asks again for so long

_silent_until = 0.0


def is_within(rate: str, *who: str) -> bool:
    """Counts one more. `rate` as in "60/minute"."""
    return _count(parse(rate), *who) == 0


def hold_to(rate: str, *who: str) -> None:
    """Counts one more. Raises TooMany, with the seconds until counting begins anew."""
    if wait := _count(parse(rate), *who):
        raise TooMany(retry_after=wait)


def _count(item: RateLimitItem, *who: str) -> int:
    """The seconds to wait, 0 for who need not. A Redis that does not answer costs a moment, then nobody asks it for a
    while.
    """
    global _silent_until
    if time.monotonic() < _silent_until:
        return 0
    try:
        if _limiter().hit(item, *who):
            return 0
        return max(1, math.ceil(_limiter().get_window_stats(item, *who).reset_time - time.time()))
    except RedisError:
        _silent_until = time.monotonic() + _SILENT_SECONDS
        return 0


@cache
def _limiter() -> FixedWindowRateLimiter:
    url = settings.REDIS_URL
    scheme = "redis+unix" if url.startswith("unix://") else ""
    storage = storage_from_string(
        url.replace("unix", scheme, 1) if scheme else url,
        key_prefix=f"{settings.REDIS_PREFIX}limits",
        socket_timeout=_SECONDS,
        socket_connect_timeout=_SECONDS,
    )
    return FixedWindowRateLimiter(storage)
