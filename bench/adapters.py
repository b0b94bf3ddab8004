"""What an adapter costs on one core: a request of one message verified, its kept headers written, its events read."""

from __future__ import annotations

import time
from collections.abc import Sequence

from bench.installation import Installation
from bench.kinds import ADAPTERS, CREDENTIALS, Line, build_body, sign_body
from bench.report import Result, at_least, median_of_three
from channels_ingest.base import ChannelAdapter, Request
from channels_ingest.events import MessageReceived
from oneview.common.ids import new_id

REQUESTS = 4_000
PEOPLE = 500
GOAL = 5_000


def measure(installation: Installation) -> list[Result]:
    return [_measure(adapter) for adapter in ADAPTERS.values()]


def _measure(adapter: ChannelAdapter) -> Result:
    requests = _build_requests(Line(adapter.kind, "900100200300", f"/webhooks/{adapter.kind}/{new_id().hex}/"))
    (seconds,) = median_of_three(lambda: (_time(adapter, requests),))
    return at_least(f"adapters.{adapter.kind}.events_per_s", REQUESTS / seconds, "events/s of processor", goal=GOAL)


def _build_requests(line: Line) -> list[Request]:
    requests = []
    for number in range(REQUESTS):
        person, text = number % PEOPLE, f"Hello, where is my order {number}? It should have come on Tuesday 📦"
        body = build_body(line, person=person, message=str(number), text=text)
        headers = {"content-type": "application/json", **sign_body(line, body, person=person)}
        requests.append(Request("POST", f"https://oneview.example{line.webhook}", {}, headers, body))
    return requests


def _time(adapter: ChannelAdapter, requests: Sequence[Request]) -> float:
    """Seconds of processor. The steps are those of door and drain; a request that is not read as a message raises."""
    credentials = CREDENTIALS[adapter.kind]
    begun = time.process_time()
    for request in requests:
        assert adapter.verify(request, credentials)
        adapter.read_caller(request)
        (event,) = adapter.parse(request.body, adapter.keep(request))
        assert isinstance(event, MessageReceived), event
    return time.process_time() - begun
