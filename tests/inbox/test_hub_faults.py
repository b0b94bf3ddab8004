"""The hub when things go wrong or happen at once: no gap, no double, no silence, and nobody who may not listen."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connections

from channels_ingest.sink import ChannelInfo
from inbox import hub as hubs
from inbox import listeners, realtime
from inbox.hub import Hub
from inbox.listeners import Listener
from inbox.updates import read_update
from oneview.accounts.models import Account, ApiToken, Membership, User
from oneview.common.ids import new_id
from oneview.common.scope import scope
from oneview.embedded.redis import Redis
from tests.inbox.batches import make_channel, message, take_in
from tests.inbox.listening import (
    Frame,
    append,
    assert_contiguous,
    next_frame,
    open_bot,
    open_page,
    open_program,
    read_scoped_head,
    run,
    wait_for_ears,
)

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("bell_is_heard")]


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


async def test_joining_while_others_write_leaves_no_gap_and_no_double(hub: Hub, acme: Account) -> None:
    """Listeners join one after the other, at different positions, while three writers commit."""
    writers, rounds = 3, 40
    total = writers * rounds * 2

    def write() -> None:
        for _ in range(rounds):
            append(acme, new_id(), new_id())

    writing = asyncio.gather(*(run(write) for _ in range(writers)))
    told: list[tuple[int, list[Frame]]] = []

    async def listen(program: Listener, after: int) -> None:
        frames: list[Frame] = []
        told.append((after, frames))
        await hub.resume(program, after=after)
        while (frames[-1]["to"] if frames else after) < total:
            frames.append(await next_frame(program))

    listening = []
    for number in range(12):
        program = await open_bot(acme)
        head = await run(lambda: read_scoped_head(acme))
        listening.append(asyncio.create_task(listen(program, head // 2 if number % 2 else head)))
    await writing
    await asyncio.gather(*listening)
    for after, frames in told:
        assert_contiguous(frames, after=after)


async def test_a_page_that_joins_during_a_reading_gets_its_rows(
    hub: Hub, bob: Membership, channel: ChannelInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a program listened when the reading began: what it wanted is not enough for the page."""
    program, page = await open_bot(bob.account), await open_page(bob)
    await hub.resume(program, after=0)
    reading, go_on = threading.Event(), threading.Event()

    def read_slowly(*args: Any, **kwargs: Any) -> Any:
        update = read_update(*args, **kwargs)
        if not reading.is_set():
            reading.set()
            go_on.wait(5)
        return update

    monkeypatch.setattr(hubs, "read_update", read_slowly)
    await run(lambda: take_in(bob.account, channel, message("hola")))
    await asyncio.to_thread(reading.wait, 5)
    await hub.resume(page, after=0)
    go_on.set()
    frames = [await next_frame(page)]
    assert frames[0]["rows"]
    assert_contiguous([await next_frame(program)], after=0)


async def test_without_its_bell_a_change_arrives_all_the_same(
    hub: Hub, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime, "_silent_until", float("inf"))
    program = await open_bot(acme)
    await hub.resume(program, after=0)
    await run(lambda: append(acme, new_id()))
    assert (await next_frame(program))["to"] == 1


@pytest.mark.parametrize("fault", [signal.SIGSTOP, signal.SIGKILL])
async def test_with_redis_away_changes_arrive_and_when_it_is_back_its_bell_is_heard(
    acme: Account,
    settings: LazySettings,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    fault: signal.Signals,
) -> None:
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    settings.REDIS_URL = server.url
    hub = Hub()
    await hub.start()
    try:
        program = await open_bot(acme)
        await hub.resume(program, after=0)
        await run(lambda: append(acme, new_id()))
        await next_frame(program)
        os.kill(server.pid, fault)
        for seq in (2, 3):
            await run(lambda: append(acme, new_id()))
            assert (await next_frame(program))["to"] == seq
        if fault == signal.SIGSTOP:
            os.kill(server.pid, signal.SIGCONT)
        else:
            await asyncio.to_thread(server.start)
        await wait_for_ears(server.url)
        monkeypatch.setattr(hubs, "POLL_SECONDS", 600)
        await asyncio.sleep(0.6)  # the last poll is over: from now on there is the bell alone
        realtime._silent_until = 0.0
        await run(lambda: append(acme, new_id()))
        await next_frame(program)
    finally:
        await hub.stop()
        server.stop()


async def test_a_database_that_was_away_is_read_again(hub: Hub, acme: Account) -> None:
    program = await open_bot(acme)
    await hub.resume(program, after=0)
    await run(lambda: append(acme, new_id()))
    await next_frame(program)
    await run(end_other_connections)
    await run(lambda: append_when_possible(acme))
    assert (await next_frame(program))["to"] == 2


async def test_what_can_not_be_shown_is_a_reset_and_no_silence(
    hub: Hub, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = await open_bot(acme)
    await hub.resume(program, after=0)
    with monkeypatch.context() as broken:
        broken.setattr(hubs, "read_update", lambda *_, **__: 1 / 0)
        await run(lambda: append(acme, new_id()))
        assert await next_frame(program, "reset") == {"t": "reset", "seq": 1}
    await hub.resume(program, after=1)
    await run(lambda: append(acme, new_id()))
    assert (await next_frame(program))["to"] == 2


async def test_who_does_not_keep_up_is_closed_and_holds_up_nobody(
    hub: Hub, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as small:
        small.setattr(listeners, "MOST_WAITING", 3)
        slow = await open_bot(acme)
    quick = await open_bot(acme)
    for program in (slow, quick):
        await hub.resume(program, after=0)
    for seq in range(1, 6):
        await run(lambda: append(acme, new_id()))
        assert (await next_frame(quick))["to"] == seq
    assert slow.closing.result() == 1013


def deactivate_user(member: Membership) -> None:
    User.objects.filter(pk=member.user_id).update(is_active=False)


def deactivate_membership(member: Membership) -> None:
    Membership.objects.filter(pk=member.pk).update(is_active=False)


def lock_account(member: Membership) -> None:
    Account.objects.filter(pk=member.account_id).update(plan="free")


def change_password(member: Membership) -> None:
    member.user.set_password("another long password")
    member.user.save()


def end_sessions(_: Membership) -> None:
    SessionStore.get_model_class().objects.all().delete()


def revoke_tokens(member: Membership) -> None:
    with scope(member.account_id) as now:
        ApiToken.objects.update(revoked_at=now)


@pytest.mark.parametrize(
    ("end", "page_code", "program_code"),
    [
        (deactivate_user, 4401, 4403),
        (deactivate_membership, 4403, 4403),
        (lock_account, 4403, 4403),
        (change_password, 4401, None),
        (end_sessions, 4401, None),
        (revoke_tokens, None, 4401),
    ],
)
@pytest.mark.usefixtures("quick_reviews")
async def test_who_may_not_listen_any_more_is_sent_away(
    hub: Hub,
    bob: Membership,
    charlie: Membership,
    end: Callable[[Membership], None],
    page_code: int | None,
    program_code: int | None,
) -> None:
    page, program, bystander = await open_page(bob), await open_program(bob), await open_program(charlie)
    for listener in (page, program, bystander):
        await hub.resume(listener, after=0)
    await run(lambda: end(bob))
    async with asyncio.timeout(20):
        for each, code in ((page, page_code), (program, program_code)):
            if code is not None:
                assert await each.closing == code
    is_open = [not each.closing.done() for each in (page, program, bystander)]
    assert is_open == [page_code is None, program_code is None, True]


async def test_a_hub_that_stops_closes_its_listeners_for_a_restart(acme: Account) -> None:
    hub = Hub()
    await hub.start()
    program = await open_bot(acme)
    await hub.resume(program, after=0)
    await hub.stop()
    assert program.closing.result() == 1012


def append_when_possible(account: Account) -> None:
    """The writer's connections were ended as well."""
    for _ in range(100):
        try:
            append(account, new_id())
        except OperationalError:
            time.sleep(0.2)
        else:
            return


def end_other_connections() -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename <> current_user"
        )
    connections["owner"].close()
