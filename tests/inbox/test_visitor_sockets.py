"""Sockets of visitors, against a real web process and drain: what they hear, what ends them."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from channels_ingest.models import Channel
from inbox.models import Thread
from inbox.realtime import publish_typing
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.inbox.listening import run
from tests.inbox.test_visitors import LAST, reply, status_of
from tests.inbox.visiting import SHOP, Client, wait

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("drain")]


def find_conversation(account: Account) -> UUID:
    with scope(account):
        return Thread.objects.latest("created_at").conversation_id


def open_socket(client: Client, *, origin: str | None = None, token: str | None = None) -> Any:
    url = str(client.http.base_url).replace("http", "ws").rstrip("/")
    return connect(
        f"{url}/ws/visitor/{client.channel.public_id}/",
        subprotocols=[f"oneview.visitor.{client.token if token is None else token}"],  # type: ignore[list-item]
        additional_headers={"Origin": origin} if origin else {},
        compression=None,
    )


async def next_frame(socket: ClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["t"] == kind:
                return frame


async def close_code(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(20):
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()
    return socket.close_code


async def test_a_visitor_hears_the_answer_at_once(visitor: Client, acme: Account, bob: Membership) -> None:
    await run(lambda: visitor.write("hello"))
    await run(lambda: visitor.wait_for(1))
    async with open_socket(visitor) as socket:
        assert "now" in await next_frame(socket, "hello")
        await socket.send(json.dumps({"t": "resume", "after": None}))
        first = await next_frame(socket, "message")
        assert first["message"]["text"] == "hello"
        answer = await run(lambda: reply(acme, bob, "Good morning!"))
        heard = await next_frame(socket, "message")
        assert heard["message"]["id"] == str(answer.id)
        await socket.send(json.dumps({"t": "read", "up_to": str(answer.id)}))
        await run(lambda: wait(lambda: status_of(acme, answer.id) == "read"))


async def test_a_receipt_of_no_time_ends_no_socket(visitor: Client) -> None:
    await run(lambda: visitor.write("hello"))
    await run(lambda: visitor.wait_for(1))
    async with open_socket(visitor) as socket:
        await socket.send(json.dumps({"t": "read", "up_to": str(LAST)}))
        await socket.send(json.dumps({"t": "resume", "after": None}))
        assert (await next_frame(socket, "message"))["message"]["text"] == "hello"


async def test_who_comes_back_hears_what_was_missed(visitor: Client, acme: Account, bob: Membership) -> None:
    await run(lambda: visitor.write("hello"))
    (known,) = await run(lambda: visitor.wait_for(1))
    missed = [await run(partial(reply, acme, bob, text)) for text in ("one", "two")]
    async with open_socket(visitor) as socket:
        await socket.send(json.dumps({"t": "resume", "after": known["id"]}))
        heard = [(await next_frame(socket, "message"))["message"]["id"] for _ in missed]
        assert heard == [str(message.id) for message in missed]


async def test_who_comes_back_and_missed_nothing_sees_who_types(visitor: Client, acme: Account) -> None:
    await run(lambda: visitor.write("hello"))
    (known,) = await run(lambda: visitor.wait_for(1))
    conversation = await run(lambda: find_conversation(acme))
    author = {"kind": "agent", "id": 1, "name": "Bob"}
    async with open_socket(visitor) as socket:
        await socket.send(json.dumps({"t": "resume", "after": known["id"]}))
        async with asyncio.timeout(10):
            heard = None
            while heard is None:
                await run(lambda: publish_typing(acme.id, conversation=conversation, author=author, on=True))
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        heard = await next_frame(socket, "typing")
        assert heard == {"t": "typing", "on": True}


async def test_nobody_hears_the_thread_of_another(
    visitor: Client, live: str, chat: Channel, acme: Account, bob: Membership
) -> None:
    await run(lambda: visitor.write("hello"))
    await run(lambda: visitor.wait_for(1))
    stranger = Client(live, chat)
    await run(lambda: stranger.begin())
    async with open_socket(stranger) as theirs, open_socket(visitor) as own:
        for socket in (theirs, own):
            await socket.send(json.dumps({"t": "resume", "after": None}))
        await next_frame(own, "message")
        await run(lambda: reply(acme, bob, "for you alone"))
        await next_frame(own, "message")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await next_frame(theirs, "message")


async def test_a_socket_wants_a_token_of_its_chat_and_a_page_of_the_shop(visitor: Client, live: str) -> None:
    async with open_socket(visitor, token="x") as socket:
        assert await close_code(socket) == 4401
    async with open_socket(visitor, origin="https://evil.example") as socket:
        assert await close_code(socket) == 4401
    for origin in (SHOP, live):
        async with open_socket(visitor, origin=origin) as socket:
            assert await next_frame(socket, "hello")


async def test_signing_out_ends_the_socket(visitor: Client) -> None:
    async with open_socket(visitor) as socket:
        await socket.send(json.dumps({"t": "resume", "after": None}))
        await run(lambda: visitor.call("DELETE", f"{visitor.base}/session/"))
        assert await close_code(socket) == 4401


async def test_signing_out_ends_a_socket_that_has_asked_for_nothing_yet(visitor: Client) -> None:
    async with open_socket(visitor) as socket:
        await next_frame(socket, "hello")
        await run(lambda: visitor.call("DELETE", f"{visitor.base}/session/"))
        assert await close_code(socket) == 4401


@pytest.mark.parametrize("frame", ["x", "[]", '{"t": "resume"}', '{"t": "read", "up_to": 7}', '{"t": "viewing"}'])
async def test_a_bad_frame_ends_the_socket(visitor: Client, frame: str) -> None:
    async with open_socket(visitor) as socket:
        await socket.send(frame)
        assert await next_frame(socket, "error") == {"t": "error", "code": "bad_frame"}
        assert await close_code(socket) == 1008
