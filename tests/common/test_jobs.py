"""Asking for a job holds nobody up."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import current_app
from django.db import transaction

from oneview.celery import broker_url
from oneview.common import jobs
from oneview.common.jobs import enqueue_on_commit
from oneview.embedded.redis import Redis

pytestmark = pytest.mark.committed

TASK = "channels_ingest.tasks.sweep_outbox"
SOCKET_SECONDS = 1  # who asks a Redis that does not answer waits so long; who does not ask need not
PATIENCE = 5  # with connecting again it would be six seconds, or for ever


@pytest.fixture
def own_redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """A broker that may be stopped."""
    with Redis(tmp_path / "redis") as server:
        with monkeypatch.context() as patch:
            patch.setattr(current_app.conf, "broker_write_url", broker_url(server.url))
            patch.setattr(jobs, "_silent_until", 0.0)
            forget_connections()
            yield server
        os.kill(server.pid, signal.SIGCONT)
    forget_connections()


def forget_connections() -> None:
    current_app.amqp._producer_pool = None


def ask() -> float:
    """Seconds until the unit of work is through."""
    began = time.monotonic()
    with transaction.atomic():
        enqueue_on_commit(TASK, queue="periodic")
    return time.monotonic() - began


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=["paused", "killed"])
def test_a_job_waits_a_second_for_redis_once_then_not_at_all(
    own_redis: Redis, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(jobs, "SILENCE_SECONDS", 60)
    ask()
    os.kill(own_redis.pid, number)
    assert ask() < PATIENCE
    assert ask() < SOCKET_SECONDS
    monkeypatch.setattr(jobs, "_silent_until", 0.0)
    assert ask() < PATIENCE, "connecting anew takes no longer"


def test_a_job_of_a_unit_of_work_that_failed_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(jobs, "_enqueue", lambda *arguments: asked.append(arguments))
    with transaction.atomic():
        enqueue_on_commit(TASK, queue="periodic")
        transaction.set_rollback(True)
    assert asked == []


def test_a_hook_that_fails_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    later: list[int] = []
    monkeypatch.setattr(jobs, "_enqueue", fail)
    with transaction.atomic():
        enqueue_on_commit(TASK, queue="periodic")
        transaction.on_commit(lambda: later.append(1))
    assert later == [1]
