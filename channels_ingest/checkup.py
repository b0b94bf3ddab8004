"""Whether a channel works, for who connected it: what has been seen of its provider, what waits, what failed, and what
the provider says of the credentials.

The provider is asked by a worker: a page's request is one transaction, and nothing is called inside of one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from cryptography.fernet import InvalidToken
from django.utils.translation import gettext as _

from channels_ingest.base import ChannelAdapter, Permanent, Retryable
from channels_ingest.calls import Calls, run_steps, usable_credentials
from channels_ingest.models import Channel, OutboxMessage, OutboxState, QuarantinedEvent
from channels_ingest.registry import load_channels
from oneview.common.http import NotSent, OutcomeUnknown
from oneview.common.ids import floor_id
from oneview.common.jobs import enqueue_on_commit
from oneview.common.scope import scope

RECENT = timedelta(days=1)
PATIENCE = timedelta(minutes=2)  # longer than a call takes; who was asked and has said nothing by then will not
CHECK = "channels_ingest.tasks.check_channel"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Condition:
    """`shakes_hands`: its provider asks for our word first. `can_be_checked`: there is somebody to ask about the
    credentials. `failed` counts the last day, `quarantined` the account's window.
    """

    shakes_hands: bool
    can_be_checked: bool
    is_being_checked: bool
    was_not_answered: bool
    quarantined: int
    waiting: int
    failed: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`passed` is None where nobody could tell."""

    passed: bool | None
    words: str


def read_condition(channel: Channel, *, now: datetime, window: timedelta) -> Condition:
    """Runs inside the caller's scope."""
    adapter = load_channels().get(channel.kind)
    asked = channel.check_asked_at
    is_open = asked is not None and (channel.checked_at is None or channel.checked_at < asked)
    mine = {"account_id": channel.account_id, "channel_id": channel.id}
    deliveries = OutboxMessage.objects.filter(**mine)
    quarantine = QuarantinedEvent.objects.filter(**mine, state=QuarantinedEvent.State.QUARANTINED)
    return Condition(
        shakes_hands=adapter is not None and type(adapter).handshake is not ChannelAdapter.handshake,
        can_be_checked=can_be_checked(channel.kind),
        is_being_checked=bool(is_open and asked and now < asked + PATIENCE),
        was_not_answered=bool(is_open and asked and now >= asked + PATIENCE),
        quarantined=quarantine.filter(received_at__gte=now - window).count(),
        waiting=deliveries.filter(state__in=[OutboxState.QUEUED, OutboxState.SENDING]).count(),
        failed=deliveries.filter(state=OutboxState.FAILED, message_id__gte=floor_id(now - RECENT)).count(),
    )


def can_be_checked(kind: str) -> bool:
    adapter = load_channels().get(kind)
    return adapter is not None and type(adapter).check is not ChannelAdapter.check


def request_check(account_id: int, channel_id: UUID, *, now: datetime) -> None:
    """Has a worker ask the provider after the commit. Runs inside the caller's scope."""
    Channel.objects.filter(account_id=account_id, id=channel_id).update(check_asked_at=now)
    enqueue_on_commit(CHECK, account_id, str(channel_id), queue="periodic")


def perform_check(account_id: int, channel_id: UUID) -> None:
    """Asks, and stores the answer unless somebody has asked again meanwhile: then the credentials may be others."""
    with scope(account_id):
        channel = Channel.objects.filter(account_id=account_id, id=channel_id).defer("credentials").first()
        if channel is None or not can_be_checked(channel.kind):
            return
        try:
            channel.refresh_from_db(fields=["credentials"])
            verdict = None
        except InvalidToken:
            verdict = Verdict(False, _("The credentials cannot be read any more. Enter them again."))
    verdict = verdict or _ask(channel)
    with scope(account_id) as now:
        Channel.objects.filter(account_id=account_id, id=channel_id, check_asked_at=channel.check_asked_at).update(
            checked_at=now, check_passed=verdict.passed, check_words=verdict.words[:300]
        )


def _ask(channel: Channel) -> Verdict:
    adapter = load_channels()[channel.kind]
    steps = adapter.check(usable_credentials(channel), external_id=channel.external_id)
    try:
        return Verdict(True, run_steps(steps, Calls().perform))
    except Permanent as error:
        return Verdict(False, error.reason)
    except Retryable as error:
        return Verdict(None, error.reason)
    except (NotSent, OutcomeUnknown):
        return Verdict(None, _("%(label)s could not be reached.") % {"label": adapter.label})
    except Exception:
        log.exception("check_failed", kind=channel.kind, channel=str(channel.id))
        return Verdict(None, _("%(label)s answered something that makes no sense.") % {"label": adapter.label})
