"""The list and a timeline, with a hundred thousand messages stored: server time of the whole page, over HTTP."""

from __future__ import annotations

import time
from uuid import UUID

import httpx2

from bench.drain import store_requests, wait_until_drained
from bench.installation import Installation
from bench.report import Result, at_most, percentile

MESSAGES, PEOPLE, REQUESTS = 100_000, 4_000, 200
PASSWORD = "correct horse battery"


def measure(installation: Installation) -> list[Result]:
    tenant = installation.make_tenant(300)
    store_requests(installation, tenant, events=MESSAGES, people=PEOPLE)
    wait_until_drained(installation, tenant, expected=MESSAGES)
    with installation.connect() as database:
        database.execute("ANALYZE")
        rows = database.execute(
            "SELECT c.id FROM inbox_conversation c JOIN accounts_account a ON a.id = c.account_id WHERE a.slug = %s "
            "LIMIT %s",
            [tenant.slug, REQUESTS],
        ).fetchall()
    with httpx2.Client(base_url=installation.running.url, follow_redirects=True) as client:
        _sign_in(client, tenant.email)
        lists = _time(client, ["/inbox/list/?box=all"] * REQUESTS, {"X-Fragment": "list"})
        addresses = [f"/inbox/c/{UUID(str(row[0]))}/" for row in rows]
        timelines = _time(client, addresses, {"X-Fragment": "conversation"})
        pages = _time(client, addresses, {})
    return [
        at_most("pages.list_p95_ms", percentile(lists, 0.95), "ms", goal=30),
        at_most("pages.timeline_p95_ms", percentile(timelines, 0.95), "ms", goal=30),
        Result("pages.whole_p95_ms", percentile(pages, 0.95), "ms"),
    ]


def _sign_in(client: httpx2.Client, email: str) -> None:
    client.get("/accounts/login/")
    form = {"login": email, "password": PASSWORD, "csrfmiddlewaretoken": client.cookies["csrftoken"]}
    answer = client.post("/accounts/login/", data=form, headers={"Referer": str(client.base_url)})
    assert answer.url.path.startswith("/inbox/"), answer.url


def _time(client: httpx2.Client, addresses: list[str], headers: dict[str, str]) -> list[float]:
    """Milliseconds of each request, after a few that warm up."""
    for address in addresses[:5]:
        client.get(address, headers=headers).raise_for_status()
    taken = []
    for address in addresses:
        begun = time.perf_counter()
        answer = client.get(address, headers=headers)
        taken.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, (address, answer.status_code)
    return taken
