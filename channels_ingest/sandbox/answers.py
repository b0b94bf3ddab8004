"""Answers of a provider that goes wrong."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from django.http import HttpResponseBase, StreamingHttpResponse

LONGEST_WAIT = 60


def wait(seconds: str) -> None:
    time.sleep(min(float(seconds), LONGEST_WAIT))


def cut() -> HttpResponseBase:
    """Promises more than it gives, so that the server has to close the connection in the middle of the answer."""

    async def begin() -> AsyncIterator[bytes]:
        yield b"{"

    return StreamingHttpResponse(begin(), headers={"Content-Length": "1000"})
