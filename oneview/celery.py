"""The Celery application. Tasks are doorbells for rows in PostgreSQL: losing one costs time until the next sweep."""

import os
import warnings
from urllib.parse import parse_qs, urlsplit

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "oneview.settings")

from celery import Celery
from celery.app.utils import Settings
from celery.platforms import SecurityWarning
from celery.schedules import crontab
from celery.signals import celeryd_init, setup_logging
from django.conf import settings
from kombu.entity import Queue

from oneview.hearing import Watchdog

QUEUES = ("outbound", "media", "webhooks", "periodic")


def broker_url(redis_url: str) -> str:
    """Celery spells a Redis behind a unix socket its own way."""
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    return f"redis+socket://{parts.path}?virtual_host={parse_qs(parts.query).get('db', ['0'])[0]}"


def every(seconds: float, task: str) -> dict[str, object]:
    """A sweep: one that waited as long as its interval is not worth running, the next one does its work."""
    return {"task": task, "schedule": seconds, "options": {"queue": "periodic", "expires": seconds}}


def hourly(minute: int, task: str) -> dict[str, object]:
    return {"task": task, "schedule": crontab(minute=str(minute)), "options": {"queue": "periodic", "expires": 3000}}


if os.geteuid() == 0:  # in a container, which is what confines us there
    warnings.simplefilter("ignore", SecurityWarning)

app = Celery("oneview")
app.conf.update(
    broker_url=broker_url(settings.REDIS_URL),
    # A paused Redis would hold whoever enqueues for ever, and connecting again would be tried for six seconds.
    broker_transport_options={"socket_timeout": 1, "max_retries": 0, "global_keyprefix": settings.REDIS_PREFIX},
    broker_connection_retry_on_startup=True,
    task_publish_retry=False,
    task_queues=[Queue(name) for name in QUEUES],
    task_default_queue="outbound",
    task_create_missing_queues=False,
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    enable_utc=True,
    timezone="UTC",
    beat_schedule={
        "sweep the outbox": every(5, "channels_ingest.tasks.sweep_outbox"),
        "sweep media": every(15, "channels_ingest.tasks.sweep_media"),
        "sweep endpoints": every(5, "inbox.tasks.sweep_endpoints"),
        "sweep reports": every(60, "inbox.tasks.sweep_reports"),
        "sweep turns": every(15, "inbox.tasks.sweep_turns"),
        "sweep routing": every(15, "inbox.tasks.sweep_routing"),
        "wake snoozed threads": every(30, "inbox.tasks.wake_snoozed"),
        "count days": hourly(2, "inbox.tasks.count_days"),
        "keep days": hourly(7, "inbox.tasks.keep_days"),
        "purge what expired": hourly(17, "inbox.tasks.purge_expired"),
    },
)
app.autodiscover_tasks()
app.steps["worker"].add(Watchdog)


@celeryd_init.connect
def be_patient(conf: Settings, **_: object) -> None:
    """The worker itself waits for tasks, a second at a time."""
    conf.broker_transport_options = {**conf.broker_transport_options, "socket_timeout": 5}


@setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """With a receiver, Celery leaves the loggers as Django's LOGGING set them."""
