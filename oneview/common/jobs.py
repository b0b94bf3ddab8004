"""Background jobs, asked for by the task's name once the unit of work is committed. A job is a doorbell for a row."""

from __future__ import annotations

import time

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

SILENCE_SECONDS = 2.0

log = structlog.get_logger(__name__)

_silent_until = 0.0


def enqueue_on_commit(task: str, *arguments: int | str, queue: str) -> None:
    """Never fails its caller: the row is there, and a sweep finds it without the bell.

    A Redis that does not answer costs a second, then nobody tries for a while.
    """
    # A partial would do but for its lack of a name: Django asks for one when a robust hook fails.
    transaction.on_commit(lambda: _enqueue(task, arguments, queue), robust=True)


def _enqueue(task: str, arguments: tuple[int | str, ...], queue: str) -> None:
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    try:
        current_app.signature(task, args=arguments, queue=queue).apply_async()
    except (OperationalError, RedisError) as error:
        _silent_until = time.monotonic() + SILENCE_SECONDS
        log.warning("job_not_enqueued", task=task, error=str(error))
