"""Listeners of a hub, and what they hear."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

import pytest
from channels.db import database_sync_to_async
from redis.asyncio import Redis

from channels_ingest.sink import ChannelInfo
from inbox import hub as hubs
from inbox import realtime
from inbox.admission import admit_session, admit_token
from inbox.listeners import Listener
from inbox.models import Conversation
from inbox.realtime import Change, append_changes
from oneview.accounts.models import Account, Membership
from oneview.accounts.services import create_token
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.batches import message, take_in

T = TypeVar("T")
Frame = dict[str, Any]


async def wait_for_ears(url: str, *, besides: int = 0) -> None:
    """Until one more hub than `besides` hears the bell of this Redis."""
    async with asyncio.timeout(20):
        while await count_ears(url) <= besides:
            await asyncio.sleep(0.02)


async def count_ears(url: str) -> int:
    async with Redis.from_url(url) as client:
        [(_, count)] = await client.pubsub_numsub(realtime.bell_channel())
        return int(count)


async def run(work: Callable[[], T]) -> T:
    """Database work beside the loop, with a connection that is given back."""
    result: T = await database_sync_to_async(work, thread_sensitive=False)()
    return result


def session_of(member: Membership) -> str:
    return sign_in(member).cookies["sessionid"].value


async def open_page(member: Membership) -> Listener:
    return Listener(await run(lambda: admit_session(session_of(member))))


async def open_program(member: Membership) -> Listener:
    return Listener(await run(lambda: admit_token(create_token(member.account, user=member.user))))


async def open_bot(account: Account) -> Listener:
    return Listener(await run(lambda: admit_token(create_token(account, bot="Helper"))))


async def next_frame(listener: Listener, kind: str = "events") -> Frame:
    async with asyncio.timeout(20):
        while True:
            frame: Frame = json.loads(await listener.next())
            if frame["t"] == kind:
                return frame


async def hears_nothing(listener: Listener, *, seconds: float = 0.7) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await listener.next()
    except TimeoutError:
        return True
    return False


def append(account: Account, *conversations: UUID) -> int:
    with scope(account) as now:
        return append_changes(account.id, [Change("conversation.updated", each) for each in conversations], now=now)


def count_calls(monkeypatch: pytest.MonkeyPatch, name: str) -> list[None]:
    calls: list[None] = []
    function = getattr(hubs, name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append(None)
        return function(*args, **kwargs)

    monkeypatch.setattr(hubs, name, counted)
    return calls


def assert_contiguous(frames: list[Frame], *, after: int) -> None:
    """The frames cover everything after a position, each number once."""
    start = after
    for frame in frames:
        assert frame["from"] == after + 1
        after = frame["to"]
    told = [event["seq"] for frame in frames for event in frame["events"]]
    assert told == list(range(start + 1, after + 1))


async def viewers(listener: Listener) -> list[str]:
    return [agent["name"] for agent in (await next_frame(listener, "viewing"))["agents"]]


def only_conversation(account: Account) -> UUID:
    with scope(account):
        return Conversation.objects.get().id


def only_conversation_after(account: Account, channel: ChannelInfo) -> UUID:
    take_in(account, channel, message("hola"))
    return only_conversation(account)


def read_scoped_head(account: Account) -> int:
    with scope(account):
        return realtime.read_head(account.id)
