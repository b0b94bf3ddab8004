"""Events to the endpoints that asked for them: signed as Standard Webhooks say, in the order of the log, each until it
is taken.

    claim    lock the endpoint's row, read what follows in the log, lease the row
    -        the calls, one event each, with nothing held open
    settle   note how far it came, where the lease still is ours

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from channels_ingest.signing import read_standard_key, sign_standard
from inbox.api import serialise
from inbox.models import Endpoint, EndpointAttempt
from inbox.realtime import DELIVER
from inbox.services.endpoints import Failure, lease_endpoint, settle_delivery, skip_events, take_endpoint
from inbox.updates import Update, Wanted, read_update
from oneview.accounts.models import Account
from oneview.common.http import HttpAnswer, NotSent, OutcomeUnknown, send_request
from oneview.common.jobs import enqueue_on_commit
from oneview.common.scope import scope

MOST_EVENTS = 50  # that one turn reads
MOST_PAGES = 20  # without an event that it asked for
MOST_SECONDS = 10  # after which a turn makes no further call
CALL_SECONDS = 10

RESET = "reset"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one endpoint is told now; `to`: how far the log is done with when all of it was taken; `attempts`: the calls
    that were made.
    """

    endpoint: Endpoint
    documents: tuple[dict[str, Any], ...]
    to: int
    attempts: list[EndpointAttempt] = field(default_factory=list)


def deliver(account_id: int, endpoint_id: UUID) -> None:
    """One turn of an endpoint. The next is a task of its own, so that a slow address leaves the worker to others."""
    account = Account.objects.filter(id=account_id).first()
    if account is None or account.is_locked:
        return
    turn = _claim(account, endpoint_id)
    if turn is None:
        return
    after, failure = _tell(turn)
    if settle_delivery(turn.endpoint, after=after, failure=failure, attempts=turn.attempts) and failure is None:
        enqueue_on_commit(DELIVER, account_id, str(endpoint_id), queue="webhooks")


def _claim(account: Account, endpoint_id: UUID) -> Turn | None:
    with scope(account) as now:
        endpoint = take_endpoint(account.id, endpoint_id, now=now)
        if endpoint is None:
            return None
        for _ in range(MOST_PAGES):
            update = read_update(
                account.id,
                after=endpoint.after,
                wanted=Wanted(objects=True, whereabouts=bool(endpoint.bot)),
                now=now,
                window=account.window,
                limit=MOST_EVENTS,
                whole=True,
            )
            if documents := tuple(_describe(account, endpoint, update, now=now)):
                lease_endpoint(endpoint, now=now)
                return Turn(endpoint, documents, update.to)
            skip_events(endpoint, after=update.to)
            if update.to == update.head:
                return None
        enqueue_on_commit(DELIVER, account.id, str(endpoint_id), queue="webhooks")
    return None


def _describe(account: Account, endpoint: Endpoint, update: Update, *, now: datetime) -> Iterator[dict[str, Any]]:
    """The documents of the events that the endpoint asked for; where the log does not go back so far, first one that
    says `reset`, with the number of the last event that is lost. A bot is told nothing that blocked users say.
    """
    if update.reset:
        lost = update.events[0]["seq"] - 1 if update.events else update.to
        reset = {"seq": lost, "type": RESET, "at": serialise.instant(now), "conversation": None, "message": None}
        yield _wrap(account, reset, data=None)
    for event in update.events:
        data = update.objects.get(event["seq"])
        if event["type"] in endpoint.events and not (endpoint.bot and _is_of_blocked(event, update, data=data)):
            yield _wrap(account, event, data=data)


def _is_of_blocked(event: Mapping[str, Any], update: Update, *, data: Any) -> bool:
    """Whether it is about what a user said who is blocked now."""
    if not event["message"] or data is None or data["direction"] != "inbound":
        return False
    conversation = update.conversations.get(UUID(data["conversation"]))
    return conversation is not None and conversation.blocked


def _wrap(account: Account, event: Mapping[str, Any], *, data: Any) -> dict[str, Any]:
    """The id is the same each time that an event is sent."""
    names = {name: value for name, value in event.items() if name != "at"}
    kind = RESET if event["type"] == RESET else "evt"
    id = f"{kind}_{account.id}_{event['seq']}"
    head = {"id": id, "created_at": event["at"], "account": account.slug}
    return {**head, **names, "data": data}


def _tell(turn: Turn) -> tuple[int, Failure | None]:
    """How far it came, and what stopped it."""
    deadline = time.monotonic() + MOST_SECONDS
    reached = turn.endpoint.after
    for document in turn.documents:
        if time.monotonic() > deadline:
            return reached, None
        failure = _attempt(turn, document)
        if failure:
            return reached, failure
        reached = document["seq"]
    return turn.to, None


def _attempt(turn: Turn, document: Mapping[str, Any]) -> Failure | None:
    """A call that is noted, without what was told."""
    at, started = datetime.now(UTC), time.monotonic()
    failure = _call(turn.endpoint, document)
    turn.attempts.append(
        EndpointAttempt(
            account_id=turn.endpoint.account_id,
            endpoint_id=turn.endpoint.id,
            seq=document["seq"],
            type=document["type"],
            conversation_id=document["conversation"],
            at=at,
            milliseconds=round((time.monotonic() - started) * 1000),
            taken=failure is None,
            outcome=failure.reason[:300] if failure else "",
        )
    )
    return failure


def _call(endpoint: Endpoint, document: Mapping[str, Any]) -> Failure | None:
    body, timestamp = json.dumps(document, ensure_ascii=False).encode(), str(int(time.time()))
    key = read_standard_key(endpoint.secret)
    headers = {
        "content-type": "application/json",
        "user-agent": "OneView",
        "webhook-id": document["id"],
        "webhook-timestamp": timestamp,
        "webhook-signature": sign_standard(key, id=document["id"], timestamp=timestamp, body=body),
    }
    try:
        answer = send_request("POST", endpoint.url, headers=headers, content=body, timeout=CALL_SECONDS)
    except NotSent:
        return Failure("The address could not be reached.")
    except OutcomeUnknown:
        return Failure("The address did not finish its answer in time.")
    return _judge(answer)


def _judge(answer: HttpAnswer) -> Failure | None:
    if 200 <= answer.status < 300:
        return None
    waits = answer.headers.get("retry-after", "")
    return Failure(
        f"The address answered with {answer.status}.",
        gone=answer.status == 410,
        retry_after=float(waits) if waits.isdecimal() else 0,
    )
