"""What Celery beat asks for. Each task is due by state, not by tick: running twice, late or not at all for a day breaks
no promise.
"""

from __future__ import annotations

from celery import shared_task

from inbox.services.conversations import wake_snoozed as wake_account
from inbox.services.retention import purge_expired as purge
from oneview.accounts.models import Account
from oneview.common.days import keep_days as make_days
from oneview.common.scope import scope


@shared_task
def purge_expired() -> dict[str, int]:
    return purge()


@shared_task
def keep_days() -> None:
    make_days()


@shared_task
def wake_snoozed() -> None:
    for account in Account.objects.order_by("id"):
        with scope(account) as now:
            wake_account(account, now=now)
