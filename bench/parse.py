"""The largest POST a provider sends: 1,000 WhatsApp updates in 3 MB, against decoding the same bytes as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from bench.installation import Installation
from bench.report import Result, median_of_three
from channels_ingest.channels.whatsapp.adapter import CHANNEL

UPDATES = 1_000


def measure(installation: Installation) -> list[Result]:
    body = _build_post()
    spent, floor = median_of_three(
        lambda: (_time(lambda: list(CHANNEL.parse(body, {}))), _time(lambda: json.loads(body)))
    )
    return [Result("parse.full_post_ms", spent, "ms of processor", floor, spent / floor)]


def _build_post() -> bytes:
    messages = [
        {
            "from": f"346{number:08}",
            "id": f"wamid.{number}",
            "timestamp": "1760000000",
            "type": "text",
            "text": {"body": "wörter 😀 " * 85},
            "context": {"id": "wamid.0"},
            "extra": "x" * 600,
        }
        for number in range(UPDATES)
    ]
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1"}, "messages": messages}
    change = {"field": "messages", "value": value}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).encode()


def _time(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000
