"""Jobs of accounts: doorbells for rows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task

from oneview.accounts.invitations import send_link

PAUSE = 30  # seconds until the mail server is asked again


@shared_task(bind=True, max_retries=5)
def send_invitation(self: Any, account_id: int, invitation_id: str) -> None:
    try:
        send_link(account_id, UUID(invitation_id))
    except OSError as error:
        raise self.retry(countdown=PAUSE, exc=error) from error
