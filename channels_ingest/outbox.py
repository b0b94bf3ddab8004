"""The outbox: a message goes out once, in the order of its thread.

    T3     claim the head of a thread: a lease and a token
    -      steps that may be repeated (uploads)
    fence  commit `sending`, right before the step that makes the message appear
    -      that step, with nothing held open
    T4     settle where the token still is ours, and tell the sink in the same transaction

A message may be withdrawn until its fence. One that is being sent by then is left alone, and fails only if it comes
back unsent.

A row found in `sending` whose lease ran out becomes `unknown`: nobody knows whether it was sent, so nobody sends it
again unless the provider drops repeated sends. A head that waits for its next attempt holds its thread; failed and
unknown ones let the next go.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from channels_ingest.base import Outgoing, Permanent, Retryable
from channels_ingest.calls import Calls, usable_credentials
from channels_ingest.events import ChannelNotice, DeliveryState, DeliveryUpdated, Event
from channels_ingest.media import read_outgoing_files
from channels_ingest.models import Channel, DeliveryAttempt, OutboxMessage, OutboxState
from channels_ingest.registry import get_channel
from channels_ingest.selectors import describe_channel
from channels_ingest.sink import Received, get_sink
from oneview.common.http import NotSent, OutcomeUnknown
from oneview.common.ids import new_id
from oneview.common.jobs import enqueue_on_commit
from oneview.common.scope import scope

LEASE = timedelta(seconds=120)  # longer than any step takes
HELD = timedelta(hours=1)  # a disconnected channel's messages look again so often; connecting it sends them at once
LONGEST_DELAY = 900
LONGEST_WAIT = 24 * 3600
MOST_ATTEMPTS = 300  # about three days
MOST_MESSAGES = 20  # of one thread in one task
SETTLE_PAUSES = (0.2, 0.5, 1, 2, 4, 8)

DELIVER = "channels_ingest.tasks.deliver_thread"
OPEN = (OutboxState.QUEUED, OutboxState.SENDING)

WINDOW_CLOSED = "window_closed"
WINDOW_CLOSED_REASON = "The time to answer freely ran out while the message was waiting. Choose another way to answer."
INTERRUPTED = "Sending was interrupted. The message may have been sent."
UNREACHABLE = "{label} could not be reached."
UNCONFIRMED = "{label} did not confirm the message. It may have been sent."
PARTLY = "Only a part of the message was sent. {reason}"
OUR_FAULT = "The message could not be prepared for {label}."
DISCONNECTED = "{reason} The message waits until the channel is connected again."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. `queued`: again after `delay` seconds, `doubtful` where it may have been sent all the same.
    `disconnects`: why the channel is of no use.
    """

    state: OutboxState
    external_id: str = ""
    reason: str = ""
    code: str = ""
    delay: float = 0
    doubtful: bool = False
    disconnects: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A claimed message. `verdict`: what becomes of it without a call."""

    row: OutboxMessage
    channel: Channel
    verdict: Outcome | None

    @property
    def label(self) -> str:
        return get_channel(self.channel.kind).label


def list_due_threads(most: int) -> list[tuple[int, UUID]]:
    """(account, thread) of heads that nobody works on, of all accounts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id, thread_id FROM due_threads(%s)", [most])
        return list(cursor.fetchall())


def deliver(account_id: int, thread_id: UUID) -> None:
    """Sends what is due in a thread, the oldest first."""
    for _ in range(MOST_MESSAGES):
        job = _claim_head(account_id, thread_id)
        if job is None:
            return
        calls = Calls()
        outcome = job.verdict or _send(job, calls)
        if outcome is None or not _settle(job, outcome, calls) or outcome.state == OutboxState.QUEUED:
            return
    enqueue_on_commit(DELIVER, account_id, str(thread_id), queue="outbound")


def _claim_head(account_id: int, thread_id: UUID) -> Job | None:
    """T3. None when there is no head, it is not due, or somebody else has it."""
    with scope(account_id) as now:
        open_rows = OutboxMessage.objects.filter(account_id=account_id, thread_id=thread_id, state__in=OPEN)
        head = open_rows.order_by("id").values("id")[:1]
        row = open_rows.select_for_update(skip_locked=True, no_key=True).filter(id=head).first()
        if row is None or row.next_attempt_at > now or (row.leased_until and row.leased_until > now):
            return None
        channel = Channel.objects.get(account_id=account_id, id=row.channel_id)
        verdict = _judge(row, channel, now=now)
        if row.state == OutboxState.SENDING and verdict:
            return Job(row, channel, verdict)  # with its token: whoever still is at it may know better in the end
        row.state, row.token, row.leased_until = OutboxState.QUEUED, new_id(), now + LEASE
        row.attempts += verdict is None
        row.save(update_fields=["state", "token", "leased_until", "attempts"])
        return Job(row, channel, verdict)


def _judge(row: OutboxMessage, channel: Channel, *, now: datetime) -> Outcome | None:
    """What is decided before anything is sent; None: send it."""
    interrupted = Outcome(OutboxState.UNKNOWN, reason=INTERRUPTED) if row.state == OutboxState.SENDING else None
    if interrupted and not get_channel(channel.kind).capabilities.safe_retry:
        return interrupted
    if row.withdrawn:
        return interrupted or Outcome(OutboxState.FAILED, reason=row.reason, code=row.withdrawn)
    until = row.content.get("until") if row.content else None
    if until and datetime.fromisoformat(until) <= now:
        return interrupted or Outcome(OutboxState.FAILED, reason=WINDOW_CLOSED_REASON, code=WINDOW_CLOSED)
    if row.attempts >= MOST_ATTEMPTS:
        return interrupted or Outcome(OutboxState.FAILED, reason=row.reason, code=row.code)
    if channel.state == Channel.State.DISCONNECTED:
        return _hold(channel.state_reason)
    return None


def _hold(reason: str, *, code: str = "", disconnects: str = "") -> Outcome:
    return Outcome(
        OutboxState.QUEUED,
        reason=DISCONNECTED.format(reason=reason).strip(),
        code=code,
        delay=HELD.total_seconds(),
        disconnects=disconnects,
    )


@dataclass(slots=True)
class _Progress:
    """`calling`: the step in flight is the fenced one. `partly`: an earlier fenced one came through."""

    fenced: bool = False
    calling: bool = False
    partly: bool = False


def _send(job: Job, calls: Calls) -> Outcome | None:
    """None when the message turned out to be somebody else's at the fence."""
    progress = _Progress()
    try:
        return _run_steps(job, calls, progress)
    except (DatabaseError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever a channel raises, the message has an outcome
        outcome = _explain(error, job, progress)
        safe = get_channel(job.channel.kind).capabilities.safe_retry
        if progress.partly and not safe and outcome.state != OutboxState.UNKNOWN:
            return replace(outcome, state=OutboxState.FAILED, reason=PARTLY.format(reason=outcome.reason))
        return outcome


def _run_steps(job: Job, calls: Calls, progress: _Progress) -> Outcome | None:
    channel = job.channel
    steps = get_channel(channel.kind).send(
        _build_outgoing(job), usable_credentials(channel), external_id=channel.external_id
    )
    try:
        step = next(steps)
        while True:
            if step.final and not progress.fenced:
                if not _fence(job):
                    return None
                progress.fenced = True
            progress.calling = step.final
            result = calls.perform(step)
            progress.calling = False
            was_final = step.final
            step = steps.send(result)
            progress.partly |= was_final
    except StopIteration as end:
        return Outcome(OutboxState.SENT, external_id=end.value.external_id)


def _build_outgoing(job: Job) -> Outgoing:
    content = job.row.content or {}
    reaction = content.get("reaction")
    return Outgoing(
        key=str(job.row.message_id),
        address=content["address"],
        text=content.get("text", ""),
        reply_to=content.get("reply_to"),
        files=read_outgoing_files(job.row.account_id, [UUID(id) for id in content.get("files") or ()]),
        template=content.get("template"),
        reaction=(reaction[0], reaction[1]) if reaction else None,
    )


def _explain(error: Exception, job: Job, progress: _Progress) -> Outcome:
    safe = get_channel(job.channel.kind).capabilities.safe_retry
    match error:
        case OutcomeUnknown() if progress.calling and not safe:
            return Outcome(OutboxState.UNKNOWN, reason=UNCONFIRMED.format(label=job.label))
        case NotSent() | OutcomeUnknown():
            doubtful = progress.calling and isinstance(error, OutcomeUnknown)
            return replace(_retry(job, UNREACHABLE.format(label=job.label)), doubtful=doubtful)
        case Retryable():
            return _retry(job, error.reason, code=error.code, after=error.retry_after)
        case Permanent(disconnects=True):
            return _hold(error.reason, code=error.code, disconnects=error.reason)
        case Permanent():
            code = WINDOW_CLOSED if error.window_closed else error.code
            return Outcome(OutboxState.FAILED, reason=error.reason, code=code)
    log.exception("send_failed", kind=job.channel.kind, outbox=str(job.row.id))
    if progress.fenced:
        return Outcome(OutboxState.UNKNOWN, reason=UNCONFIRMED.format(label=job.label))
    return _retry(job, OUR_FAULT.format(label=job.label))


def _retry(job: Job, reason: str, *, code: str = "", after: float | None = None) -> Outcome:
    """Twice as long each time, with jitter; never before the provider says."""
    delay = min(LONGEST_DELAY, 2.0**job.row.attempts) * random.uniform(0.5, 1)  # noqa: S311
    if after is not None:
        delay = max(delay, min(after, LONGEST_WAIT) * random.uniform(1, 1.1))  # noqa: S311
    return Outcome(OutboxState.QUEUED, reason=reason, code=code, delay=delay)


def _fence(job: Job) -> bool:
    """From here on the message may be on its way. False when the lease was lost or the message was withdrawn."""
    with scope(job.row.account_id) as now:
        mine = OutboxMessage.objects.filter(
            account_id=job.row.account_id, id=job.row.id, token=job.row.token, state=OutboxState.QUEUED, withdrawn=""
        )
        return mine.update(state=OutboxState.SENDING, leased_until=now + LEASE) == 1


def _settle(job: Job, outcome: Outcome, calls: Calls) -> bool:
    """T4. Tries for a while if the database is away, for what it knows is known to nobody else."""
    for pause in SETTLE_PAUSES:
        try:
            return _try_settle(job, outcome, calls)
        except (OperationalError, InterfaceError) as error:
            log.warning("settle_interrupted", outbox=str(job.row.id), error=str(error))
            connection.close()
            time.sleep(pause)
    return _try_settle(job, outcome, calls)


def _try_settle(job: Job, outcome: Outcome, calls: Calls) -> bool:
    """False, and nothing done, when the token is not ours any more."""
    account_id = job.row.account_id
    with scope(account_id) as now:
        # Locked before its message, as by whoever withdraws it.
        row = OutboxMessage.objects.select_for_update(no_key=True).filter(account_id=account_id, id=job.row.id).first()
        # A result that comes after the lease ran out still is the truth; a retry then is not.
        expected = OPEN if outcome.state == OutboxState.QUEUED else (*OPEN, OutboxState.UNKNOWN)
        if row is None or row.token != job.row.token or row.state not in expected:
            return False
        if row.withdrawn and outcome.state == OutboxState.QUEUED:
            outcome = _give_up(row, outcome)
        if outcome.disconnects:
            Channel.objects.filter(account_id=account_id, id=row.channel_id).update(
                state=Channel.State.DISCONNECTED, state_reason=outcome.disconnects[:300]
            )
        if events := _describe_outcome(job, outcome, now=now):
            info = describe_channel(job.channel)
            get_sink()(account_id, [Received(event, info, now, row.id) for event in events], now=now)
        row.state, row.content = outcome.state, None if outcome.state == OutboxState.SENT else row.content
        row.reason, row.code = outcome.reason[:500], outcome.code[:60]
        row.next_attempt_at, row.leased_until = now + timedelta(seconds=outcome.delay), None
        row.save(update_fields=["state", "content", "reason", "code", "next_attempt_at", "leased_until"])
        DeliveryAttempt.objects.bulk_create(calls.list_attempts(account_id, row.id))
        return True


def _give_up(row: OutboxMessage, outcome: Outcome) -> Outcome:
    """What becomes of a withdrawn message instead of another attempt."""
    if outcome.doubtful:
        return replace(outcome, state=OutboxState.UNKNOWN)
    return replace(outcome, state=OutboxState.FAILED, reason=row.reason, code=row.withdrawn)


def _describe_outcome(job: Job, outcome: Outcome, *, now: datetime) -> list[Event]:
    """What the sink is told: nothing when the message goes on waiting for the same reason."""
    events: list[Event] = []
    recipient = job.channel.external_id
    if outcome.state != OutboxState.QUEUED or outcome.reason != job.row.reason:
        events.append(
            DeliveryUpdated(
                recipient,
                now,
                external_id=outcome.external_id,
                state=DeliveryState(outcome.state),
                reason=outcome.reason,
                code=outcome.code,
                message_id=str(job.row.message_id),
            )
        )
    if outcome.disconnects:
        events.append(ChannelNotice(recipient, now, kind="disconnected", text=outcome.disconnects, severe=True))
    return events
