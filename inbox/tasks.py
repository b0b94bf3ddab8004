"""What Celery beat asks for. Each task is due by state, not by tick: running twice, late or not at all for a day breaks
no promise.
"""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from inbox.api import deliveries
from inbox.selectors.endpoints import list_due_endpoints, list_unreported_endpoints
from inbox.services.closing import tell_closed
from inbox.services.conversations import wake_snoozed as wake_account
from inbox.services.counts import count_days as count_account
from inbox.services.escalations import escalate_handovers, relieve_silent_bots
from inbox.services.notices import tell_endpoint_off
from inbox.services.retention import purge_expired as purge
from inbox.services.routing import route_waiting as give_out
from inbox.services.routing import take_back
from oneview.accounts.models import Account
from oneview.common.days import keep_days as make_days
from oneview.common.scope import scope

MOST_DUE = 500
EXPIRES = 10  # what a busy worker has not begun by then, a later sweep asks for again


@shared_task
def purge_expired() -> dict[str, int]:
    return purge()


@shared_task
def keep_days() -> None:
    make_days()


@shared_task
def count_days() -> None:
    for account in Account.objects.order_by("id"):
        with scope(account) as now:
            count_account(account, now=now)


@shared_task
def wake_snoozed() -> None:
    for account in Account.objects.order_by("id"):
        with scope(account) as now:
            wake_account(account, now=now)


@shared_task
def sweep_turns() -> None:
    """Each a unit of work of its own: neither holds a conversation for the other."""
    for account in Account.objects.order_by("id"):
        with scope(account) as now:
            escalate_handovers(account, now=now)
        with scope(account) as now:
            relieve_silent_bots(account, now=now)


@shared_task
def route_waiting(account_id: int) -> None:
    route_account(Account.objects.get(id=account_id))


@shared_task
def sweep_routing() -> None:
    for account in Account.objects.order_by("id"):
        route_account(account)


def route_account(account: Account) -> None:
    """Each a unit of work of its own: neither holds conversations for the next."""
    for work in (take_back, tell_closed, give_out):
        with scope(account) as now:
            work(account, now=now)


@shared_task
def deliver_events(account_id: int, endpoint_id: str) -> None:
    deliveries.deliver(account_id, UUID(endpoint_id))


@shared_task
def report_endpoint_off(account_id: int, endpoint_id: str) -> None:
    tell_endpoint_off(account_id, UUID(endpoint_id))


@shared_task
def sweep_reports() -> None:
    for account in Account.objects.order_by("id"):
        with scope(account) as now:
            due = list_unreported_endpoints(account.id, now=now)
        for endpoint_id in due:
            report_endpoint_off.apply_async((account.id, str(endpoint_id)), queue="webhooks", expires=EXPIRES)


@shared_task
def sweep_endpoints() -> None:
    for account_id, endpoint_id in list_due_endpoints(MOST_DUE):
        deliver_events.apply_async((account_id, str(endpoint_id)), queue="webhooks", expires=EXPIRES)
