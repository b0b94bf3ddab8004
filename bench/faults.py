"""What survives: processes killed and Redis emptied while webhooks pour in. `python -m bench.faults [part ...]`.

Each part has a control that takes one safeguard away and must show harm: a harness that passes without it sees nothing.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import signal
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import redis
import uvloop
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from bench.bot_faults import run_bot_webhooks
from bench.harm import Outcome, pid_of
from bench.installation import Installation, Tenant, start_installation
from bench.kinds import ADAPTERS, Line, build_body, name_message
from bench.report import RESULTS, describe_machine
from bench.webhooks import build_request, is_taken

EVENTS, PEOPLE, SENDERS, KILLS = 10_000, 200, 8, 10  # people of each kind: the door takes 60 a minute of a visitor
KINDS = tuple(ADAPTERS)
CONTROL_EVENTS = 1_000
QUIET_SECONDS = 90

NO_KEYS = """
CREATE FUNCTION forget_key() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER forget BEFORE INSERT ON inbox_messagekey FOR EACH ROW EXECUTE FUNCTION forget_key()
"""


@dataclass(slots=True)
class _Listener:
    """A socket that comes back whenever it is cut, and what it has seen."""

    head: int = 0
    seen: set[int] = field(default_factory=set)


def main(wanted: list[str]) -> int:
    parts = {"ingest": run_ingest, "bot-webhooks": run_bot_webhooks}
    unknown = set(wanted) - set(parts)
    if unknown:
        print(f"No such part: {', '.join(sorted(unknown))}. There are: {', '.join(parts)}", file=sys.stderr)
        return 2
    outcomes = [outcome for name in wanted or parts for outcome in parts[name]()]
    RESULTS.mkdir(exist_ok=True)
    document = {"machine": describe_machine(), "results": [asdict(outcome) for outcome in outcomes]}
    (RESULTS / "faults.json").write_text(json.dumps(document, indent=2) + "\n")
    for outcome in outcomes:
        print(json.dumps(asdict(outcome)))
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def run_ingest() -> list[Outcome]:
    """Webhooks of all kinds shuffled, each sent one to five times by eight senders, web and drain killed, Redis
    emptied.
    """
    seed = random.randrange(2**32)
    print(f"seed {seed}", flush=True)
    with start_installation() as installation:
        tenant = installation.make_tenant(0, kinds=KINDS)
        faults, listener = uvloop.run(_assault(installation, tenant, random.Random(seed), EVENTS, kills=KILLS))
        lost, duplicated, reordered, gaps = _check(installation, tenant, EVENTS, listener)
    held = not (lost or duplicated or reordered or gaps)
    outcome = Outcome("ingest", EVENTS, faults, lost, duplicated, reordered, gaps, held)
    with start_installation() as installation:
        with installation.connect() as database:
            database.execute(NO_KEYS)
        tenant = installation.make_tenant(0, kinds=KINDS)
        faults, listener = uvloop.run(_assault(installation, tenant, random.Random(seed), CONTROL_EVENTS, kills=0))
        lost, duplicated, reordered, gaps = _check(installation, tenant, CONTROL_EVENTS, listener)
    control = Outcome("ingest.control", CONTROL_EVENTS, faults, lost, duplicated, reordered, gaps, duplicated > 0)
    return [outcome, control]


async def _assault(
    installation: Installation, tenant: Tenant, chance: random.Random, events: int, *, kills: int
) -> tuple[int, _Listener]:
    begin = int(time.time()) - events
    posts: list[tuple[Line, int, bytes]] = []
    for number in range(events):
        line, person = _choose_writer(tenant, number)
        body = build_body(line, person=person, message=str(number), text=f"event {number}", at=begin + number)
        posts += [(line, person, body)] * chance.randint(1, 5)
    chance.shuffle(posts)
    listener = _Listener()
    listening = asyncio.create_task(_listen(installation.port, tenant, listener))
    port = installation.port
    shared = (build_request(line, body, person=person, port=port) for line, person, body in posts)
    senders = [asyncio.create_task(_send(port, shared)) for _ in range(SENDERS)]
    faults = await _injure(installation, chance, kills=kills) if kills else 0
    await asyncio.gather(*senders)
    await _wait_until_quiet(installation, listener)
    if listening.done():
        listening.result()
    listening.cancel()
    return faults, listener


def _choose_writer(tenant: Tenant, number: int) -> tuple[Line, int]:
    """Whose event a number is: the kinds in turn, in each of them the people."""
    turn, kind = divmod(number, len(KINDS))
    return tenant.lines[KINDS[kind]], turn % PEOPLE


async def _send(port: int, requests: Any) -> None:
    """Sends each request until it is accepted, as a provider would."""
    connection = None
    for request in requests:
        while True:
            try:
                if connection is None:
                    connection = await asyncio.open_connection("127.0.0.1", port)
                reader, writer = connection
                writer.write(request)
                answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
                if is_taken(answer):
                    break
                assert answer.startswith(b"HTTP/1.1 503"), answer
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                pass
            if connection:
                connection[1].close()
            connection = None
            await asyncio.sleep(0.2)


async def _injure(installation: Installation, chance: random.Random, *, kills: int) -> int:
    """Kills web and drain so many times each, and empties Redis between; how many faults."""
    targets = ["web", "drain"] * kills
    chance.shuffle(targets)
    client = redis.Redis.from_url(installation.running.redis_url)
    faults = 0
    for name in targets:
        await asyncio.sleep(chance.uniform(0.3, 1.5))
        pid = pid_of(installation, name)
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
        faults += 1
        client.flushall()
        faults += 1
        deadline = time.monotonic() + 60
        while pid_of(installation, name) == pid and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
    client.close()
    return faults


async def _listen(port: int, tenant: Tenant, listener: _Listener) -> None:
    while True:
        try:
            async with connect(
                f"ws://127.0.0.1:{port}/ws/inbox/",
                subprotocols=[Subprotocol(f"oneview.bearer.{tenant.token}")],
                max_size=None,
            ) as socket:
                await socket.recv()
                await socket.send(json.dumps({"t": "resume", "after": listener.head}))
                async for raw in socket:
                    frame = json.loads(raw)
                    if frame["t"] == "events":
                        listener.seen.update(range(frame["from"], frame["to"] + 1))
                        listener.head = max(listener.head, frame["to"])
                    elif frame["t"] == "reset":  # too far behind: a page would load itself anew from here
                        listener.seen.update(range(1, frame["seq"] + 1))
                        listener.head = frame["seq"]
                        await socket.send(json.dumps({"t": "resume", "after": listener.head}))
        except (OSError, WebSocketException):
            await asyncio.sleep(0.3)


async def _wait_until_quiet(installation: Installation, listener: _Listener) -> None:
    deadline = time.monotonic() + QUIET_SECONDS
    with installation.connect() as database:
        while time.monotonic() < deadline:
            (waiting,) = database.execute(
                "SELECT count(*) FROM channels_ingest_inboundevent WHERE state = 0"
            ).fetchone() or (0,)
            (head,) = database.execute("SELECT coalesce(max(seq), 0) FROM inbox_livecounter").fetchone() or (0,)
            if waiting == 0 and listener.head >= head:
                return
            await asyncio.sleep(0.2)


def _check(installation: Installation, tenant: Tenant, events: int, listener: _Listener) -> tuple[int, int, int, int]:
    with installation.connect() as database:
        rows = database.execute(
            "SELECT c.kind, m.thread_id, m.external_id, m.sent_at FROM inbox_message m "
            "JOIN accounts_account a ON a.id = m.account_id JOIN inbox_thread t ON t.id = m.thread_id "
            "JOIN channels_ingest_channel c ON c.id = t.channel_id "
            "WHERE a.slug = %s ORDER BY m.thread_id, m.id",
            [tenant.slug],
        ).fetchall()
        (head,) = database.execute("SELECT coalesce(max(seq), 0) FROM inbox_livecounter").fetchone() or (0,)
    shown: defaultdict[tuple[str, str], int] = defaultdict(int)
    threads: defaultdict[tuple[str, UUID], list[datetime]] = defaultdict(list)
    for kind, thread, external, sent_at in rows:
        shown[kind, external] += 1
        threads[kind, thread].append(sent_at)
    lost = 0
    for number in range(events):
        line, person = _choose_writer(tenant, number)
        lost += (line.kind, name_message(line, person=person, message=str(number))) not in shown
    duplicated = sum(count - 1 for count in shown.values())
    reordered = sum(
        later < earlier - ADAPTERS[kind].capabilities.resolution
        for (kind, _), times in threads.items()
        for earlier, later in itertools.pairwise(times)
    )
    gaps = head - len(listener.seen & set(range(1, head + 1)))
    return lost, duplicated, reordered, gaps


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
