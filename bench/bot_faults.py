"""What endpoints are told while they fail in every way, workers are killed and Redis is emptied."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import psycopg
import redis
import uvloop

from bench.harm import Outcome, pid_of
from bench.installation import Installation, Tenant, start_installation
from bench.kinds import build_body
from bench.receiver import MOODS, Receiver, find_port
from bench.webhooks import build_request, post_all

ALL = ("message.created", "message.updated", "conversation.updated", "conversation.moved", "contact.updated")
MESSAGES, PEOPLE, ROUNDS = 2_000, 100, 8
CONTROL_MESSAGES, CONTROL_ROUNDS = 400, 2
AWAY = range(1, 6)  # the rounds in which the second endpoint is gone: its two hours
QUIET_SECONDS = 120

# The position goes on before the call, and never back.
HURRY = """
CREATE FUNCTION hurry() RETURNS trigger LANGUAGE plpgsql AS '
BEGIN
  NEW.after = greatest(OLD.after, NEW.after);
  IF NEW.token IS NOT NULL THEN
    NEW.after = least(NEW.after + 50, (SELECT seq FROM inbox_livecounter WHERE account_id = NEW.account_id));
  END IF;
  RETURN NEW;
END';
CREATE TRIGGER hurry BEFORE UPDATE ON inbox_endpoint FOR EACH ROW WHEN (OLD.token IS DISTINCT FROM NEW.token)
  EXECUTE FUNCTION hurry()
"""

Connection = psycopg.Connection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Listener:
    """An endpoint, what it asked for, and the number of the last event before."""

    receiver: Receiver
    events: Sequence[str]
    after: int


def run_bot_webhooks() -> list[Outcome]:
    seed = random.randrange(2**32)
    print(f"seed {seed}", flush=True)
    outcome = _run("bot-webhooks", random.Random(seed), messages=MESSAGES, rounds=ROUNDS)
    control = _run(
        "bot-webhooks.control", random.Random(seed), messages=CONTROL_MESSAGES, rounds=CONTROL_ROUNDS, hurries=True
    )
    return [outcome, control]


def _run(name: str, chance: random.Random, *, messages: int, rounds: int, hurries: bool = False) -> Outcome:
    with start_installation() as installation, installation.connect() as database:
        if hurries:
            database.execute(HURRY)
        tenant = installation.make_tenant(0)
        everything, words = _register(installation, tenant, ALL), _register(installation, tenant, ["message.created"])
        faults = _assault(installation, tenant, database, (everything, words), chance, messages=messages, rounds=rounds)
        checked = [_check(database, listener) for listener in (everything, words)]
        gaps = _count_gaps(database, everything)
    repeated = sum(
        len(each.receiver.taken) - len({id for id, _ in each.receiver.taken}) for each in (everything, words)
    )
    print(f"{name}: {repeated} events came again, with the id that they had", flush=True)
    lost, duplicated, reordered, told = (sum(column) for column in zip(*checked, strict=True))
    held = not (lost or duplicated or reordered or gaps or everything.receiver.forged or words.receiver.forged)
    return Outcome(name, told, faults, lost, duplicated, reordered, gaps, lost > 0 if hurries else held)


def _register(installation: Installation, tenant: Tenant, events: Sequence[str]) -> Listener:
    email = "supervisor@bench.example"
    installation.manage(
        *("create_user", email, "--account", tenant.slug, "--role", "supervisor"),
        *("--password", "correct horse battery"),
    )
    token = installation.manage("create_token", "--account", tenant.slug, "--user", email)["token"]
    receiver = Receiver(find_port())
    request = urllib.request.Request(
        f"{installation.running.url}/api/v1/webhooks/",
        json.dumps({"url": receiver.url, "events": list(events)}).encode(),
        {"authorization": f"Bearer {token}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:
        made = json.load(answer)
    receiver.secret = made["secret"]
    return Listener(receiver, events, made["after"])


def _assault(
    installation: Installation,
    tenant: Tenant,
    database: Connection,
    listeners: tuple[Listener, Listener],
    chance: random.Random,
    *,
    messages: int,
    rounds: int,
) -> int:
    """Messages come in while endpoints have their moods; in every round a worker dies and Redis forgets. The faults."""
    begin, share, faults = int(time.time()) - messages, messages // rounds, 0
    first, second = listeners
    with ExitStack() as away:
        for round in range(rounds):
            with ExitStack() as here:
                here.enter_context(first.receiver.running())
                if round not in AWAY:
                    here.enter_context(second.receiver.running())
                for listener in listeners:
                    listener.receiver.mood = chance.choice(MOODS)
                faults += 2
                _write(installation, tenant, range(round * share, (round + 1) * share), begin=begin)
                for _ in range(chance.randint(2, 6)):
                    time.sleep(0.5)
                    _hasten(database)
                faults += _kill_worker(installation, database)
                for listener in listeners:
                    listener.receiver.mood = "takes"
                for _ in range(chance.randint(4, 8)):
                    time.sleep(0.5)
                    _hasten(database)
        for listener in listeners:
            away.enter_context(listener.receiver.running())
        _wait_until_told(database)
    return faults


def _write(installation: Installation, tenant: Tenant, numbers: range, *, begin: int) -> None:
    line, port = tenant.whatsapp, installation.port
    requests = []
    for number in numbers:
        person = number % PEOPLE
        body = build_body(line, person=person, message=str(number), text=f"event {number}", at=begin + number)
        requests.append(build_request(line, body, person=person, port=port))
    load, _ = uvloop.run(post_all(requests, port=port, connections=4))
    assert load.refused == 0


def _kill_worker(installation: Installation, database: Connection) -> int:
    """The lease of the dead is over at once, instead of in a minute."""
    try:
        os.kill(pid_of(installation, "worker"), signal.SIGKILL)
    except ProcessLookupError:
        return 0
    with redis.Redis.from_url(installation.running.redis_url) as client:
        client.flushall()
    time.sleep(0.2)
    database.execute("UPDATE inbox_endpoint SET leased_until = now() WHERE leased_until > now()")
    return 2


def _hasten(database: Connection) -> None:
    """Hours of waiting go by."""
    database.execute("UPDATE inbox_endpoint SET next_attempt_at = now() WHERE next_attempt_at > now()")


def _wait_until_told(database: Connection) -> None:
    deadline = time.monotonic() + QUIET_SECONDS
    while time.monotonic() < deadline:
        _hasten(database)
        (waiting,) = database.execute(
            "SELECT (SELECT count(*) FROM channels_ingest_inboundevent WHERE state = 0) + "
            "(SELECT count(*) FROM inbox_endpoint e JOIN inbox_livecounter c USING (account_id) WHERE e.after < c.seq)"
        ).fetchone() or (0,)
        if waiting == 0:
            return
        time.sleep(0.5)


def _check(database: Connection, listener: Listener) -> tuple[int, int, int, int]:
    """Lost, duplicated, reordered, and how many events there were to tell."""
    rows = database.execute(
        "SELECT seq FROM inbox_liveevent WHERE seq > %s AND type = ANY(%s)", [listener.after, list(listener.events)]
    ).fetchall()
    first: dict[str, dict[str, Any]] = {}
    for id, document in listener.receiver.taken:
        first.setdefault(id, document)
    shown = Counter(document["seq"] for document in first.values())
    told: defaultdict[str, list[int]] = defaultdict(list)
    for document in first.values():
        told[document["conversation"]].append(document["seq"])
    lost = sum(seq not in shown for (seq,) in rows)
    duplicated = shown.total() - len(shown)
    reordered = sum(later < earlier for seqs in told.values() for earlier, later in itertools.pairwise(seqs))
    return lost, duplicated, reordered, len(rows)


def _count_gaps(database: Connection, listener: Listener) -> int:
    """Numbers of the log that an endpoint which asks for all was never told."""
    rows = database.execute("SELECT seq FROM inbox_liveevent WHERE seq > %s", [listener.after]).fetchall()
    return len({seq for (seq,) in rows} - {document["seq"] for _, document in listener.receiver.taken})
