"""The drain: every stored request ends as events taken in once, or in quarantine, whatever happens on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import redis
from django.conf import LazySettings
from django.db import OperationalError, connection, connections

from channels_ingest import drain as drains
from channels_ingest.bell import Bell, bell_name
from channels_ingest.drain import Drain
from channels_ingest.models import Channel, InboundEvent, InboundState, QuarantinedEvent
from channels_ingest.replay import replay_quarantined, replay_stored
from channels_ingest.sink import Received
from inbox.models import Message
from oneview.accounts.models import Account
from oneview.bootstrap import ROOT
from oneview.common.ids import new_id
from oneview.common.scope import locked_scope, scope
from oneview.embedded.process import die_with_parent
from tests.channels_ingest import sinks
from tests.channels_ingest.sinks import POISON, Recorder, texts_of
from tests.channels_ingest.webhooks import body_of, connect, text_message

pytestmark = pytest.mark.committed

NOW = int(time.time())


@pytest.fixture
def channel(acme: Account) -> Channel:
    return connect(acme)


@pytest.fixture
def recorder(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    sinks.use(made, settings=settings, monkeypatch=monkeypatch)
    return made


def store(channel: Channel, *bodies: bytes) -> list[UUID]:
    """Requests as the door leaves them."""
    rows = [
        InboundEvent(account_id=channel.account_id, channel_id=channel.id, body=body, received_at=datetime.now(UTC))
        for body in bodies
    ]
    with scope(channel.account_id):
        InboundEvent.objects.bulk_create(rows)
    return [row.id for row in rows]


def texts(*words: str, channel: Channel | None = None) -> list[bytes]:
    """A request for each text."""
    number = channel.external_id if channel else "900100200300"
    return [body_of(text_message(word, id=f"wamid.{word}", at=NOW), number=number) for word in words]


def drain_all(worker: Drain | None = None, *, most: int = 2000) -> int:
    """Works until nothing waits; how many batches it took."""
    worker = worker or Drain()
    for count in range(most):
        if not worker.work():
            return count
    raise AssertionError("there is no end to it")


def rows_of(account: Account) -> list[InboundEvent]:
    with scope(account):
        return list(InboundEvent.objects.filter(account=account).order_by("id"))


def quarantined(account: Account) -> list[QuarantinedEvent]:
    with scope(account):
        return list(QuarantinedEvent.objects.filter(account=account).order_by("id"))


def messages_of(account: Account) -> list[str]:
    with scope(account):
        return list(Message.objects.filter(account=account).order_by("id").values_list("text", flat=True))


# What becomes of a request


def test_requests_become_events_in_their_order(channel: Channel, acme: Account, recorder: Recorder) -> None:
    first, second = store(channel, body_of(*(text_message(w, id=w) for w in "ab")), *texts("c"))
    drain_all()
    assert recorder.texts == ["a", "b", "c"]
    (batch,) = recorder.batches
    assert [received.source for received in batch] == [first, first, second]
    assert {(received.channel.id, received.channel.identity_kind) for received in batch} == {(channel.id, "whatsapp")}
    assert [(row.state, row.attempts) for row in rows_of(acme)] == [(InboundState.DONE, 1)] * 2


def test_a_request_keeps_the_earliest_time_that_it_speaks_of(
    channel: Channel, acme: Account, recorder: Recorder
) -> None:
    store(channel, body_of(*(text_message(f"{n}", id=f"{n}", at=1_780_000_000 + n) for n in (5, 2, 9))))
    drain_all()
    assert rows_of(acme)[0].oldest_at == datetime.fromtimestamp(1_780_000_002, UTC)


def test_a_channel_knows_when_it_was_last_heard_of(channel: Channel, acme: Account, recorder: Recorder) -> None:
    store(channel, *texts("a"))
    drain_all()
    with scope(acme) as now:
        seen = Channel.objects.get().last_event_at
        assert seen is not None
        assert now - seen < timedelta(seconds=10)


def test_an_event_goes_to_the_channel_that_it_names(channel: Channel, acme: Account, recorder: Recorder) -> None:
    other = connect(acme, external_id="900555")
    store(channel, *texts("a", channel=other))
    drain_all()
    assert [received.channel.id for received in recorder.batches[0]] == [other.id]


def test_an_event_for_nobody_here_is_kept_in_quarantine(
    channel: Channel, acme: Account, zenith: Account, recorder: Recorder
) -> None:
    """Also one for a channel of another account: what a request says never chooses the account."""
    theirs = connect(zenith, external_id="900777")
    (body,) = texts("secret", channel=theirs)
    store(channel, body, *texts("fine"))
    drain_all()
    assert recorder.texts == ["fine"]
    (entry,) = quarantined(acme)
    assert bytes(entry.body or b"") == body
    assert entry.error == "meant for 900777: not connected here"
    assert [row.state for row in rows_of(acme)] == [InboundState.QUARANTINED, InboundState.DONE]
    assert quarantined(zenith) == []


def test_one_broken_event_of_a_thousand_is_alone_in_quarantine(
    channel: Channel, acme: Account, recorder: Recorder
) -> None:
    messages: list[Any] = [text_message(f"{n}", id=f"wamid.{n}") for n in range(1000)]
    messages[617] = {"from": "34600111222", "timestamp": "never", "type": "text"}
    store(channel, body_of(*messages))
    drain_all()
    assert recorder.texts == [f"{n}" for n in range(1000) if n != 617]
    (entry,) = quarantined(acme)
    assert json.loads(bytes(entry.body or b"")) == messages[617]


@pytest.mark.parametrize("body", [b"", b"\xff\x00", b"[" * 100_000, b"null"])
def test_bytes_that_are_no_webhook_go_to_quarantine_whole(
    channel: Channel, acme: Account, recorder: Recorder, body: bytes
) -> None:
    store(channel, body, *texts("fine"))
    drain_all()
    assert recorder.texts == ["fine"]
    (entry,) = quarantined(acme)
    assert bytes(entry.body or b"") == body


def test_a_kind_of_event_that_is_not_known_is_no_fault(channel: Channel, acme: Account, recorder: Recorder) -> None:
    store(channel, b'{"object": "whatsapp_business_account", "entry": [{"changes": [{"field": "x", "value": {}}]}]}')
    drain_all()
    assert ([row.state for row in rows_of(acme)], quarantined(acme)) == ([InboundState.DONE], [])


def test_a_request_whose_bytes_retention_took_is_done(channel: Channel, acme: Account, recorder: Recorder) -> None:
    store(channel, *texts("gone"))
    with scope(acme):
        InboundEvent.objects.update(body=None)
    drain_all()
    assert ([row.state for row in rows_of(acme)], recorder.texts) == ([InboundState.DONE], [])


# Batches


def test_a_batch_has_at_most_five_hundred_events(channel: Channel, recorder: Recorder) -> None:
    store(channel, *texts(*(f"{n}" for n in range(1200))))
    drain_all()
    assert [len(batch) for batch in recorder.batches] == [500, 500, 200]


def test_requests_of_many_events_are_divided_between_them(channel: Channel, acme: Account, recorder: Recorder) -> None:
    store(channel, *(body_of(*(text_message(f"{r}-{n}", id=f"{r}-{n}") for n in range(200))) for r in range(5)))
    drain_all()
    assert [len(batch) for batch in recorder.batches] == [400, 400, 200]
    assert {row.attempts for row in rows_of(acme)} == {1}


def test_a_batch_has_at_most_four_megabytes_unless_one_request_has_more(
    channel: Channel, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = texts("a", "b", "c", "d", "e")
    monkeypatch.setattr(drains, "BATCH_BYTES", 2 * len(bodies[0]))
    store(channel, body_of(text_message("large" * 500, id="large")), *bodies)
    drain_all()
    assert [len(batch) for batch in recorder.batches] == [1, 2, 2, 1]


def test_an_account_with_much_waiting_leaves_room_for_others(
    channel: Channel, zenith: Account, recorder: Recorder
) -> None:
    theirs = connect(zenith, external_id="900777")
    store(channel, *texts(*(f"{n}" for n in range(1500))))
    store(theirs, *texts("quiet", channel=theirs))
    drain_all()
    assert "quiet" in texts_of(recorder.batches[1])


# Faults of what is taken in


def test_an_event_that_cannot_be_taken_in_costs_no_other(channel: Channel, acme: Account, recorder: Recorder) -> None:
    def check(batch: Sequence[Received]) -> None:
        if POISON in texts_of(batch):
            raise ValueError(POISON)

    recorder.check = check
    words = [f"{n}" for n in range(700)]
    words[333] = POISON
    store(channel, *texts(*words))
    batches = drain_all()
    assert sorted(recorder.texts) == sorted(set(words) - {POISON})
    (entry,) = quarantined(acme)
    assert bytes(entry.body or b"") == texts(POISON)[0]
    assert entry.error == "MessageReceived not taken in: ValueError"
    assert batches < 60
    assert max(row.attempts for row in rows_of(acme)) == drains.QUARANTINE_AFTER - 1


def test_an_event_that_fails_inside_its_request_costs_no_neighbour(
    channel: Channel, acme: Account, recorder: Recorder
) -> None:
    def check(batch: Sequence[Received]) -> None:
        if POISON in texts_of(batch):
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1/0")

    recorder.check = check
    words = [f"{n}" for n in range(100)]
    words[42] = POISON
    store(channel, body_of(*(text_message(word, id=word) for word in words)))
    drain_all()
    assert sorted(recorder.texts) == sorted(set(words) - {POISON})
    assert [entry.error for entry in quarantined(acme)] == ["MessageReceived not taken in: DataError"]
    assert rows_of(acme)[0].state == InboundState.QUARANTINED


def test_a_request_that_kills_five_times_goes_to_quarantine_unread(channel: Channel, acme: Account) -> None:
    store(channel, *texts("before", POISON, "after"))
    with drain_process("tests.channels_ingest.sinks.die_of_poison", lives=20):
        wait_until(lambda: not waiting(acme))
    assert sorted(messages_of(acme)) == ["after", "before"]
    (entry,) = quarantined(acme)
    assert (bytes(entry.body or b""), entry.error) == (texts(POISON)[0], "not taken in after 5 attempts")


@pytest.mark.parametrize("deadly", ["read_request", "_take_in", "_finish"], ids=["after T0", "before T1", "in T1"])
def test_a_drain_killed_anywhere_is_taken_over(channel: Channel, acme: Account, deadly: str) -> None:
    store(channel, *texts("a", "b", "c"))
    with drain_process("inbox.intake.handle_events", deadly=deadly) as victim:
        assert victim.wait(60) == signal.SIGKILL
    assert {(row.state, row.attempts) for row in rows_of(acme)} == {(InboundState.WAITING, 1)}
    drain_all()
    assert sorted(messages_of(acme)) == ["a", "b", "c"]
    assert quarantined(acme) == []


# Faults of what is around


@pytest.mark.parametrize("sqlstate", ["40P01", "40001", "55P03", "53100", None])
def test_an_attempt_that_the_database_spoils_does_not_count(
    channel: Channel, acme: Account, recorder: Recorder, sqlstate: str | None
) -> None:
    class Cause(Exception):
        pass

    def check(batch: Sequence[Received]) -> None:
        recorder.check = lambda batch: None
        cause = Cause()
        cause.sqlstate = sqlstate  # type: ignore[attr-defined]
        raise OperationalError from cause

    recorder.check = check
    store(channel, *texts("a"))
    worker = Drain()
    with pytest.raises(OperationalError):
        worker.work()
    drain_all(worker)
    assert recorder.texts == ["a"]
    assert rows_of(acme)[0].attempts == 1


def test_a_connection_lost_in_a_batch_costs_no_attempt(channel: Channel, acme: Account, recorder: Recorder) -> None:
    def check(batch: Sequence[Received]) -> None:
        recorder.check = lambda batch: worker.stop()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            (pid,) = cursor.fetchone()
        with connections["owner"].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 1000)", [pid])

    recorder.check = check
    store(channel, *texts("a"))
    worker = Drain()
    worker.run()
    assert recorder.texts == ["a"]
    assert rows_of(acme)[0].attempts == 1


def test_while_somebody_holds_the_account_lock_its_requests_wait(
    channel: Channel, acme: Account, recorder: Recorder
) -> None:
    store(channel, *texts("a"))
    with elsewhere(lambda: locked_scope(acme)):
        assert Drain().work() is False
    drain_all()
    assert recorder.texts == ["a"]


def test_a_lock_taken_between_claim_and_work_costs_no_attempt(
    channel: Channel, acme: Account, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(channel, *texts("a"))
    worker, take_in = Drain(), drains._take_in

    def take_in_while_locked(*arguments: Any) -> bool:
        with elsewhere(lambda: locked_scope(acme)):
            return take_in(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(drains, "_take_in", take_in_while_locked)
        for _ in range(10):
            assert worker.work()
    assert recorder.texts == []
    drain_all(worker)
    assert (recorder.texts, rows_of(acme)[0].attempts) == (["a"], 1)


def test_what_another_drain_finished_meanwhile_is_left_out(
    channel: Channel, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(channel, *texts("a", "b"))
    take_in = drains._take_in

    def take_in_late(*arguments: Any) -> bool:
        monkeypatch.setattr(drains, "_take_in", take_in)
        drain_all()
        return take_in(*arguments)

    monkeypatch.setattr(drains, "_take_in", take_in_late)
    drain_all()
    assert recorder.texts == ["a", "b"]


def test_two_drains_take_everything_in_once(acme: Account, zenith: Account) -> None:
    channels = [connect(acme), connect(zenith, external_id="900777")]
    for channel in channels:
        store(channel, *texts(*(f"{n}" for n in range(900)), channel=channel))
    with drain_process("inbox.intake.handle_events"), drain_process("inbox.intake.handle_events"):
        wait_until(lambda: not waiting(acme) and not waiting(zenith))
    for account in (acme, zenith):
        assert sorted(messages_of(account), key=int) == [f"{n}" for n in range(900)]
        assert quarantined(account) == []
        assert {row.state for row in rows_of(account)} == {InboundState.DONE}


def test_old_messages_of_a_longer_window_find_their_day(channel: Channel, acme: Account) -> None:
    worker = Drain()
    store(channel, *texts("today"))
    drain_all(worker)
    Account.objects.filter(id=acme.id).update(window_days=60)
    store(channel, body_of(text_message("long ago", id="old", at=NOW - 45 * 86400)))
    drain_all(worker)
    assert messages_of(acme) == ["long ago", "today"]


# Waking up and stopping


def test_a_ring_wakes_a_drain_at_once(settings: LazySettings) -> None:
    bell = Bell()
    bell.wait(0.05)
    client = redis.Redis.from_url(settings.REDIS_URL)
    rung = threading.Event()

    def ring() -> None:
        rung.set()
        client.publish(bell_name(), b"")

    threading.Timer(0.1, ring).start()
    began = time.monotonic()
    bell.wait(30)
    assert rung.is_set()
    assert time.monotonic() - began < 30
    bell.close()
    client.close()


def test_without_a_ring_or_redis_a_drain_looks_by_itself(settings: LazySettings) -> None:
    for url in (settings.REDIS_URL, "unix:///nowhere/redis.sock"):
        settings.REDIS_URL = url
        bell = Bell()
        began = time.monotonic()
        bell.wait(0.2)
        assert 0.15 < time.monotonic() - began < 10
        bell.close()


def test_a_drain_told_to_stop_ends_after_its_batch(channel: Channel, acme: Account) -> None:
    store(channel, *texts("a"))
    with drain_process("inbox.intake.handle_events") as running:
        wait_until(lambda: not waiting(acme))
        running.terminate()
        assert running.wait(10) == 0
    assert messages_of(acme) == ["a"]


# Replay


def test_what_was_quarantined_comes_in_when_its_channel_is_connected(
    channel: Channel, acme: Account, recorder: Recorder
) -> None:
    store(channel, body_of(text_message("late", id="late"), number="900888"))
    drain_all()
    assert (replay := replay_quarantined(acme.id)).quarantined == 1
    assert (replay.replayed, replay.messages) == (0, 0)
    connect(acme, external_id="900888")
    replay = replay_quarantined(acme.id)
    assert (replay.replayed, replay.messages, replay.quarantined) == (1, 1, 0)
    assert recorder.texts == ["late"]
    assert [entry.state for entry in quarantined(acme)] == [QuarantinedEvent.State.REPLAYED]
    assert replay_quarantined(acme.id).replayed == 0


def test_a_part_that_is_still_broken_stays_in_quarantine_once(
    channel: Channel, acme: Account, recorder: Recorder
) -> None:
    broken = [{"from": "34600111222", "timestamp": word, "type": "text"} for word in ("never", "ever")]
    store(channel, body_of(*broken, text_message("fine", id="fine")))
    drain_all()
    replay = replay_quarantined(acme.id)
    assert (replay.replayed, replay.quarantined) == (0, 2)
    assert len(quarantined(acme)) == 2


def test_a_replay_is_confined_to_what_was_chosen(channel: Channel, acme: Account, recorder: Recorder) -> None:
    other = connect(acme, external_id="900555")
    store(channel, b"no webhook")
    store(other, b"no webhook either")
    drain_all()
    assert replay_quarantined(acme.id, channel_id=other.id).quarantined == 1
    assert replay_quarantined(acme.id, ids=[quarantined(acme)[0].id]).quarantined == 1
    assert replay_quarantined(acme.id, ids=[new_id()]).quarantined == 0


def test_everything_taken_in_again_changes_nothing(channel: Channel, acme: Account) -> None:
    store(channel, *texts(*(f"{n}" for n in range(120))))
    drain_all()
    before = messages_of(acme)
    replay = replay_stored(acme.id)
    assert (replay.replayed, replay.messages, replay.quarantined) == (120, 0, 0)
    assert messages_of(acme) == before


# Tools


def waiting(account: Account) -> bool:
    return any(row.state == InboundState.WAITING for row in rows_of(account))


def wait_until(done: Callable[[], bool], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def elsewhere(enter: Callable[[], Any]) -> Iterator[None]:
    """Inside of a context that another connection has entered."""
    entered, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with enter():
            entered.set()
            leave.wait(20)
        connection.close()

    thread = threading.Thread(target=stay)
    thread.start()
    assert entered.wait(20)
    try:
        yield
    finally:
        leave.set()
        thread.join()


@contextmanager
def drain_process(sink: str, *, lives: int = 1, deadly: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """See the module of that name."""
    database = connections["default"].settings_dict
    url = f"postgres://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    environment = {**os.environ, "DATABASE_URL": url, "DATABASE_OWNER_URL": url, "POOL": "0"}
    command = [sys.executable, "-m", "tests.channels_ingest.drain_process", sink, str(lives), deadly]
    preexec = die_with_parent(signal.SIGTERM)
    with subprocess.Popen(command, cwd=ROOT, env=environment, preexec_fn=preexec) as running:
        yield running
        running.kill()
