"""The outbox: each message goes out once, in order, or ends in a state that says what is known."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection, connections

from channels_ingest import outbox
from channels_ingest.base import Capabilities, ChannelAdapter, HttpStep, Outgoing, Retryable, Sent, Steps
from channels_ingest.calls import usable_credentials
from channels_ingest.events import DeliveryState, DeliveryUpdated
from channels_ingest.models import Channel, DeliveryAttempt, OutboxMessage, OutboxState
from channels_ingest.outbox import deliver, list_due_threads
from channels_ingest.registry import load_channels
from channels_ingest.services import (
    claim_uploads,
    enqueue_message,
    retry_delivery,
    store_upload,
    update_channel,
    withdraw_messages,
)
from channels_ingest.tasks import deliver_thread, sweep_outbox
from oneview.accounts.models import Account
from oneview.bootstrap import ROOT
from oneview.common.errors import NotFound, NotPossible
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.channels_ingest import sinks
from tests.channels_ingest.provider import Provider, Say
from tests.channels_ingest.sinks import Recorder
from tests.channels_ingest.webhooks import CREDENTIALS, connect

pytestmark = pytest.mark.committed

THREAD = new_id()


@pytest.fixture
def recorder(settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    sinks.use(made, settings=settings, monkeypatch=monkeypatch)
    return made


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider().running() as running:
        yield running


@pytest.fixture
def channel(acme: Account, provider: Provider, recorder: Recorder) -> Channel:
    return connect(acme, base_url=provider.url)


def enqueue(channel: Channel, *texts: str, thread: UUID = THREAD, **content: Any) -> list[UUID]:
    """Replies in a thread; the ids of their messages."""
    ids = [new_id() for _ in texts]
    with scope(channel.account_id) as now:
        for id, text in zip(ids, texts, strict=True):
            document = {"address": {"to": "34600111222"}, "text": text, **content}
            enqueue_message(
                channel.account_id, channel_id=channel.id, thread_id=thread, message_id=id, content=document, now=now
            )
    return ids


def run(channel: Channel, *, thread: UUID = THREAD) -> None:
    deliver(channel.account_id, thread)


def rows_of(channel: Channel) -> list[OutboxMessage]:
    with scope(channel.account_id):
        return list(OutboxMessage.objects.order_by("id"))


def states_of(channel: Channel) -> list[str]:
    return [row.state for row in rows_of(channel)]


def change_rows(channel: Channel, **values: Any) -> None:
    with scope(channel.account_id):
        OutboxMessage.objects.update(**values)


def pass_time(channel: Channel) -> None:
    """What waits for its next attempt waits no more."""
    change_rows(channel, next_attempt_at=datetime.now(UTC) - timedelta(seconds=1))


def let_leases_run_out(channel: Channel) -> None:
    change_rows(channel, leased_until=datetime.now(UTC) - timedelta(seconds=1))


def updates(recorder: Recorder) -> list[tuple[str, str]]:
    return [(event.state, event.reason) for event in recorder.events if isinstance(event, DeliveryUpdated)]


# What is sent


def test_a_message_is_sent_and_its_content_forgotten(channel: Channel, provider: Provider, recorder: Recorder) -> None:
    (message,) = enqueue(channel, "Hello")
    run(channel)
    assert provider.texts == ["Hello"]
    (row,) = rows_of(channel)
    assert (row.state, row.content, row.attempts) == (OutboxState.SENT, None, 1)
    (event,) = recorder.events
    assert isinstance(event, DeliveryUpdated)
    assert (event.message_id, event.external_id, event.state) == (str(message), "wamid.OUR1", DeliveryState.SENT)
    assert (recorder.batches[0][0].channel.id, recorder.batches[0][0].source) == (channel.id, row.id)


def test_a_call_is_on_record_without_what_was_said(channel: Channel, provider: Provider) -> None:
    enqueue(channel, "Hello")
    run(channel)
    with scope(channel.account_id):
        (attempt,) = DeliveryAttempt.objects.all()
    assert (attempt.status, attempt.outcome) == (200, "POST 127.0.0.1: answered")
    assert attempt.outbox_id == rows_of(channel)[0].id


def test_a_thread_goes_out_in_its_order(channel: Channel, provider: Provider) -> None:
    words = [f"{n}" for n in range(25)]
    enqueue(channel, *words)
    run(channel)
    assert provider.texts == words[: outbox.MOST_MESSAGES]
    run(channel)
    assert provider.texts == words


def test_files_are_uploaded_before_their_message(channel: Channel, provider: Provider, acme: Account) -> None:
    with scope(acme):
        upload = store_upload(acme.id, name="a.png", content_type="image/png", content=b"\x89PNG\r\n\x1a\n...")
        claim_uploads(acme.id, [upload.id], message_id=new_id(), channel_id=channel.id)
    enqueue(channel, "", files=[str(upload.id)])
    provider.next.append(Say(500))
    run(channel)
    assert states_of(channel) == [OutboxState.QUEUED]
    pass_time(channel)
    run(channel)
    assert states_of(channel) == [OutboxState.SENT]
    assert [asked.path.rpartition("/")[2] for asked in provider.asked] == ["media", "media", "messages"]
    assert b"\x89PNG" in provider.asked[1].body


def test_a_file_that_is_gone_fails_its_message(channel: Channel, provider: Provider, recorder: Recorder) -> None:
    enqueue(channel, "", files=[str(new_id())])
    run(channel)
    assert (states_of(channel), provider.asked) == ([OutboxState.FAILED], [])
    assert updates(recorder) == [("failed", "A file of the message is not here any more.")]


# What the provider does not take


def test_a_message_that_must_wait_holds_its_thread(channel: Channel, provider: Provider, recorder: Recorder) -> None:
    enqueue(channel, "first", "second")
    provider.next.extend([Say(500), Say(500)])
    for _ in range(2):
        run(channel)
        run(channel)
        pass_time(channel)
    assert provider.texts == ["first", "first"]
    assert [state for state, _ in updates(recorder)] == ["queued"], "the same reason is told once"
    run(channel)
    assert provider.texts == ["first", "first", "first", "second"]
    assert states_of(channel) == [OutboxState.SENT] * 2


def test_other_threads_do_not_wait_for_it(channel: Channel, provider: Provider) -> None:
    other = new_id()
    enqueue(channel, "first")
    provider.next.append(Say(500))
    run(channel)
    enqueue(channel, "elsewhere", thread=other)
    run(channel, thread=other)
    assert provider.texts == ["first", "elsewhere"]


def test_waiting_becomes_longer_each_time(channel: Channel, provider: Provider) -> None:
    enqueue(channel, "first")
    delays = []
    for _ in range(12):
        provider.next.append(Say(500))
        run(channel)
        delays.append((rows_of(channel)[0].next_attempt_at - datetime.now(UTC)).total_seconds())
        pass_time(channel)
    assert delays[0] < 2 < delays[3] < 17
    assert 400 < delays[-1] <= outbox.LONGEST_DELAY


def test_the_provider_says_how_long_to_wait(channel: Channel, provider: Provider) -> None:
    enqueue(channel, "first")
    provider.next.append(Say(429, headers={"retry-after": "1000"}))
    run(channel)
    delay = (rows_of(channel)[0].next_attempt_at - datetime.now(UTC)).total_seconds()
    assert 990 < delay < 1101


def test_somebody_gives_up_in_the_end(channel: Channel, provider: Provider, recorder: Recorder) -> None:
    enqueue(channel, "first")
    provider.next.append(Say(500))
    run(channel)
    pass_time(channel)
    change_rows(channel, attempts=outbox.MOST_ATTEMPTS)
    run(channel)
    assert (states_of(channel), len(provider.asked)) == ([OutboxState.FAILED], 1)
    assert updates(recorder)[-1] == ("failed", updates(recorder)[0][1])


def test_what_is_refused_fails_with_words_and_lets_the_next_go(
    channel: Channel, provider: Provider, recorder: Recorder
) -> None:
    enqueue(channel, "first", "second")
    provider.next.append(Say(400, {"error": {"code": 131026}}))
    run(channel)
    assert states_of(channel) == [OutboxState.FAILED, OutboxState.SENT]
    assert rows_of(channel)[0].code == "131026"
    assert "cannot be reached" in updates(recorder)[0][1]


def test_a_window_that_the_provider_found_closed_is_named(channel: Channel, provider: Provider) -> None:
    enqueue(channel, "late")
    provider.next.append(Say(400, {"error": {"code": 131047}}))
    run(channel)
    assert (rows_of(channel)[0].state, rows_of(channel)[0].code) == (OutboxState.FAILED, "window_closed")


def test_a_reply_whose_window_closed_while_it_waited_is_not_sent(
    channel: Channel, provider: Provider, recorder: Recorder
) -> None:
    closes = datetime.now(UTC) + timedelta(hours=1)
    enqueue(channel, "in time", until=closes.isoformat())
    provider.next.append(Say(500))
    run(channel)
    waiting = rows_of(channel)[0].content or {}
    change_rows(channel, content={**waiting, "until": datetime.now(UTC).isoformat()})
    pass_time(channel)
    run(channel)
    assert provider.texts == ["in time"]
    assert (rows_of(channel)[0].state, rows_of(channel)[0].code) == (OutboxState.FAILED, "window_closed")
    assert updates(recorder)[-1] == ("failed", outbox.WINDOW_CLOSED_REASON)


def test_a_dead_token_disconnects_the_channel_and_its_messages_wait(
    channel: Channel, provider: Provider, recorder: Recorder, acme: Account
) -> None:
    enqueue(channel, "first", "second")
    enqueue(channel, "elsewhere", thread=(other := new_id()))
    provider.next.append(Say(401, {"error": {"code": 190}}))
    run(channel)
    run(channel, thread=other)
    with scope(acme):
        held = Channel.objects.get()
    assert (held.state, held.state_reason) == (
        Channel.State.DISCONNECTED,
        "The access token is no longer valid. Connect the channel again.",
    )
    assert states_of(channel) == [OutboxState.QUEUED] * 3
    assert len(provider.asked) == 1
    assert all("waits until" in reason for _, reason in updates(recorder))
    assert list_due_threads(10) == []

    with scope(acme):
        update_channel(acme.id, channel.id, name="Again", credentials={**CREDENTIALS, "base_url": provider.url})
    run(channel)
    run(channel, thread=other)
    assert states_of(channel) == [OutboxState.SENT] * 3
    assert provider.texts == ["first", "first", "second", "elsewhere"]


def test_a_local_address_in_the_credentials_counts_only_where_it_may(channel: Channel, settings: LazySettings) -> None:
    assert "base_url" in usable_credentials(channel)
    settings.ALLOW_LOCAL_PROVIDERS = False
    assert "base_url" not in usable_credentials(channel)


# What nobody knows


def test_a_message_taken_without_an_answer_is_never_sent_again(
    channel: Channel, provider: Provider, recorder: Recorder
) -> None:
    enqueue(channel, "first", "second")
    provider.next.append(Say(cut=True))
    run(channel)
    pass_time(channel)
    run(channel)
    assert provider.texts == ["first", "second"]
    assert states_of(channel) == [OutboxState.UNKNOWN, OutboxState.SENT]
    assert "may have been sent" in updates(recorder)[0][1]
    with scope(channel.account_id):
        assert "POST 127.0.0.1: no answer" in DeliveryAttempt.objects.values_list("outcome", flat=True)


def test_a_provider_that_is_not_there_was_told_nothing(acme: Account, recorder: Recorder, provider: Provider) -> None:
    channel = connect(acme, base_url="http://127.0.0.1:9")
    enqueue(channel, "first")
    run(channel)
    assert states_of(channel) == [OutboxState.QUEUED]
    assert updates(recorder) == [("queued", "WhatsApp could not be reached.")]


@pytest.mark.parametrize(
    ("deadly", "when", "sent", "state"),
    [
        ("_send", "before", 1, OutboxState.SENT),
        ("_fence", "before", 1, OutboxState.SENT),
        ("_fence", "after", 0, OutboxState.UNKNOWN),
        ("_settle", "before", 1, OutboxState.UNKNOWN),
        ("_describe_outcome", "after", 1, OutboxState.UNKNOWN),
        ("_settle", "after", 1, OutboxState.SENT),
    ],
)
def test_killed_at_any_point_nothing_is_sent_twice(
    channel: Channel, provider: Provider, deadly: str, when: str, sent: int, state: str
) -> None:
    enqueue(channel, "only once")
    kill_delivery(channel, deadly, when)
    left, called = states_of(channel), list(provider.texts)
    run(channel)
    assert (states_of(channel), provider.texts) == (left, called), "while the lease holds nobody takes over"
    let_leases_run_out(channel)
    run(channel)
    run(channel)
    assert provider.texts == ["only once"] * sent
    assert states_of(channel) == [state]


def kill_delivery(channel: Channel, deadly: str, when: str) -> None:
    database = connections["default"].settings_dict
    url = f"postgres://{database['USER']}@/{database['NAME']}?host={database['HOST']}"
    environment = {**os.environ, "DATABASE_URL": url, "DATABASE_OWNER_URL": url, "POOL": "0"}
    arguments = ("tests.channels_ingest.sinks.take_nothing", str(channel.account_id), str(THREAD), deadly, when)
    command = [sys.executable, "-m", "tests.channels_ingest.outbox_process", *arguments]
    ended = subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL


def test_a_worker_that_stood_still_may_still_say_that_it_was_sent(
    channel: Channel, provider: Provider, recorder: Recorder
) -> None:
    """Its lease runs out in the call; the message becomes unknown, then sent. It is not sent again."""
    calling, answer = threading.Event(), threading.Event()

    def hold() -> None:
        calling.set()
        answer.wait(20)

    enqueue(channel, "slow")
    provider.next.append(Say(body={"messages": [{"id": "wamid.SLOW"}]}, before=hold))
    worker = threading.Thread(target=run_and_close, args=(channel,))
    worker.start()
    assert calling.wait(20)
    let_leases_run_out(channel)
    run(channel)
    assert states_of(channel) == [OutboxState.UNKNOWN]
    answer.set()
    worker.join()
    assert (states_of(channel), provider.texts) == ([OutboxState.SENT], ["slow"])
    assert [state for state, _ in updates(recorder)] == ["unknown", "sent"]


def test_two_workers_on_a_thread_send_in_order_and_once(
    channel: Channel, provider: Provider, recorder: Recorder
) -> None:
    words = [f"{n}" for n in range(10)]
    enqueue(channel, *words)
    provider.next.extend(
        Say(body={"messages": [{"id": f"wamid.{n}"}]}, before=lambda: time.sleep(0.05)) for n in range(10)
    )
    workers = [threading.Thread(target=run_and_close, args=(channel,)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert provider.texts == words
    assert updates(recorder) == [("sent", "")] * 10


def run_and_close(channel: Channel) -> None:
    run(channel)
    connection.close()


def test_a_result_survives_a_database_that_is_away_for_a_moment(
    channel: Channel, provider: Provider, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "SETTLE_PAUSES", (0.01,) * 3)
    failures = iter(range(2))

    def check(batch: object) -> None:
        if next(failures, None) is not None:
            raise OperationalError

    recorder.check = check
    enqueue(channel, "first")
    run(channel)
    assert (states_of(channel), provider.texts) == ([OutboxState.SENT], ["first"])


# Channels of another make


class Toy(ChannelAdapter):
    """Takes several final steps: one for each word of the text."""

    kind = "toy"
    label = "Toy"
    identity_kind = "toy"
    credentials = ()
    capabilities = Capabilities(text_limit=100)
    raises: Exception | None = None

    def identity_scope(self, credentials: Mapping[str, Any], *, external_id: str) -> str:
        return ""

    def send(self, message: Outgoing, credentials: Mapping[str, Any], *, external_id: str) -> Steps:
        for word in message.text.split():
            url = f"{credentials['base_url']}/{word}"
            result = yield HttpStep("POST", url, json={"key": message.key}, final=True)
            if result.status >= 400:
                raise Retryable("Try later.")
        if self.raises:
            raise self.raises
        return Sent("")


class SafeToy(Toy):
    capabilities = Capabilities(text_limit=100, safe_retry=True)


@pytest.fixture
def toy(acme: Account, provider: Provider, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Channel:
    monkeypatch.setitem(load_channels(), "toy", Toy())
    with scope(acme):
        credentials = {"base_url": provider.url}
        return Channel.objects.create(account=acme, kind="toy", name="T", external_id="1", credentials=credentials)


def test_a_channel_may_need_no_call(toy: Channel, provider: Provider) -> None:
    enqueue(toy, "")
    run(toy)
    assert (states_of(toy), provider.asked) == ([OutboxState.SENT], [])


def test_a_message_sent_in_part_is_not_begun_again(toy: Channel, provider: Provider, recorder: Recorder) -> None:
    enqueue(toy, "one two")
    provider.next.extend([Say(), Say(503)])
    run(toy)
    assert states_of(toy) == [OutboxState.FAILED]
    assert updates(recorder) == [("failed", "Only a part of the message was sent. Try later.")]


def test_a_slip_of_the_channel_after_the_call_leaves_the_outcome_open(
    toy: Channel, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Toy, "raises", KeyError("slip"))
    enqueue(toy, "one")
    run(toy)
    assert (states_of(toy), len(provider.asked)) == ([OutboxState.UNKNOWN], 1)


def test_a_slip_of_the_channel_before_the_call_is_tried_again(
    toy: Channel, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Toy, "raises", KeyError("slip"))
    enqueue(toy, "")
    run(toy)
    assert states_of(toy) == [OutboxState.QUEUED]


def test_where_the_provider_drops_repeated_sends_a_message_is_sent_again_with_its_key(
    toy: Channel, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(load_channels(), "toy", SafeToy())
    enqueue(toy, "one")
    provider.next.append(Say(cut=True))
    run(toy)
    assert states_of(toy) == [OutboxState.QUEUED]
    change_rows(toy, state=OutboxState.SENDING)
    pass_time(toy)
    run(toy)
    assert states_of(toy) == [OutboxState.SENT]
    first, second = provider.asked
    assert first.body == second.body


def test_a_worker_that_lost_its_message_to_another_settles_nothing(
    toy: Channel, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(load_channels(), "toy", SafeToy())
    calling, answer = [threading.Event(), threading.Event()], [threading.Event(), threading.Event()]

    def hold(number: int) -> None:
        calling[number].set()
        answer[number].wait(20)

    enqueue(toy, "one")
    provider.next.extend([Say(503, before=lambda: hold(0)), Say(before=lambda: hold(1))])
    workers = [threading.Thread(target=run_and_close, args=(toy,)) for _ in range(2)]
    for number, worker in enumerate(workers):
        let_leases_run_out(toy)
        worker.start()
        assert calling[number].wait(20)
    answer[0].set()
    workers[0].join()
    (row,) = rows_of(toy)
    assert (row.state, row.leased_until is None) == (OutboxState.SENDING, False)
    answer[1].set()
    workers[1].join()
    assert states_of(toy) == [OutboxState.SENT]


# By hand, and by the sweep


def test_a_failed_message_is_sent_again_when_somebody_asks(
    channel: Channel, provider: Provider, recorder: Recorder
) -> None:
    enqueue(channel, "again")
    provider.next.append(Say(400, {"error": {"code": 131026}}))
    run(channel)
    (row,) = rows_of(channel)
    retry_delivery(channel.account_id, row.id)
    run(channel)
    assert (states_of(channel), provider.texts) == ([OutboxState.SENT], ["again", "again"])
    assert [state for state, _ in updates(recorder)] == ["failed", "queued", "sent"]
    with pytest.raises(NotPossible):
        retry_delivery(channel.account_id, row.id)
    with pytest.raises(NotFound):
        retry_delivery(channel.account_id, new_id())


def test_a_sweep_finds_heads_that_are_due_and_nobody_works_on(channel: Channel, provider: Provider) -> None:
    due, waiting, leased = new_id(), new_id(), new_id()
    for thread in (due, waiting, leased):
        enqueue(channel, "head", "behind", thread=thread)
    later = datetime.now(UTC) + timedelta(minutes=1)
    with scope(channel.account_id):
        heads = {
            thread: OutboxMessage.objects.filter(thread_id=thread).order_by("id")[:1] for thread in (waiting, leased)
        }
        OutboxMessage.objects.filter(id__in=heads[waiting].values("id")).update(next_attempt_at=later)
        OutboxMessage.objects.filter(id__in=heads[leased].values("id")).update(leased_until=later)
    assert list_due_threads(10) == [(channel.account_id, due)]


def test_the_tasks_do_what_the_rows_say(channel: Channel, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue(channel, "swept")
    asked: list[tuple[int, str]] = []
    monkeypatch.setattr(deliver_thread, "apply_async", lambda arguments, **_: asked.append(arguments))
    sweep_outbox()
    assert asked == [(channel.account_id, str(THREAD))]
    deliver_thread(*asked[0])
    assert provider.texts == ["swept"]


# What is withdrawn


def withdraw(channel: Channel, *messages: UUID) -> list[UUID]:
    with scope(channel.account_id):
        return withdraw_messages(channel.account_id, messages, code="turn_taken", reason="Somebody was faster.")


def withdraw_elsewhere(channel: Channel, message: UUID) -> None:
    try:
        withdraw(channel, message)
    finally:
        connections.close_all()


def test_what_was_withdrawn_is_not_sent_and_lets_the_next_go(channel: Channel, provider: Provider) -> None:
    first, _ = enqueue(channel, "one", "two")
    assert withdraw(channel, first) == [first]
    run(channel)
    assert provider.texts == ["two"]
    assert states_of(channel) == ["failed", "sent"]


def test_what_is_withdrawn_before_its_fence_does_not_pass_it(
    channel: Channel, provider: Provider, acme: Account
) -> None:
    with scope(acme):
        upload = store_upload(acme.id, name="a.png", content_type="image/png", content=b"\x89PNG\r\n\x1a\n...")
        claim_uploads(acme.id, [upload.id], message_id=new_id(), channel_id=channel.id)
    (message,) = enqueue(channel, "", files=[str(upload.id)])
    provider.next.append(Say(body={"id": "media-1"}, before=lambda: withdraw_elsewhere(channel, message)))
    run(channel)
    assert [asked.path.rpartition("/")[2] for asked in provider.asked] == ["media"]
    assert states_of(channel) == ["failed"]


def test_what_is_withdrawn_while_it_is_sent_is_sent(channel: Channel, provider: Provider, recorder: Recorder) -> None:
    (message,) = enqueue(channel, "one")
    provider.next.append(
        Say(body={"messages": [{"id": "wamid.1"}]}, before=lambda: withdraw_elsewhere(channel, message))
    )
    run(channel)
    assert (states_of(channel), updates(recorder)) == (["sent"], [("sent", "")])


def test_what_comes_back_withdrawn_has_failed(channel: Channel, provider: Provider, recorder: Recorder) -> None:
    (message,) = enqueue(channel, "one")
    provider.next.append(Say(429, before=lambda: withdraw_elsewhere(channel, message)))
    run(channel)
    assert (states_of(channel), updates(recorder)) == (["failed"], [("failed", "Somebody was faster.")])
    [row] = rows_of(channel)
    with pytest.raises(NotPossible, match="withdrawn"):
        retry_delivery(channel.account_id, row.id)
