"""From the POST of a webhook to the frame on every agent's socket of its account, while visitors of the account's web
chat are connected too, who hear nothing of it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.installation import Installation, Tenant
from bench.kinds import Line, build_body, issue_token
from bench.report import Result, at_most, percentile
from bench.webhooks import build_request, post_all
from oneview.common.ids import new_id

ACCOUNTS, SOCKETS, VISITORS, SECONDS = 10, 5, 5, 8
CONNECTIONS = 16
FIRST = "first"  # what a visitor has written before


def measure(installation: Installation) -> list[Result]:
    tenants = [installation.make_tenant(200 + n, kinds=("whatsapp", "webchat")) for n in range(ACCOUNTS)]
    results = []
    for rate, goal in ((200, 40.0), (500, None)):
        runs = sorted(uvloop.run(_run(installation, tenants, rate)) for _ in range(3))
        name = f"live.{rate}.p99_ms"
        results.append(at_most(name, runs[1], "ms", goal=goal) if goal else Result(name, runs[1], "ms"))
    return results


async def _run(installation: Installation, tenants: list[Tenant], rate: int) -> float:
    """The 99th percentile in milliseconds; raises when a frame is lost, doubled, or comes to a visitor."""
    port, run = installation.port, new_id().hex
    received: dict[tuple[int, str], float] = {}
    doubled: list[str] = []
    visitors = await _open_chats(port, [tenant.lines["webchat"] for tenant in tenants])
    overheard: list[str] = []
    hearing = [asyncio.create_task(_overhear(socket, overheard)) for socket in visitors]
    sockets = [await _open(port, tenant) for tenant in tenants for _ in range(SOCKETS)]
    listeners = [
        asyncio.create_task(_listen(socket, number, run, received, doubled)) for number, socket in enumerate(sockets)
    ]
    total = rate * SECONDS
    sent: dict[str, float] = {}
    posters = [await asyncio.open_connection("127.0.0.1", port) for _ in range(CONNECTIONS)]
    queue: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
    workers = [asyncio.create_task(_post(reader, writer, queue, sent)) for reader, writer in posters]
    begun = time.perf_counter()
    for number in range(total):
        tenant = tenants[number % len(tenants)]
        key = f"wamid.{run}{number}"
        body = build_body(tenant.whatsapp, person=number % 500, message=f"{run}{number}", text=f"hola {number}")
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        queue.put_nowait((key, build_request(tenant.whatsapp, body, port=port)))
    deadline = time.perf_counter() + 20
    while len(received) < total * SOCKETS and time.perf_counter() < deadline:
        await asyncio.sleep(0.05)
    for task in (*workers, *listeners, *hearing):
        task.cancel()
    for socket in (*sockets, *visitors):
        await socket.close()
    for _, writer in posters:
        writer.close()
    assert not doubled, f"{len(doubled)} doubled"
    assert not overheard, f"{len(overheard)} frames to visitors"
    assert len(received) == total * SOCKETS, f"{total * SOCKETS - len(received)} frames lost of {total * SOCKETS}"
    return percentile([at - sent[key] for (_, key), at in received.items()], 0.99) * 1000


async def _open(port: int, tenant: Tenant) -> ClientConnection:
    socket = await connect(
        f"ws://127.0.0.1:{port}/ws/inbox/",
        subprotocols=[Subprotocol(f"oneview.bearer.{tenant.token}")],
        compression=None,
        max_size=None,
    )
    hello = json.loads(await socket.recv())
    await socket.send(json.dumps({"t": "resume", "after": hello["seq"]}))
    return socket


async def _open_chats(port: int, lines: Sequence[Line]) -> list[ClientConnection]:
    """Visitors who have written once, and whose sockets have told them so."""
    people = [(line, person) for line in lines for person in range(VISITORS)]
    requests = [
        build_request(line, build_body(line, person=person, message=FIRST, text="hola"), port=port, person=person)
        for line, person in people
    ]
    await post_all(requests, port=port, connections=1)
    sockets = []
    for line, person in people:
        socket = await connect(
            f"ws://127.0.0.1:{port}/ws/visitor/{line.public_id}/",
            subprotocols=[Subprotocol(f"oneview.visitor.{issue_token(line, person=person)}")],
            compression=None,
        )
        await socket.send(json.dumps({"t": "resume", "after": None}))
        async with asyncio.timeout(20):
            while json.loads(await socket.recv())["t"] != "message":
                pass
        sockets.append(socket)
    return sockets


async def _overhear(socket: ClientConnection, overheard: list[str]) -> None:
    """Their own message may come once more: who catches up is told some things twice."""
    async for raw in socket:
        frame = json.loads(raw)
        if frame["t"] != "beat" and frame.get("message", {}).get("client_id") != FIRST:
            overheard += [str(raw)]


async def _listen(
    socket: ClientConnection, number: int, run: str, received: dict[tuple[int, str], float], doubled: list[str]
) -> None:
    async for raw in socket:
        now = time.perf_counter()
        frame = json.loads(raw)
        for event in frame.get("events", ()):
            key = (event.get("data") or {}).get("external_id", "")
            if event["type"] == "message.created" and run in key:
                if (number, key) in received:
                    doubled.append(key)
                received[number, key] = now


async def _post(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    queue: asyncio.Queue[tuple[str, bytes]],
    sent: dict[str, float],
) -> None:
    while True:
        key, request = await queue.get()
        sent[key] = time.perf_counter()
        writer.write(request)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200"), answer
