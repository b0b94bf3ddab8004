"""The doorbell between door and drains: Redis pub/sub without content. A lost ring costs half a second, no event."""

from __future__ import annotations

import time

import redis
from django.conf import settings

POLL_SECONDS = 0.5


def bell_name() -> str:
    return f"{settings.REDIS_PREFIX}inbound"


class Bell:
    """What a drain listens to between two looks at the table."""

    def __init__(self) -> None:
        self._pubsub: redis.client.PubSub | None = None

    def wait(self, seconds: float = POLL_SECONDS) -> None:
        """Returns at the next ring, or after `seconds`, also while Redis is away."""
        deadline = time.monotonic() + seconds
        try:
            pubsub = self._listen()
            while (left := deadline - time.monotonic()) > 0:
                message = pubsub.get_message(timeout=left)
                if message is not None and message["type"] == "message":
                    return
        except redis.RedisError:
            self.close()
            time.sleep(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        if self._pubsub is not None:
            self._pubsub.close()
            self._pubsub.connection_pool.disconnect()
            self._pubsub = None

    def _listen(self) -> redis.client.PubSub:
        if self._pubsub is None:
            client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=0.4, retry=None)
            pubsub: redis.client.PubSub = client.pubsub()  # type: ignore[no-untyped-call]
            pubsub.subscribe(bell_name())
            self._pubsub = pubsub
        return self._pubsub
