"""Doorbells for rows of the outbox and of wanted files. Losing one costs time until the next sweep."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task

from channels_ingest import checkup, media, outbox, profiles

MOST_DUE = 500
PROFILE_PAUSE = 20  # seconds
EXPIRES = 10  # what a busy worker has not begun by then, a later sweep asks for again


@shared_task
def deliver_thread(account_id: int, thread_id: str) -> None:
    outbox.deliver(account_id, UUID(thread_id))


@shared_task
def sweep_outbox() -> None:
    for account_id, thread_id in outbox.list_due_threads(MOST_DUE):
        deliver_thread.apply_async((account_id, str(thread_id)), queue="outbound", expires=EXPIRES)


@shared_task
def check_channel(account_id: int, channel_id: str) -> None:
    checkup.perform_check(account_id, UUID(channel_id))


@shared_task(bind=True, max_retries=5)
def fetch_profile(self: Any, account_id: int, channel_id: str, value: str) -> None:
    if not profiles.fetch_profile(account_id, UUID(channel_id), value):
        raise self.retry(countdown=PROFILE_PAUSE)


@shared_task
def fetch_media(account_id: int, media_id: str) -> None:
    media.fetch(account_id, UUID(media_id))


@shared_task
def sweep_media() -> None:
    for account_id, media_id in media.list_due_media(MOST_DUE):
        fetch_media.apply_async((account_id, str(media_id)), queue="media", expires=EXPIRES)
