"""Background jobs, asked for by the task's name once the unit of work is committed. A job is a doorbell for a row."""

from __future__ import annotations

from functools import partial

import structlog
from celery import current_app
from django.db import transaction

log = structlog.get_logger(__name__)


def enqueue_on_commit(task: str, *arguments: int | str, queue: str) -> None:
    """Never fails its caller and waits a second at most: the row is there, and a sweep finds it without the bell."""
    transaction.on_commit(partial(_enqueue, task, arguments, queue), robust=True)


def _enqueue(task: str, arguments: tuple[int | str, ...], queue: str) -> None:
    try:
        current_app.signature(task, args=arguments, queue=queue).apply_async()
    except current_app.connection_for_write().connection_errors as error:
        log.warning("job_not_enqueued", task=task, error=str(error))
