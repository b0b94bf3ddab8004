"""The live log: one order, that of the commits, without holes; and a bell that never holds anybody up."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event
from typing import TypeVar
from uuid import UUID

import pytest
import redis
from django.conf import LazySettings, settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from inbox import realtime
from inbox.models import LiveEvent
from inbox.realtime import Change, append_changes, bell_channel, read_changes, read_head, read_heads
from oneview.accounts.models import Account
from oneview.common.ids import new_id
from oneview.common.scope import scope
from oneview.embedded.redis import Redis

pytestmark = pytest.mark.committed

T = TypeVar("T")


@pytest.fixture(autouse=True)
def bell_is_heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(realtime, "_silent_until", 0.0)
    realtime._bell.cache_clear()
    yield
    realtime._bell.cache_clear()


def in_thread(work: Callable[[], T]) -> T:
    """A thread of its own has a connection of its own, which it must close."""
    try:
        return work()
    finally:
        connection.close()


def append(account: Account, *conversations: UUID) -> int:
    with scope(account) as now:
        changes = [Change("conversation.updated", conversation) for conversation in conversations]
        return append_changes(account.id, changes, now=now)


def logged(account: Account, *, after: int = 0) -> list[int]:
    with scope(account):
        return [change.seq for change in read_changes(account.id, after=after).changes]


def test_changes_are_numbered_from_one_without_holes(acme: Account) -> None:
    assert append(acme, new_id(), new_id()) == 2
    assert append(acme, new_id()) == 3
    assert logged(acme) == [1, 2, 3]


def test_changes_come_back_as_they_were_written(acme: Account) -> None:
    origin, target, message = new_id(), new_id(), new_id()
    written = (
        Change("conversation.moved", target, detail={"from": [str(origin)], "to": str(target)}),
        Change("message.created", target, message),
        Change("channel.updated", None, detail={"channel": str(origin)}),
    )
    with scope(acme) as now:
        append_changes(acme.id, written, now=now)
        read = read_changes(acme.id, after=0)
    assert tuple(logged.change for logged in read.changes) == written
    assert {logged.at for logged in read.changes} == {now}


def test_a_unit_of_work_without_changes_moves_nothing(acme: Account) -> None:
    append(acme, new_id())
    assert append(acme) == 1


def test_appending_takes_one_statement(acme: Account) -> None:
    with scope(acme) as now, CaptureQueriesContext(connection) as queries:
        append_changes(acme.id, [Change("conversation.updated", new_id()) for _ in range(50)], now=now)
    assert len(queries) == 1


def test_accounts_count_for_themselves(acme: Account, zenith: Account) -> None:
    append(acme, new_id(), new_id())
    append(zenith, new_id())
    assert read_heads([acme.id, zenith.id]) == {acme.id: 2, zenith.id: 1}
    assert logged(zenith) == [1]
    with scope(zenith):
        assert read_head(acme.id) == 0


def test_a_writer_that_is_held_up_makes_no_hole(acme: Account) -> None:
    """The second writer waits for the first one's commit, however early its own work was done."""
    appended, finish = Event(), Event()

    def hold() -> int:
        with scope(acme) as now:
            head = append_changes(acme.id, [Change("conversation.updated", new_id())], now=now)
            appended.set()
            assert finish.wait(10)
            return head

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(in_thread, hold)
        assert appended.wait(10)
        second = threads.submit(in_thread, lambda: append(acme, new_id()))
        time.sleep(0.3)
        assert not second.done()
        assert logged(acme) == []
        finish.set()
        assert (first.result(), second.result()) == (1, 2)
    assert logged(acme) == [1, 2]


def test_a_writer_that_fails_leaves_no_hole(acme: Account) -> None:
    append(acme, new_id())
    with scope(acme) as now:
        append_changes(acme.id, [Change("conversation.updated", new_id())], now=now)
        transaction.set_rollback(True)
    append(acme, new_id())
    assert logged(acme) == [1, 2]


def test_a_reader_beside_many_writers_misses_nothing(acme: Account) -> None:
    writers, rounds = 4, 30
    start = Barrier(writers + 1)

    def write() -> None:
        start.wait(10)
        for _ in range(rounds):
            append(acme, new_id(), new_id())

    with ThreadPoolExecutor(writers) as threads:
        for _ in range(writers):
            threads.submit(in_thread, write)
        start.wait(10)
        position, read = 0, []
        deadline = time.monotonic() + 30
        while position < writers * rounds * 2 and time.monotonic() < deadline:
            read += logged(acme, after=position)
            position = read[-1] if read else 0
    assert read == list(range(1, writers * rounds * 2 + 1))


def test_a_long_stretch_comes_in_pages(acme: Account) -> None:
    append(acme, *(new_id() for _ in range(5)))
    with scope(acme):
        first = read_changes(acme.id, after=1, limit=2)
        rest = read_changes(acme.id, after=first.to, limit=10)
    assert ([logged.seq for logged in first.changes], first.to, first.head) == ([2, 3], 3, 5)
    assert ([logged.seq for logged in rest.changes], rest.to, rest.head) == ([4, 5], 5, 5)


@pytest.mark.parametrize(("after", "reset"), [(0, True), (1, True), (2, False), (4, False), (5, True)])
def test_who_asks_for_more_than_is_kept_starts_afresh(acme: Account, after: int, reset: bool) -> None:
    append(acme, *(new_id() for _ in range(4)))
    with scope(acme):
        LiveEvent.objects.filter(account=acme, seq__lte=2).delete()
        assert read_changes(acme.id, after=after).reset is reset


def test_who_is_too_far_behind_starts_afresh(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    append(acme, *(new_id() for _ in range(4)))
    monkeypatch.setattr(realtime, "MOST_BEHIND", 3)
    with scope(acme):
        assert read_changes(acme.id, after=0).reset
        assert not read_changes(acme.id, after=1).reset


def test_nothing_is_known_of_an_account_without_a_log(acme: Account) -> None:
    with scope(acme):
        stretch = read_changes(acme.id, after=0)
    assert (stretch.changes, stretch.head, stretch.reset) == ((), 0, False)
    assert read_heads([acme.id]) == {}


def test_the_bell_rings_after_the_commit_with_account_and_head(acme: Account) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client, client.pubsub() as heard:
        heard.subscribe(bell_channel())
        heard.get_message(timeout=20)
        with scope(acme) as now:
            append_changes(acme.id, [Change("conversation.updated", new_id())], now=now)
            assert heard.get_message(timeout=0.2) is None
        message = heard.get_message(timeout=20)
    assert message is not None
    assert json.loads(message["data"]) == ["ring", acme.id, 1]


def test_a_work_that_is_rolled_back_rings_no_bell(acme: Account) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client, client.pubsub() as heard:
        heard.subscribe(bell_channel())
        heard.get_message(timeout=20)
        with scope(acme) as now:
            append_changes(acme.id, [Change("conversation.updated", new_id())], now=now)
            transaction.set_rollback(True)
        assert heard.get_message(timeout=0.2) is None


def test_without_redis_the_change_is_logged_all_the_same(acme: Account, settings: LazySettings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock?db=0"
    assert append(acme, new_id()) == 1
    assert logged(acme) == [1]


def test_a_paused_redis_holds_one_caller_for_a_moment_and_the_next_not_at_all(
    acme: Account, settings: LazySettings, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime, "_SILENT_SECONDS", 60)
    with Redis(tmp_path_factory.mktemp("redis")) as server:
        settings.REDIS_URL = server.url
        append(acme, new_id())
        os.kill(server.pid, signal.SIGSTOP)
        try:
            durations = []
            for _ in range(3):
                began = time.monotonic()
                append(acme, new_id())
                durations.append(time.monotonic() - began)
        finally:
            os.kill(server.pid, signal.SIGCONT)
    assert max(durations[1:]) < realtime._BELL_SECONDS <= durations[0], "who rings nothing does not wait"
    assert logged(acme) == [1, 2, 3, 4]
