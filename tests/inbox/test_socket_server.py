"""The socket in a real web process: what only a server and a network can show."""

from __future__ import annotations

import asyncio
import json
import signal
from contextlib import suppress
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from inbox import hub as hubs
from inbox.realtime import Change, append_changes
from oneview.accounts.models import Account, Membership, Role, User
from oneview.accounts.services import create_token, update_member
from oneview.common.ids import new_id
from oneview.common.scope import scope
from oneview.embedded import up
from tests.conftest import process, url_of
from tests.inbox.listening import append, run, session_of

pytestmark = pytest.mark.committed

LONG = "x" * 150_000


def open_socket(url: str, *, token: str = "", session: str = "", **options: Any) -> Any:
    headers = {"Cookie": f"sessionid={session}", "Origin": url} if session else {}
    subprotocols = [f"oneview.bearer.{token}"] if token else None
    address = f"{url.replace('http', 'ws')}/ws/inbox/"
    return connect(address, additional_headers=headers, subprotocols=subprotocols, compression=None, **options)  # type: ignore[arg-type]


async def next_frame(socket: ClientConnection, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["t"] == kind:
                return frame


async def close_code(socket: ClientConnection) -> int:
    async with asyncio.timeout(20):
        with suppress(ConnectionClosed):
            while True:
                await socket.recv()
    assert socket.close_code is not None
    return socket.close_code


async def test_a_change_reaches_a_page_and_a_program(live: str, alice: Membership) -> None:
    token = await run(lambda: create_token(alice.account, user=alice.user))
    session = await run(lambda: session_of(alice))
    async with open_socket(live, session=session) as page, open_socket(live, token=token) as program:
        for socket in (page, program):
            await socket.send(json.dumps({"t": "resume", "after": 0}))
        await run(lambda: append(alice.account, new_id()))
        assert "rows" in await next_frame(page, "events")
        assert "data" in (await next_frame(program, "events"))["events"][0]


async def test_who_is_deactivated_is_out_within_seconds(live: str, bob: Membership) -> None:
    session = await run(lambda: session_of(bob))
    async with open_socket(live, session=session) as page:
        await page.send(json.dumps({"t": "resume", "after": 0}))
        await next_frame(page, "hello")
        await run(lambda: User.objects.filter(pk=bob.user_id).update(is_active=False))
        assert await close_code(page) == 4401


async def test_a_member_who_is_deactivated_is_out_of_pages_sockets_and_api_within_five_seconds(
    live: str, alice: Membership, bob: Membership
) -> None:
    token = await run(lambda: create_token(bob.account, user=bob.user))
    session = await run(lambda: session_of(bob))
    cookies, bearer = {"sessionid": session}, {"Authorization": f"Bearer {token}"}

    def ask() -> list[int]:
        page = httpx2.get(f"{live}/inbox/", cookies=cookies)
        return [page.status_code, httpx2.get(f"{live}/api/v1/channels/", headers=bearer).status_code]

    async with open_socket(live, session=session) as page, open_socket(live, token=token) as program:
        for socket in (page, program):
            await socket.send(json.dumps({"t": "resume", "after": 0}))
            await next_frame(socket, "hello")
        assert await run(ask) == [200, 200]
        await run(lambda: update_member(bob, role=Role.AGENT, is_active=False, actor=alice.user))
        assert await run(ask) == [403, 401]
        assert [await close_code(page), await close_code(program)] == [4403, 4403]
    assert hubs.REVIEW_SECONDS <= 5


async def test_who_stops_reading_is_closed_and_the_others_go_on(live: str, acme: Account) -> None:
    token = await run(lambda: create_token(acme, bot="Helper"))
    async with open_socket(live, token=token, max_queue=1) as slow, open_socket(live, token=token) as quick:
        for socket in (slow, quick):
            await socket.send(json.dumps({"t": "resume", "after": 0}))
            await next_frame(socket, "hello")
        for _ in range(350):  # more than the buffers of both sides and of the network hold
            await run(lambda: append_long(acme))
            await next_frame(quick, "events")
        assert await close_code(slow) == 1013


async def test_a_server_that_stops_asks_to_come_back(acme: Account) -> None:
    token = await run(lambda: create_token(acme, bot="Helper"))
    with up.listen("127.0.0.1", 0) as bound:
        arguments = ("-m", "uvicorn", "oneview.asgi:application", "--fd", str(bound.fileno()), "--lifespan", "on")
        with process("stopping", *arguments, "--ws", "websockets-sansio", listener=bound) as server:
            async with open_socket(url_of(bound), token=token, open_timeout=60) as socket:
                await next_frame(socket, "hello")
                server.send_signal(signal.SIGTERM)
                assert await close_code(socket) == 1012
            assert await asyncio.to_thread(server.wait, 10) in (0, -signal.SIGTERM)


def append_long(account: Account) -> None:
    with scope(account) as now:
        append_changes(account.id, [Change("conversation.updated", None, detail={"padding": LONG})], now=now)
