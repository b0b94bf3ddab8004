"""What the sandbox remembers, in Redis for a day: every web process knows it, and nothing of it is in the database."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, cast

from django.conf import settings
from redis import Redis

DAY = 24 * 3600
MOST_SENT = 10_000


class Store:
    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._prefix = prefix

    def add_sent(self, channel: str, entry: Mapping[str, Any]) -> int:
        """The running number of a message that a channel sent."""
        number, key = self._key("seq", channel), self._key("sent", channel)
        seq = int(self._client.incr(number))
        self._client.expire(number, 2 * DAY)
        self._client.zadd(key, {json.dumps({"seq": seq, **entry}): seq})
        self._client.zremrangebyrank(key, 0, -MOST_SENT - 1)
        self._client.expire(key, DAY)
        return seq

    def list_sent(self, channel: str, *, after: int, limit: int) -> list[dict[str, Any]]:
        found = self._client.zrangebyscore(self._key("sent", channel), f"({after}", "+inf", start=0, num=limit)
        return [json.loads(entry) for entry in cast("list[bytes]", found)]

    def put(self, kind: str, name: str, value: Mapping[str, Any]) -> None:
        self._client.set(self._key(kind, name), json.dumps(value), ex=DAY)

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        found = cast("bytes | None", self._client.get(self._key(kind, name)))
        return json.loads(found) if found else None

    def put_file(self, id: str, *, name: str, type: str, content: bytes) -> None:
        self.put("file", id, {"name": name, "type": type, "size": len(content)})
        self._client.set(self._key("content", id), content, ex=DAY)

    def get_content(self, id: str) -> bytes | None:
        return cast("bytes | None", self._client.get(self._key("content", id)))

    def set_faults(self, kind: str, faults: Iterable[str]) -> None:
        key = self._key("faults", kind)
        with self._client.pipeline() as pipeline:
            pipeline.delete(key)
            if faults := list(faults):
                pipeline.rpush(key, *faults)
            pipeline.expire(key, DAY)
            pipeline.execute()

    def take_fault(self, kind: str) -> str:
        """The next scripted fault, "" when there is none."""
        fault = cast("bytes | None", self._client.lpop(self._key("faults", kind)))
        return fault.decode() if fault else ""

    def _key(self, *parts: str) -> str:
        return ":".join((self._prefix, *parts))


@cache
def get_store() -> Store:
    return Store(Redis.from_url(settings.REDIS_URL, socket_timeout=5), f"{settings.REDIS_PREFIX}sandbox")
