"""Stored requests through everything: parsed, identified, threaded, folded, logged."""

from __future__ import annotations

import time

from bench.installation import Installation, Tenant
from bench.kinds import build_body
from bench.report import Result, at_least
from oneview.common.ids import new_id

EVENTS, PEOPLE, BATCH = 20_000, 5_000, 500
LONGEST = 120


def measure(installation: Installation) -> list[Result]:
    rates, floors = [], []
    for number in range(3):
        tenant = installation.make_tenant(100 + number)
        store_requests(installation, tenant, events=EVENTS, people=PEOPLE)
        rates.append(EVENTS / wait_until_drained(installation, tenant, expected=EVENTS))
        floors.append(_measure_unnest(installation))
    rate, floor = sorted(rates)[1], sorted(floors)[1]
    return [
        at_least("drain.events_per_s", rate, "events/s", goal=2_000),
        Result("drain.vs_unnest", rate / floor, "of a bare unnest insert", floor, rate / floor),
    ]


def store_requests(installation: Installation, tenant: Tenant, *, events: int, people: int) -> None:
    """Puts signed requests where the door would, while the drain is held still; then lets it go."""
    with installation.paused("drain"), installation.connect() as database:
        account, channel = database.execute(
            "SELECT account_id, id FROM channels_ingest_channel WHERE external_id = %s", [tenant.whatsapp.external_id]
        ).fetchone() or (None, None)
        for begin in range(0, events, BATCH):
            numbers = range(begin, min(begin + BATCH, events))
            bodies = [
                build_body(tenant.whatsapp, person=n % people, message=f"{tenant.slug}.{n}", text=f"question {n}")
                for n in numbers
            ]
            database.execute(
                "INSERT INTO channels_ingest_inboundevent (id, account_id, channel_id, headers, body, received_at, "
                "state, attempts) "
                "SELECT v.id, %s, %s, '{}', v.body, now(), 0, 0 FROM unnest(%s::uuid[], %s::bytea[]) AS v(id, body)",
                [account, channel, [new_id() for _ in numbers], bodies],
            )


def wait_until_drained(installation: Installation, tenant: Tenant, *, expected: int) -> float:
    """Seconds until nothing waits; checks that every message is there."""
    begun = time.perf_counter()
    with installation.connect() as database:
        while database.execute(
            "SELECT EXISTS (SELECT FROM channels_ingest_inboundevent WHERE state = 0)"
        ).fetchone() == (True,):
            if time.perf_counter() - begun > LONGEST:
                raise RuntimeError(f"not drained after {LONGEST} s")
            time.sleep(0.02)
        seconds = time.perf_counter() - begun
        (messages,) = database.execute(
            "SELECT count(*) FROM inbox_message m JOIN accounts_account a ON a.id = m.account_id WHERE a.slug = %s",
            [tenant.slug],
        ).fetchone() or (0,)
    assert messages == expected, f"{messages} messages of {expected}"
    return seconds


def _measure_unnest(installation: Installation) -> float:
    """Rows a second of a bare insert of as many rows, as many at a time, into a table without indexes but its key."""
    with installation.connect() as database:
        database.execute(
            "CREATE TABLE bench_floor (id uuid PRIMARY KEY, account_id bigint, text text, sent_at timestamptz)"
        )
        begun = time.perf_counter()
        for _ in range(0, EVENTS, BATCH):
            database.execute(
                "INSERT INTO bench_floor SELECT v.id, 1, v.text, now() FROM unnest(%s::uuid[], %s::text[]) AS v(id, "
                "text)",
                [[new_id() for _ in range(BATCH)], ["question"] * BATCH],
            )
        seconds = time.perf_counter() - begun
        database.execute("DROP TABLE bench_floor")
    return EVENTS / seconds
