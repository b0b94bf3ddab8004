"""The webhook door against single-row commits of the same bytes by pgbench, as many clients as connections."""

from __future__ import annotations

import uvloop

from bench.installation import Installation, Tenant
from bench.kinds import build_body
from bench.report import Result, median_of_three, percentile
from bench.webhooks import build_request, post_all
from oneview.common.ids import new_id

REQUESTS = 20_000
FLOOR_SECONDS = 4


def measure(installation: Installation) -> list[Result]:
    tenant = installation.make_tenant(0)
    results = []
    for connections, goal in ((32, 0.5), (128, 0.5)):
        rate, floor, p99 = median_of_three(lambda: _run(installation, tenant, connections))  # noqa: B023
        name = f"door.c{connections}"
        results.append(Result(name, rate, "requests/s", floor, rate / floor, f"ratio >= {goal}", rate / floor >= goal))
        if connections == 32:
            results.append(Result("door.c32.p99_ms", p99, "ms"))
    return results


def _run(installation: Installation, tenant: Tenant, connections: int) -> tuple[float, float, float]:
    port, sample = installation.port, new_id().hex
    bodies = [build_body(tenant.whatsapp, person=n, message=f"{sample}{n}", text="hola " * 60) for n in range(REQUESTS)]
    requests = [build_request(tenant.whatsapp, body, port=port) for body in bodies]
    floor = _measure_floor(installation, bodies[0], connections)
    with installation.paused("drain"):
        load, seconds = uvloop.run(post_all(requests, port=port, connections=connections))
    assert load.refused == 0, f"{load.refused} refused"
    with installation.connect() as database:
        (stored,) = database.execute("SELECT count(*) FROM channels_ingest_inboundevent").fetchone() or (0,)
        assert stored >= REQUESTS, f"{stored} stored of {REQUESTS}"
        database.execute("TRUNCATE channels_ingest_inboundevent CASCADE")
    return REQUESTS / seconds, floor, percentile(load.latencies, 0.99) * 1000


def _measure_floor(installation: Installation, body: bytes, clients: int) -> float:
    with installation.connect() as database:
        database.execute(
            "CREATE TABLE IF NOT EXISTS bench_floor (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id "
            "bigint, "
            "channel uuid, received_at timestamptz, state smallint, body bytea)"
        )
        script = (
            "INSERT INTO bench_floor (account_id, channel, received_at, state, body) "
            f"VALUES (1, '{new_id()}', now(), 0, '\\x{body.hex()}');\n"
        )
        rate = installation.run_pgbench(script, clients=clients, seconds=FLOOR_SECONDS)
        database.execute("DROP TABLE bench_floor")
    return rate
