"""From the POST of a webhook to the frame on every socket of its account."""

from __future__ import annotations

import asyncio
import json
import time

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.installation import Installation, Tenant
from bench.report import Result, at_most, percentile
from bench.webhooks import build_body, build_request
from oneview.common.ids import new_id

ACCOUNTS, SOCKETS, SECONDS = 10, 5, 8
CONNECTIONS = 16


def measure(installation: Installation) -> list[Result]:
    tenants = [installation.make_tenant(200 + number) for number in range(ACCOUNTS)]
    results = []
    for rate, goal in ((200, 40.0), (500, None)):
        runs = sorted(uvloop.run(_run(installation, tenants, rate)) for _ in range(3))
        name = f"live.{rate}.p99_ms"
        results.append(at_most(name, runs[1], "ms", goal=goal) if goal else Result(name, runs[1], "ms"))
    return results


async def _run(installation: Installation, tenants: list[Tenant], rate: int) -> float:
    """The 99th percentile in milliseconds; raises when a frame is lost or doubled."""
    port, run = installation.port, new_id().hex
    received: dict[tuple[int, str], float] = {}
    doubled: list[str] = []
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
        body = build_body(tenant.phone_number_id, person=number % 500, message=f"{run}{number}", text=f"hola {number}")
        await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
        queue.put_nowait((key, build_request(tenant, body, port=port)))
    deadline = time.perf_counter() + 20
    while len(received) < total * SOCKETS and time.perf_counter() < deadline:
        await asyncio.sleep(0.05)
    for task in (*workers, *listeners):
        task.cancel()
    for socket in sockets:
        await socket.close()
    for _, writer in posters:
        writer.close()
    assert not doubled, f"{len(doubled)} doubled"
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
