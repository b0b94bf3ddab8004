"""The cache shares its Redis with queues and doorbells."""

from __future__ import annotations

import redis
from django.conf import settings
from django.core.cache import cache


def test_clearing_the_cache_leaves_what_is_not_of_the_cache() -> None:
    client = redis.Redis.from_url(settings.REDIS_URL)
    queue = f"{settings.REDIS_PREFIX}a queue"
    client.rpush(queue, "a task")
    cache.set("tries", 3)
    cache.clear()
    assert cache.get("tries") is None
    assert client.lrange(queue, 0, -1) == [b"a task"]
    client.delete(queue)
    client.close()
