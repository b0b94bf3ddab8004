"""The hub of a process: what changed is read once and reaches everybody who may see it, whole and once."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from channels_ingest.sink import ChannelInfo
from inbox import hub as hubs
from inbox import realtime
from inbox.hub import Hub
from inbox.models import LiveEvent
from inbox.updates import read_update
from oneview.accounts.models import Account, Membership, User
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.inbox.batches import make_channel, message, take_in
from tests.inbox.listening import (
    append,
    assert_contiguous,
    count_calls,
    hears_nothing,
    next_frame,
    only_conversation,
    only_conversation_after,
    open_bot,
    open_page,
    read_scoped_head,
    run,
    viewers,
)

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("bell_is_heard")]


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


async def test_a_page_gets_the_row_of_what_changed(hub: Hub, bob: Membership, channel: ChannelInfo) -> None:
    page = await open_page(bob)
    await hub.resume(page, after=0)
    await run(lambda: take_in(bob.account, channel, message("hola")))
    frame = await next_frame(page)
    assert_contiguous([frame], after=0)
    conversation = str(await run(lambda: only_conversation(bob.account)))
    types = {event["type"] for event in frame["events"] if event["conversation"] == conversation}
    assert types == {"message.created", "contact.updated", "conversation.updated"}
    assert list(frame["rows"]) == [conversation]
    assert "Ana Prieto" in frame["rows"][conversation]
    assert "messages" not in frame
    assert "data" not in frame["events"][0]


async def test_a_page_gets_the_messages_of_the_conversation_it_has_open(
    hub: Hub, alice: Membership, bob: Membership, channel: ChannelInfo
) -> None:
    conversation = await run(lambda: only_conversation_after(bob.account, channel))
    head = await run(lambda: read_scoped_head(bob.account))
    looking, elsewhere = await open_page(alice), await open_page(bob)
    for page in (looking, elsewhere):
        await hub.resume(page, after=head)
    hub.view(looking, conversation)
    await run(lambda: take_in(bob.account, channel, message("otra vez")))
    frame = await next_frame(looking)
    (html,) = frame["messages"].values()
    assert "otra vez" in html
    assert "messages" not in await next_frame(elsewhere)


async def test_a_program_gets_the_objects_and_no_html(hub: Hub, acme: Account, channel: ChannelInfo) -> None:
    program = await open_bot(acme)
    await hub.resume(program, after=0)
    await run(lambda: take_in(acme, channel, message("hola")))
    frame = await next_frame(program)
    data = {event["type"]: event["data"] for event in frame["events"] if event["data"]}
    assert data["message.created"]["text"] == "hola"
    assert data["contact.updated"]["name"] == "Ana Prieto"
    assert data["conversation.updated"]["unread"] == 1
    assert data["message.created"]["conversation"] == data["conversation.updated"]["id"]
    assert not {"rows", "messages", "gone"} & set(frame)


async def test_twenty_pages_cost_one_reading(
    hub: Hub, bob: Membership, channel: ChannelInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [await open_page(bob) for _ in range(20)]
    for page in pages:
        await hub.resume(page, after=0)
    readings = count_calls(monkeypatch, "read_update")
    await run(lambda: take_in(bob.account, channel, message("hola")))
    texts = [await page.next() for page in pages]
    assert len(readings) == 1
    assert all(text is texts[0] for text in texts)


async def test_each_page_is_told_in_its_own_language(
    hub: Hub, alice: Membership, bob: Membership, channel: ChannelInfo
) -> None:
    await run(lambda: User.objects.filter(pk=alice.user_id).update(language="de"))
    hers, his = await open_page(alice), await open_page(bob)
    for page in (hers, his):
        await hub.resume(page, after=0)
    await run(lambda: take_in(bob.account, channel, message("hola")))
    german, english = await next_frame(hers), await next_frame(his)
    assert '1<span class="sr"> ungelesen</span>' in next(iter(german["rows"].values()))
    assert '1<span class="sr"> unread</span>' in next(iter(english["rows"].values()))


async def test_changes_of_one_moment_come_in_one_frame(hub: Hub, acme: Account) -> None:
    program = await open_bot(acme)
    await hub.resume(program, after=0)
    await run(lambda: [append(acme, new_id()) for _ in range(30)])
    frames = [await next_frame(program)]
    while frames[-1]["to"] < 30:
        frames.append(await next_frame(program))
    assert len(frames) < 30
    assert_contiguous(frames, after=0)


async def test_another_account_is_never_heard(
    hub: Hub, bob: Membership, charlie: Membership, channel: ChannelInfo
) -> None:
    ours, theirs = await open_page(bob), await open_page(charlie)
    for page in (ours, theirs):
        await hub.resume(page, after=0)
    conversation = await run(lambda: only_conversation_after(bob.account, channel))
    hub.view(theirs, conversation)
    await next_frame(theirs, "viewing")
    await run(lambda: take_in(bob.account, channel, message("otra vez")))
    await run(lambda: realtime.publish_typing(bob.account_id, conversation=conversation, author={}, on=True))
    assert (await next_frame(ours))["rows"]
    assert await hears_nothing(theirs)


async def test_who_resumes_is_told_what_was_missed_in_one_frame(
    hub: Hub, bob: Membership, channel: ChannelInfo
) -> None:
    await run(lambda: take_in(bob.account, channel, message("one"), message("two")))
    await run(lambda: take_in(bob.account, channel, message("three")))
    head = await run(lambda: read_scoped_head(bob.account))
    page = await open_page(bob)
    await hub.resume(page, after=2)
    frame = await next_frame(page)
    assert frame["to"] == head > 3
    assert_contiguous([frame], after=2)
    assert len(frame["rows"]) == 1


async def test_who_missed_nothing_is_told_nothing(hub: Hub, acme: Account) -> None:
    await run(lambda: append(acme, new_id()))
    program = await open_bot(acme)
    await hub.resume(program, after=1)
    assert await hears_nothing(program)


async def test_a_long_absence_is_told_in_several_frames(
    hub: Hub, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(lambda: append(acme, *(new_id() for _ in range(25))))
    monkeypatch.setattr(hubs, "read_update", partial(read_update, limit=10))
    program = await open_bot(acme)
    await hub.resume(program, after=0)
    frames = [await next_frame(program) for _ in range(3)]
    assert [frame["to"] for frame in frames] == [10, 20, 25]
    assert_contiguous(frames, after=0)


async def test_who_was_away_too_long_starts_afresh(hub: Hub, acme: Account) -> None:
    def grow_old() -> None:
        append(acme, new_id(), new_id(), new_id())
        with scope(acme):
            LiveEvent.objects.filter(account=acme, seq__lte=2).delete()

    await run(grow_old)
    program = await open_bot(acme)
    await hub.resume(program, after=0)
    assert await next_frame(program, "reset") == {"t": "reset", "seq": 3}
    await run(lambda: append(acme, new_id()))
    assert await hears_nothing(program)
    await hub.resume(program, after=3)
    assert (await next_frame(program))["from"] == 4


@pytest.mark.usefixtures("quick_reviews")
async def test_the_heartbeat_tells_where_the_log_and_the_window_stand(hub: Hub, acme: Account) -> None:
    await run(lambda: append(acme, new_id()))
    program = await open_bot(acme)
    await hub.resume(program, after=1)
    beat = await next_frame(program, "beat")
    assert beat["seq"] == 1
    cutoff = datetime.fromisoformat(beat["cutoff"])
    assert abs(datetime.now(UTC) - acme.window - cutoff) < timedelta(minutes=1)
    assert re.fullmatch(r".*\.\d{3}Z", beat["cutoff"])


async def test_agents_see_who_else_has_a_conversation_open(hub: Hub, alice: Membership, bob: Membership) -> None:
    conversation, other = new_id(), new_id()
    hers, his = await open_page(alice), await open_page(bob)
    hub.view(hers, conversation)
    assert await viewers(hers) == ["Alice"]
    hub.view(his, conversation)
    assert await viewers(hers) == ["Alice", "Bob"]
    assert await viewers(his) == ["Alice", "Bob"]
    hub.view(his, other)
    assert await viewers(hers) == ["Alice"]
    hub.view(his, conversation)
    assert await viewers(hers) == ["Alice", "Bob"]
    hub.leave(his)
    assert await viewers(hers) == ["Alice"]


async def test_who_looks_through_another_process_is_seen_too(hub: Hub, alice: Membership, bob: Membership) -> None:
    second = Hub()
    await second.start()
    try:
        conversation = new_id()
        hers, his = await open_page(alice), await open_page(bob)
        hub.view(hers, conversation)
        assert await viewers(hers) == ["Alice"]
        second.view(his, conversation)
        assert await viewers(hers) == ["Alice", "Bob"]
    finally:
        await second.stop()


async def test_typing_reaches_those_who_look(hub: Hub, alice: Membership, bob: Membership) -> None:
    conversation = new_id()
    looking, elsewhere = await open_page(alice), await open_page(bob)
    hub.view(looking, conversation)
    hub.view(elsewhere, new_id())
    await next_frame(elsewhere, "viewing")
    author = {"kind": "user", "id": None, "name": "Ana"}
    await run(lambda: realtime.publish_typing(alice.account_id, conversation=conversation, author=author, on=True))
    frame = await next_frame(looking, "typing")
    assert frame == {"t": "typing", "conversation": str(conversation), "author": author, "on": True}
    assert await hears_nothing(elsewhere, seconds=0.2)
