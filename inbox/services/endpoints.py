"""Writes of endpoints: registering and removing them, and the two ends of a delivery, taking a row and settling it.
The call between the two is made by `inbox.api.deliveries`, with nothing held.
"""

from __future__ import annotations

import base64
import random
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import Max, Min, QuerySet
from django.utils.translation import gettext as _

from inbox.models import Endpoint, EndpointAttempt, LiveEvent
from inbox.realtime import read_head
from inbox.selectors.endpoints import shape_endpoint
from inbox.shapes import EndpointShape
from oneview.accounts.models import Account, ApiToken, User
from oneview.accounts.services import record_audit
from oneview.common.errors import FieldError, Invalid, NotFound, NotPossible
from oneview.common.http import NotSent, read_host
from oneview.common.ids import new_id
from oneview.common.jobs import enqueue_on_commit
from oneview.common.scope import scope

MOST_ENDPOINTS = 20
LEASE = timedelta(seconds=60)  # longer than the calls of one turn take
LONGEST_DELAY = 1800
LONGEST_WAIT = 3600
GIVE_UP = timedelta(hours=24)  # as long as the log is kept
REPORT = "inbox.tasks.report_endpoint_off"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a delivery failed, in words. `gone`: the other side wants no more. `retry_after`: seconds it asked for."""

    reason: str
    gone: bool = False
    retry_after: float = 0


def register_endpoint(
    account: Account, *, url: str, events: Sequence[str], bot: str = "", actor: User, now: datetime
) -> tuple[EndpointShape, str]:
    """An address that is told of `events` from now on, and its signing secret, which is shown this once.

    `bot` names whose address it is. Raises Invalid and NotPossible.
    """
    try:
        host = read_host(url)
    except NotSent:
        raise Invalid(
            FieldError("url", "invalid", _("Give an https address with a host and without a user."))
        ) from None
    if bot and not ApiToken.objects.filter(account=account, bot=bot, revoked_at=None).exists():
        raise Invalid(FieldError("bot", "not_found", _("There is no bot of this name.")))
    if Endpoint.objects.filter(account=account).count() >= MOST_ENDPOINTS:
        raise NotPossible(_("An account has up to %(limit)s endpoints. Remove one first.") % {"limit": MOST_ENDPOINTS})
    secret = f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
    endpoint = Endpoint.objects.create(
        account=account,
        url=url,
        bot=bot,
        events=list(dict.fromkeys(events)),
        secret=secret,
        after=read_head(account.id),
        next_attempt_at=now,
        created_at=now,
    )
    record_audit(account.id, actor=actor, action="endpoint.add", target=host, new={"events": list(events)})
    return shape_endpoint(endpoint), secret


def remove_endpoint(account: Account, endpoint_id: UUID, *, actor: User) -> None:
    """Raises NotFound."""
    endpoint = _get(account, endpoint_id)
    EndpointAttempt.objects.filter(account=account, endpoint_id=endpoint.id).delete()
    endpoint.delete()
    record_audit(account.id, actor=actor, action="endpoint.remove", target=_host(endpoint))


def change_endpoint(
    account: Account,
    endpoint_id: UUID,
    *,
    state: str | None = None,
    events: Sequence[str] | None = None,
    actor: User,
    now: datetime,
) -> EndpointShape:
    """What is not given stays. One that is switched on goes on where it stopped. Raises NotFound."""
    endpoint = _get(account, endpoint_id)
    if events is not None:
        old, new = list(endpoint.events), list(dict.fromkeys(events))
        _of(account, [endpoint_id]).update(events=new)
        record_audit(
            account.id,
            actor=actor,
            action="endpoint.change",
            target=_host(endpoint),
            old={"events": old},
            new={"events": new},
        )
    if state == Endpoint.State.OFF:
        switch_off(account, [endpoint_id], actor=actor)
    elif state == Endpoint.State.ON:
        send_again(account, [endpoint_id], actor=actor, now=now)
    return shape_endpoint(_get(account, endpoint_id))


def replay_events(
    account: Account,
    endpoint_id: UUID,
    *,
    after: int | None = None,
    since: datetime | None = None,
    actor: User,
    now: datetime,
) -> EndpointShape:
    """Tells everything again that follows an event or an instant, as far as the log goes back. Raises NotFound, and
    Invalid for an event that has not happened.
    """
    _get(account, endpoint_id)
    if after is not None and after > read_head(account.id):
        raise Invalid(FieldError("after", "invalid", _("There is no event of this number yet.")))
    send_again(account, [endpoint_id], after=after, since=since, actor=actor, now=now)
    return shape_endpoint(_get(account, endpoint_id))


def switch_off(account: Account, ids: Collection[UUID], *, actor: User) -> int:
    """The number of endpoints that were on until now."""
    running = list(_of(account, ids).filter(state=Endpoint.State.ON))
    reason = _("%(name)s switched it off.") % {"name": actor}
    _of(account, [row.id for row in running]).update(
        state=Endpoint.State.OFF, reason=reason[:300], token=None, leased_until=None
    )
    for row in running:
        record_audit(account.id, actor=actor, action="endpoint.off", target=_host(row))
    return len(running)


def send_again(
    account: Account,
    ids: Collection[UUID],
    *,
    since: datetime | None = None,
    after: int | None = None,
    actor: User,
    now: datetime,
) -> int:
    """Switches endpoints on and tells them everything since an instant or after an event, as far as the log goes back,
    or (neither) what they have not taken yet. The number of endpoints.
    """
    after = _position_before(account.id, since) if since else after
    values = {} if after is None else {"after": after}
    fresh = {"failures": 0, "failing_since": None, "next_attempt_at": now, "leased_until": None, "token": None}
    rows = list(_of(account, ids))
    _of(account, ids).update(state=Endpoint.State.ON, reason="", report_at=None, **fresh, **values)
    for row in rows:
        record_audit(account.id, actor=actor, action="endpoint.send_again", target=_host(row), new=values)
    return len(rows)


def take_endpoint(account_id: int, endpoint_id: UUID, *, now: datetime) -> Endpoint | None:
    """Locks the row of an endpoint that is due. None when it is off, waits, or somebody else delivers to it.

    Whoever finds nothing to tell and lets go does so under this lock: what was logged before is seen, and what is
    logged later is told by who rings then.
    """
    rows = Endpoint.objects.select_for_update(no_key=True)
    endpoint = rows.filter(account=account_id, id=endpoint_id, state=Endpoint.State.ON).first()
    if endpoint is None or endpoint.next_attempt_at > now or (endpoint.leased_until and endpoint.leased_until > now):
        return None
    return endpoint


def lease_endpoint(endpoint: Endpoint, *, now: datetime) -> None:
    endpoint.token, endpoint.leased_until = new_id(), now + LEASE
    endpoint.save(update_fields=["token", "leased_until"])


def skip_events(endpoint: Endpoint, *, after: int) -> None:
    """Nothing up to `after` is for this endpoint. Does nothing, and costs nothing, where nothing changes."""
    if endpoint.after != after or endpoint.leased_until:
        endpoint.after, endpoint.token, endpoint.leased_until = after, None, None
        endpoint.save(update_fields=["after", "token", "leased_until"])


def settle_delivery(
    endpoint: Endpoint, *, after: int, failure: Failure | None, attempts: Sequence[EndpointAttempt]
) -> bool:
    """Notes the calls of a turn, how far it came and how it ended. False, and only the calls are noted, when the row is
    not ours any more.
    """
    with scope(endpoint.account_id) as now:
        EndpointAttempt.objects.bulk_create(attempts)
        came_further = after != endpoint.after
        values: dict[str, object] = {
            "after": after,
            "leased_until": None,
            **({"delivered_at": now} if came_further else {}),
        }
        if failure is None:
            values |= {"failures": 0, "failing_since": None, "next_attempt_at": now, "reason": ""}
        else:
            values |= _note_failure(endpoint, failure, is_first=came_further or not endpoint.failures, now=now)
        mine = Endpoint.objects.filter(account=endpoint.account_id, id=endpoint.id, token=endpoint.token)
        is_ours = mine.filter(state=Endpoint.State.ON).update(**values) == 1
        if is_ours and values.get("state") == Endpoint.State.OFF:
            _report_off(endpoint, reason=str(values["reason"]))
        return is_ours


def _report_off(endpoint: Endpoint, *, reason: str) -> None:
    """Nobody of the account did it: it is recorded, and supervisors are told."""
    record_audit(endpoint.account_id, actor=None, action="endpoint.off", target=_host(endpoint), new={"reason": reason})
    enqueue_on_commit(REPORT, endpoint.account_id, str(endpoint.id), queue="webhooks")


def _note_failure(endpoint: Endpoint, failure: Failure, *, is_first: bool, now: datetime) -> dict[str, object]:
    failures = 1 if is_first else endpoint.failures + 1
    since = now if is_first or endpoint.failing_since is None else endpoint.failing_since
    noted = {"failures": failures, "failing_since": since, "reason": failure.reason[:300]}
    off = {**noted, "state": Endpoint.State.OFF, "report_at": now}
    if failure.gone:
        return {**off, "reason": _("The address said that it wants no more events.")}
    if now - since >= GIVE_UP:
        reason = _("Switched off after a day of failures. %(reason)s") % {"reason": failure.reason}
        return {**off, "reason": reason[:300]}
    delay = min(LONGEST_DELAY, 2.0**failures) * random.uniform(0.5, 1)  # noqa: S311
    return {**noted, "next_attempt_at": now + timedelta(seconds=max(delay, min(failure.retry_after, LONGEST_WAIT)))}


def _position_before(account_id: int, since: datetime) -> int:
    """The number of the last event before an instant, or the one before the oldest that is kept."""
    events = LiveEvent.objects.filter(account=account_id)
    found = events.filter(at__lt=since).aggregate(last=Max("seq"))["last"]
    if found is not None:
        return int(found)
    oldest = events.aggregate(first=Min("seq"))["first"]
    return read_head(account_id) if oldest is None else int(oldest) - 1


def _of(account: Account, ids: Collection[UUID]) -> QuerySet[Endpoint]:
    return Endpoint.objects.filter(account=account, id__in=list(ids))


def _get(account: Account, endpoint_id: UUID) -> Endpoint:
    endpoint = Endpoint.objects.filter(account=account, id=endpoint_id).first()
    if endpoint is None:
        raise NotFound(_("This endpoint does not exist."))
    return endpoint


def _host(endpoint: Endpoint) -> str:
    """For the record: the rest of an address may hold a secret."""
    return urlsplit(endpoint.url).hostname or ""
