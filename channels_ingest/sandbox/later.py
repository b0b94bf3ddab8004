"""Calls that are made a little later, by a few threads of this process."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

import structlog

THREADS = 4
MOST_WAITING = 10_000

log = structlog.get_logger(__name__)


class Later:
    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        self._threads = 0

    def call(self, seconds: float, function: Callable[[], None]) -> bool:
        """False when too many calls are waiting already: this one is not made."""
        with self._changed:
            if len(self._waiting) >= MOST_WAITING:
                log.warning("sandbox_call_dropped", waiting=len(self._waiting))
                return False
            heapq.heappush(self._waiting, (time.monotonic() + seconds, next(self._numbers), function))
            if self._threads < THREADS:
                self._threads += 1
                threading.Thread(target=self._run, name=f"sandbox-{self._threads}", daemon=True).start()
            self._changed.notify()
        return True

    def _run(self) -> None:
        while True:
            function = self._take()
            try:
                function()
            except Exception:
                log.exception("sandbox_call_failed")

    def _take(self) -> Callable[[], None]:
        with self._changed:
            while not self._waiting or self._waiting[0][0] > time.monotonic():
                self._changed.wait(self._waiting[0][0] - time.monotonic() if self._waiting else None)
            return heapq.heappop(self._waiting)[2]


call_later = Later().call
