"""The socket: who is let in, what may be said on it, and how it ends. Through Channels as the server runs it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.testing import WebsocketCommunicator
from django.db import OperationalError, connection

from inbox import consumers
from inbox.hub import Hub
from inbox.routing import route_sockets
from oneview.accounts.models import Account, Membership
from oneview.accounts.services import create_token
from oneview.common.ids import new_id
from tests.factories import make_user
from tests.fixtures import sign_in
from tests.inbox.api import connect, write_in
from tests.inbox.listening import append, run, session_of

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("bell_is_heard")]

HOST, ORIGIN = "127.0.0.1:8000", "http://127.0.0.1:8000"
RESUME = {"t": "resume", "after": 0}


class Socket(WebsocketCommunicator):
    """Channels' own communicator keeps database connections open, for tests in a transaction: here they come back."""

    async def send_input(self, message: Any) -> None:
        await ApplicationCommunicator.send_input(self, message)

    async def receive_output(self, timeout: float = 0) -> Any:  # noqa: ASYNC109
        return await ApplicationCommunicator.receive_output(self, max(timeout, 5))


def socket(hub: Hub, *, path: str = "/ws/inbox/", token: str = "", **headers: str) -> Socket:
    sent = {"host": HOST, **headers}
    encoded = [(name.encode(), value.encode()) for name, value in sent.items() if value]
    subprotocols = [f"oneview.bearer.{token}"] if token else []
    return Socket(route_sockets(hub), path, headers=encoded, subprotocols=subprotocols)


async def page_socket(hub: Hub, member: Membership, *, origin: str = ORIGIN) -> Socket:
    key = await run(lambda: session_of(member))
    return socket(hub, origin=origin, cookie=f"theme=dark; sessionid={key}")


async def program_socket(hub: Hub, account: Account) -> Socket:
    return socket(hub, token=await run(lambda: create_token(account, bot="Helper")))


async def opened(communicator: Socket) -> dict[str, Any]:
    """The greeting of a socket that is let in."""
    is_open, _ = await communicator.connect()
    assert is_open
    greeting: dict[str, Any] = json.loads(await communicator.receive_from())
    return greeting


async def code_of(communicator: Socket, *, connects: bool = True) -> int:
    """How the server ends a socket."""
    if connects:
        await communicator.connect()
    while (message := await communicator.receive_output())["type"] != "websocket.close":
        pass
    return int(message["code"])


async def test_a_page_is_greeted_and_told_what_it_missed(hub: Hub, bob: Membership) -> None:
    await run(lambda: append(bob.account, new_id()))
    page = await page_socket(hub, bob)
    greeting = await opened(page)
    assert set(greeting) == {"t", "v", "seq", "now", "cutoff"}
    assert (greeting["t"], greeting["v"], greeting["seq"]) == ("hello", 1, 1)
    await page.send_json_to(RESUME)
    frame = await page.receive_json_from()
    assert (frame["t"], frame["from"], frame["to"]) == ("events", 1, 1)
    await run(lambda: append(bob.account, new_id()))
    assert (await page.receive_json_from())["from"] == 2
    await page.disconnect()


async def test_a_program_needs_a_token_and_no_origin(hub: Hub, acme: Account) -> None:
    token = await run(lambda: create_token(acme, bot="Helper"))
    program = socket(hub, token=token)
    assert await program.connect() == (True, f"oneview.bearer.{token}")
    await program.disconnect()


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "http://evil.example",
        "http://127.0.0.1:8000.evil.example",
        "http://evil.example/127.0.0.1:8000",
        "http://127.0.0.1:8001",
        "http://127.0.0.1",
        "https://127.0.0.1:8000",
        "http://localhost:8000",
    ],
)
async def test_a_page_of_another_origin_is_refused(hub: Hub, bob: Membership, origin: str) -> None:
    is_open, _ = await (await page_socket(hub, bob, origin=origin)).connect()
    assert not is_open


async def test_a_host_that_is_not_ours_is_no_origin(hub: Hub, bob: Membership) -> None:
    key = await run(lambda: session_of(bob))
    forged = socket(hub, host="evil.example", origin="http://evil.example", cookie=f"sessionid={key}")
    assert (await forged.connect())[0] is False


@pytest.mark.parametrize(("shown", "is_greeted"), [("{id}", True), ("0", False), ("x", False), ("", True)])
async def test_a_page_that_shows_another_account_than_the_open_one_is_refused(
    hub: Hub, bob: Membership, shown: str, is_greeted: bool
) -> None:
    key = await run(lambda: session_of(bob))
    path = f"/ws/inbox/?account={shown.format(id=bob.account_id)}"
    page = socket(hub, path=path, origin=ORIGIN, cookie=f"sessionid={key}")
    if is_greeted:
        assert (await opened(page))["t"] == "hello"
        await page.disconnect()
    else:
        assert await code_of(page) == 4403


@pytest.mark.parametrize("token", ["ov_bot_nobody", "ov_agent_", "nothing", "ov_bot_" + "x" * 5000])
async def test_an_unknown_token_is_signed_out(hub: Hub, token: str) -> None:
    assert await code_of(socket(hub, token=token)) == 4401


async def test_a_token_in_the_address_is_none(hub: Hub, acme: Account) -> None:
    token = await run(lambda: create_token(acme, bot="Helper"))
    assert await code_of(socket(hub, path=f"/ws/inbox/?token={token}", origin=ORIGIN)) == 4401


@pytest.mark.parametrize("cookie", ["", "sessionid=", "sessionid=nobody", "sessionid=" + "x" * 40, "\x00=\xff; ;;"])
async def test_without_a_session_one_is_signed_out(hub: Hub, cookie: str) -> None:
    assert await code_of(socket(hub, origin=ORIGIN, cookie=cookie)) == 4401


async def test_who_is_no_member_may_not_listen(hub: Hub) -> None:
    key = await run(lambda: sign_in(make_user()).cookies["sessionid"].value)
    assert await code_of(socket(hub, origin=ORIGIN, cookie=f"sessionid={key}")) == 4403


async def test_on_the_free_plan_nobody_listens(hub: Hub, bob: Membership) -> None:
    page, program = await page_socket(hub, bob), await program_socket(hub, bob.account)
    await run(lambda: Account.objects.update(plan="free"))
    assert [await code_of(page), await code_of(program)] == [4403, 4403]


async def test_while_the_database_is_away_one_is_asked_to_come_back(
    hub: Hub, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OperationalError

    program = await program_socket(hub, acme)
    monkeypatch.setattr(consumers, "read_head", fail)
    assert await code_of(program) == 1012


@pytest.mark.parametrize(
    "text",
    [
        " ",
        "{",
        "null",
        "[]",
        "1",
        "NaN",
        "{}",
        '{"t": "resume"}',
        '{"t": "resume", "after": -1}',
        '{"t": "resume", "after": true}',
        '{"t": "resume", "after": "1"}',
        '{"t": "resume", "after": 1.5}',
        '{"t": "resume", "after": 9223372036854775808}',
        '{"t": "resume", "after": 1, "account": 2}',
        '{"t": "viewing", "conversation": 5}',
        '{"t": "viewing", "conversation": "nothing"}',
        '{"t": "viewing"}',
        '{"t": "typing", "conversation": null, "on": true}',
        '{"t": "typing", "conversation": "01a214f7-c56a-75a2-8b97-58c7932e4400", "on": 1}',
        '{"t": "subscribe", "account": 1}',
        '{"t": {"t": "resume"}}',
        '{"t": "websocket.disconnect"}',
        "[" * 60_000,
        "9" * 5000,
        '{"t": "viewing", "conversation": null}' + " " * 65_536,
    ],
)
async def test_a_bad_frame_ends_the_socket_and_says_nothing_else(hub: Hub, acme: Account, text: str) -> None:
    program = await program_socket(hub, acme)
    await opened(program)
    await program.send_to(text_data=text)
    assert await program.receive_json_from() == {"t": "error", "code": "bad_frame"}
    assert await code_of(program, connects=False) == 1008


async def test_bytes_are_a_bad_frame(hub: Hub, acme: Account) -> None:
    program = await program_socket(hub, acme)
    await opened(program)
    await program.send_to(bytes_data=b'{"t": "resume", "after": 0}')
    assert await program.receive_json_from() == {"t": "error", "code": "bad_frame"}


async def test_a_flood_of_frames_ends_the_socket(hub: Hub, acme: Account) -> None:
    program = await program_socket(hub, acme)
    await opened(program)
    for _ in range(consumers.MOST_FRAMES + 1):
        await program.send_json_to({"t": "viewing", "conversation": None})
    assert await program.receive_json_from() == {"t": "error", "code": "rate_limited"}
    assert await code_of(program, connects=False) == 1008


async def test_one_agent_sees_another_type(hub: Hub, alice: Membership, bob: Membership) -> None:
    conversation = await run(lambda: write_in(alice.account, connect(alice.account), "hola"))
    hers, his = await page_socket(hub, alice), await page_socket(hub, bob)
    for page in (hers, his):
        await opened(page)
        await page.send_json_to({"t": "viewing", "conversation": conversation})
        await page.receive_json_from()
    await hers.receive_json_from()
    await his.send_json_to({"t": "typing", "conversation": conversation, "on": True})
    author = {"kind": "agent", "id": bob.user_id, "name": "Bob"}
    assert await hers.receive_json_from() == {
        "t": "typing",
        "conversation": conversation,
        "author": author,
        "on": True,
    }
    for page in (hers, his):
        await page.disconnect()


async def test_another_address_is_refused_without_a_word(hub: Hub) -> None:
    assert (await socket(hub, path="/ws/other/", origin=ORIGIN).connect())[0] is False


async def test_a_socket_that_is_gone_leaves_nothing_behind(hub: Hub, acme: Account) -> None:
    program = await program_socket(hub, acme)
    await opened(program)
    await program.send_json_to(RESUME)
    assert hub._rooms
    await program.disconnect()
    assert not hub._rooms


async def test_sockets_hold_no_connections_of_the_pool(hub: Hub, acme: Account) -> None:
    token = await run(lambda: create_token(acme, bot="Helper"))
    before = await run(
        count_borrowed
    )  # that of the fixtures, the one that asks, and what other tests' threads have kept
    programs = [socket(hub, token=token) for _ in range(40)]
    await asyncio.gather(*(opened(program) for program in programs))
    for program in programs:
        await program.send_json_to(RESUME)
    async with asyncio.timeout(20):
        while await run(count_borrowed) > before + 1:  # the hub's
            await asyncio.sleep(0.05)
    for program in programs:
        await program.disconnect()


def count_borrowed() -> int:
    with connection.cursor():
        stats = connection.pool.get_stats()  # type: ignore[attr-defined]
    return int(stats["pool_size"] - stats["pool_available"])
