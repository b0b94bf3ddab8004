"""The HTTP calls of one send or one fetch: performs the steps of a channel and remembers how each went."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from channels_ingest.base import HttpResult, HttpStep
from channels_ingest.models import Channel, DeliveryAttempt
from oneview.common.http import HttpAnswer, NotSent, OutcomeUnknown, fetch, send_request

UPLOAD_SECONDS = 60
FINAL_SECONDS = 30
LOCAL_FIELD = "base_url"

T = TypeVar("T")


class Calls:
    """What is remembered of a call never says what was written, nor holds a secret."""

    def __init__(self) -> None:
        self._made: list[DeliveryAttempt] = []

    def perform(self, step: HttpStep) -> HttpResult:
        """Raises NotSent or OutcomeUnknown."""
        at, began = datetime.now(UTC), time.monotonic()
        status, came = None, "failed"
        try:
            answer = send_request(
                step.method,
                step.url,
                headers=step.headers,
                json=step.json,
                data=step.data,
                files=step.files,
                content=step.content,
                timeout=FINAL_SECONDS if step.final else UPLOAD_SECONDS,
            )
            status, came = answer.status, "answered"
        except (NotSent, OutcomeUnknown) as error:
            came = "not sent" if isinstance(error, NotSent) else "no answer"
            raise
        finally:
            milliseconds = int((time.monotonic() - began) * 1000)
            outcome = f"{step.method} {urlsplit(step.url).hostname}: {came}"
            self._made.append(DeliveryAttempt(at=at, milliseconds=milliseconds, status=status, outcome=outcome[:500]))
        return _result(answer)

    def list_attempts(self, account_id: int, outbox_id: UUID) -> list[DeliveryAttempt]:
        """The calls as rows of a message, to be stored."""
        for attempt in self._made:
            attempt.account_id, attempt.outbox_id = account_id, outbox_id
        return self._made


def run_steps(steps: Generator[HttpStep, HttpResult, T], perform: Callable[[HttpStep], HttpResult]) -> T:
    """Performs the steps of a channel one by one; what they return. Errors of both sides pass through."""
    try:
        step = next(steps)
        while True:
            step = steps.send(perform(step))
    except StopIteration as end:
        result: T = end.value
        return result


def download(step: HttpStep, *, limit: int) -> HttpResult:
    """A step of a fetch; redirects are followed. Raises NotSent, OutcomeUnknown, and TooLarge beyond `limit` bytes."""
    return _result(fetch(step.url, headers=step.headers, max_bytes=limit))


def usable_credentials(channel: Channel) -> Mapping[str, Any]:
    """Without the address of a local provider where that is not allowed; a path is one of our own site, whatever its
    port.
    """
    credentials = dict(channel.credentials)
    local = credentials.pop(LOCAL_FIELD, "")
    if local and settings.ALLOW_LOCAL_PROVIDERS:
        credentials[LOCAL_FIELD] = f"{settings.PUBLIC_URL}{local}" if local.startswith("/") else local
    return credentials


def _result(answer: HttpAnswer) -> HttpResult:
    return HttpResult(answer.status, answer.headers, answer.body)
