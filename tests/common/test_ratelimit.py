"""How often somebody may do something: counted in Redis, and nobody waits for it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest
from django.conf import LazySettings

from oneview.common import ratelimit
from oneview.common.errors import TooMany
from oneview.common.ids import new_id
from oneview.common.ratelimit import hold_to, is_within
from oneview.embedded.redis import Redis


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Redis is looked for anew."""
    monkeypatch.setattr(ratelimit, "_silent_until", 0.0)
    ratelimit._limiter.cache_clear()
    yield
    ratelimit._limiter.cache_clear()


@pytest.fixture
def own_redis(settings: LazySettings, tmp_path_factory: pytest.TempPathFactory, fresh: None) -> Iterator[Redis]:
    with Redis(tmp_path_factory.mktemp("redis")) as server:
        settings.REDIS_URL = server.url
        yield server


def test_who_asks_too_often_is_told_when_to_come_again() -> None:
    who = str(new_id())
    for _ in range(3):
        hold_to("3/minute", "test", who)
    with pytest.raises(TooMany) as refusal:
        hold_to("3/minute", "test", who)
    assert 50 < refusal.value.retry_after <= 60
    assert refusal.value.code == "rate_limited"


def test_counting_begins_anew() -> None:
    who = str(new_id())
    assert [is_within("1/second", "test", who) for _ in range(2)] == [True, False]
    time.sleep(1.1)
    assert is_within("1/second", "test", who)


def test_everybody_is_counted_alone() -> None:
    one, other = str(new_id()), str(new_id())
    assert is_within("1/minute", "test", one)
    assert is_within("1/minute", "test", other)
    assert not is_within("1/minute", "test", one)


def test_a_paused_redis_holds_one_caller_for_a_moment_and_the_next_not_at_all(
    own_redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ratelimit, "_SILENT_SECONDS", 60)
    assert [is_within("1/minute", "test") for _ in range(2)] == [True, False]
    os.kill(own_redis.pid, signal.SIGSTOP)
    try:
        durations = []
        for _ in range(3):
            began = time.monotonic()
            hold_to("1/minute", "test")
            durations.append(time.monotonic() - began)
    finally:
        os.kill(own_redis.pid, signal.SIGCONT)
    assert max(durations[1:]) < ratelimit._SECONDS <= durations[0], "who does not ask does not wait"


def test_without_redis_nobody_is_held_back(settings: LazySettings, fresh: None) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock?db=0"
    assert [is_within("1/minute", "test", "anybody") for _ in range(2)] == [True, True]
