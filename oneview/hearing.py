"""A worker that lost Redis may connect again and yet never take a task. It then ends itself, to be started again."""

import os
import threading
from collections.abc import Sequence
from typing import Any

import structlog
from celery import bootsteps
from celery.worker import state
from django.conf import settings
from redis import Redis
from redis.exceptions import RedisError

SECONDS_BETWEEN_LOOKS = 10
LOOKS = 4

log = structlog.get_logger(__name__)


class Hearing:
    """Beat rings every few seconds: a worker that hears does not stay idle while tasks wait."""

    def __init__(self) -> None:
        self.taken = -1
        self.looks = 0

    def is_lost(self, *, waiting: int, taken: int, busy: bool) -> bool:
        """True when tasks waited at so many looks in a row while it took none and had nothing else to do."""
        self.looks = self.looks + 1 if waiting and not busy and taken == self.taken else 0
        self.taken = taken
        return self.looks >= LOOKS


class Watchdog(bootsteps.StartStopStep):
    """A thread beside the worker. Redis being away is no fault of the worker's."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self.stopping = threading.Event()

    def start(self, worker: Any) -> None:
        queues = [f"{settings.REDIS_PREFIX}{name}" for name in worker.app.amqp.queues]
        threading.Thread(target=self.watch, args=(queues,), name="watchdog", daemon=True).start()

    def stop(self, worker: Any) -> None:
        self.stopping.set()

    def watch(self, queues: Sequence[str]) -> None:
        hearing = Hearing()
        client = Redis.from_url(settings.REDIS_URL, socket_timeout=5)
        while not self.stopping.wait(SECONDS_BETWEEN_LOOKS):
            try:
                waiting = sum(client.llen(queue) for queue in queues)
            except RedisError:
                continue
            busy = bool(state.active_requests)
            if hearing.is_lost(waiting=waiting, taken=state.all_total_count[0], busy=busy):
                log.critical("the worker takes no tasks, it ends", waiting=waiting)
                os._exit(70)
