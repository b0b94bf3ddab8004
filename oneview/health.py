"""Probes: whether this process answers, what is broken behind it, and the numbers behind that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import redis
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from oneview.common import beats

DAYS_AHEAD = 3
PARTITIONED = ("inbox_message", "inbox_snapshot")
LONGEST_WAIT = {"drain": timedelta(seconds=30), "worker": timedelta(seconds=60)}

waiting_gauge = Gauge("oneview_oldest_waiting_seconds", "How long the oldest entry waits for this process", ["process"])
days_gauge = Gauge("oneview_partition_days_ahead", "Days, today included, that have partitions for messages")


@dataclass(frozen=True, slots=True)
class Problem:
    """`stops`: nothing can be served or stored. Otherwise taking this process out of service would help nobody."""

    says: str
    stops: bool = False


@never_cache
@require_safe
def live(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"live": True})


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 while pages can be served and webhooks stored, else 503; `broken` names what is, `checks` says how."""
    problems = find_problems()
    is_ready = not any(problem and problem.stops for problem in problems.values())
    content = {
        "ready": is_ready,
        "broken": [name for name, problem in problems.items() if problem],
        "checks": {name: problem.says if problem else "ok" for name, problem in problems.items()},
    }
    return JsonResponse(content, status=200 if is_ready else 503)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text: this process's metrics and the queues of the installation. It names no account."""
    try:
        for process, wait in read_waits().items():
            waiting_gauge.labels(process).set(wait.total_seconds())
        days_gauge.set(count_days_ahead())
    except DatabaseError:
        waiting_gauge.clear()
        days_gauge.set(float("nan"))
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def find_problems() -> dict[str, Problem | None]:
    """The parts of the installation by name, None for those that work."""
    problems = {"database": _ask(check_database, stops=True), "redis": _ask(check_redis)}
    if problems["database"] is None:
        problems["partitions"] = _ask(check_partitions)
        problems |= {process: _ask(partial(check_wait, process)) for process in LONGEST_WAIT}
    if problems["redis"] is None and problems.get("drain") is None:
        problems["drain"] = _ask(check_drain)
    return problems


def _ask(check: Callable[[], Problem | None], *, stops: bool = False) -> Problem | None:
    try:
        return check()
    except (DatabaseError, redis.RedisError) as error:
        return Problem(str(error).strip() or type(error).__name__, stops)


def check_database() -> Problem | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery()")
        (is_replica,) = cursor.fetchone()
    return Problem("This is a read-only replica.", stops=True) if is_replica else None


def check_redis() -> Problem | None:
    with beats.connect() as client:
        client.ping()
    return None


def check_drain() -> Problem | None:
    if beats.is_alive("drain"):
        return None
    return Problem(f"No sign of life for {beats.LASTS_SECONDS} s. Is `manage.py drain` running?")


def check_partitions() -> Problem | None:
    days = count_days_ahead()
    if days == 0:
        return Problem("There is no partition for today's messages. Run `manage.py migrate`.", stops=True)
    if days < DAYS_AHEAD:
        return Problem(f"Messages can be stored for {days} more days. Is beat running? It makes partitions ahead.")
    return None


def check_wait(process: str) -> Problem | None:
    wait = read_waits()[process]
    if wait <= LONGEST_WAIT[process]:
        return None
    return Problem(f"The oldest entry waits for {wait.total_seconds():.0f} s. Is the {process} running?")


def count_days_ahead() -> int:
    """Days in a row, today included, that have partitions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'")
        leaves = {name for (name,) in cursor.fetchall()}
    today, days = datetime.now(UTC).date(), 0
    while all(f"{table}_{today + timedelta(days=days):%Y%m%d}" in leaves for table in PARTITIONED):
        days += 1
    return days


def read_waits() -> dict[str, timedelta]:
    """How long the oldest entry waits for each process, over all accounts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT now() - inbound, now() - outbox FROM waiting_since()")
        waits = cursor.fetchone()
    return {process: wait or timedelta() for process, wait in zip(("drain", "worker"), waits, strict=True)}
