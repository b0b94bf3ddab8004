"""The sink: events of channels become messages, a batch at a time.

identify -> threads -> messages -> effects -> folds -> live log. Nothing in it loops over statements: a batch of one and
a batch of five hundred take the same number of queries. A batch taken in again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction

from channels_ingest.events import (
    AddressChanged,
    Claim,
    ConsentChanged,
    DeliveryUpdated,
    IdentifierLearned,
    MessageEchoed,
    MessageReceived,
    ReactionChanged,
    Sender,
    TypingChanged,
)
from channels_ingest.profiles import FETCH, has_profiles
from channels_ingest.sink import Intake, Received
from identity.attributes import Rank
from identity.services import Boundary, Key, Observed, Sighting, observe
from inbox.arrivals import Arrival, Arrived, find_known_keys, insert_keys, order_time, store_arrivals
from inbox.effects import Effect, Touched, apply_effects, find_up_to, park_effects, read_effect, take_parked
from inbox.files import attach_files
from inbox.folds import fold_conversations, lock_conversations
from inbox.joins import tell_joins
from inbox.moves import move_threads, part_threads, tell_contacts
from inbox.realtime import Change, append_changes, publish_typing
from inbox.redactions import blank_redacted
from inbox.snapshots import ContextRequest, store_snapshots
from inbox.turns import TURN_TAKEN, record_withdrawn, take_turns
from oneview.accounts.models import Account
from oneview.accounts.services import ask_for_routing
from oneview.common.jobs import enqueue_on_commit

Person = MessageReceived | MessageEchoed | ReactionChanged | TypingChanged | IdentifierLearned | ConsentChanged


@dataclass(slots=True)
class _Outcome:
    """What a batch changed, gathered for the folds and the live log."""

    created: list[Arrival] = field(default_factory=list)
    updated: list[Touched] = field(default_factory=list)
    duplicates: int = 0
    expired: int = 0


def handle_events(account_id: int, batch: Sequence[Received], *, now: datetime) -> Intake:
    """Takes a batch in. Runs inside a scope, under the account lock if any event names a user."""
    account = Account.objects.get(id=account_id)
    observed, identity_of = _identify(account_id, batch, now=now)
    outcome = _Outcome()
    fresh = _select_fresh(account_id, batch, identity_of, window=account.window, now=now, outcome=outcome)
    contact_of = observed.contact_of
    lock_conversations(
        account_id,
        {contact_of[identity] for _, _, identity, _ in fresh}
        | {c for m in observed.moves for c in (m.origin, m.target)}
        | {contact_of[identity] for p in observed.partings for identity in (p.origin, p.target)},
    )
    moved = move_threads(account_id, observed.moves)
    parted = part_threads(account, observed.partings, contact_of=contact_of, now=now)
    if fresh:
        outcome.created = _store(account, fresh, contact_of=contact_of, now=now)
    answered = {arrival.thread.conversation for arrival in outcome.created if not arrival.inbound}
    taken = take_turns(account, answered, taker=None, now=now) if answered else []
    _handle_effects(account_id, batch, identity_of, outcome=outcome, now=now)
    _record_withdrawn(account_id, batch, now=now)
    created = {(arrival.received.channel.id, arrival.event.external_id) for arrival in outcome.created}
    blank_redacted(account_id, batch, created=created)
    joins = tell_joins(account, observed.moves, now=now) if moved.changes else []
    touched = {arrival.thread.conversation for arrival in outcome.created} | moved.conversations | parted.conversations
    states = fold_conversations(account_id, touched)
    changes = [
        *moved.changes,
        *parted.changes,
        *joins,
        *tell_contacts(observed.moves),
        *taken,
        *(Change("message.created", arrival.thread.conversation, arrival.id) for arrival in outcome.created),
        *(Change("message.updated", update.conversation, update.message) for update in outcome.updated),
        *(Change("contact.updated", contact) for contact in sorted(observed.contacts)),
        *(Change("conversation.updated", conversation) for conversation in sorted(touched)),
    ]
    append_changes(account_id, changes, now=now)
    if any(state.waits_for_team for state in states.values()):
        ask_for_routing(account_id)
    _ask_for_names(account_id, outcome.created)
    _tell_typing(account_id, batch, identity_of, contact_of=contact_of)
    return Intake(messages=len(outcome.created), duplicates=outcome.duplicates, expired=outcome.expired)


def _identify(account_id: int, batch: Sequence[Received], *, now: datetime) -> tuple[Observed, dict[int, UUID]]:
    """Who the batch speaks of: the identity by position in the batch."""
    positions: list[int] = []
    sightings: list[Sighting] = []
    for position, received in enumerate(batch):
        sighting = _sight(received)
        if sighting:
            positions.append(position)
            sightings.append(sighting)
    if not sightings:
        return Observed((), {}, (), frozenset()), {}
    boundaries = [boundary for received in batch for boundary in _boundaries(received)]
    observed = observe(account_id, sightings, boundaries=boundaries, now=now)
    identities = zip(positions, observed.identities, strict=True)
    return observed, {position: identity for position, identity in identities if identity is not None}


def _sight(received: Received) -> Sighting | None:
    event = received.event
    if isinstance(event, AddressChanged):
        previous = Key(
            "platform",
            received.channel.identity_kind,
            event.previous.value,
            received.channel.identity_scope,
            ended=True,
        )
        return _sighting(received, event.current, extra=(previous,))
    if isinstance(event, ConsentChanged):
        return _sighting(received, event.sender, said={f"consent_{event.category}": "yes" if event.granted else "no"})
    return _sighting(received, event.sender) if isinstance(event, Person) else None


def _sighting(
    received: Received, sender: Sender, *, extra: tuple[Key, ...] = (), said: Mapping[str, str] | None = None
) -> Sighting:
    name = {"name": sender.name} if sender.name else {}
    return Sighting(
        kind=received.channel.identity_kind,
        scope=received.channel.identity_scope,
        value=sender.value,
        seen_at=_seen_at(received),
        source=received.source,
        keys=(*(_key(claim) for claim in sender.claims), *extra),
        said={**name, **sender.attributes, **(said or {})},
        rank=Rank[sender.told_by.upper()],
    )


def _seen_at(received: Received) -> datetime:
    """A provider's clock may be ahead of ours."""
    return min(received.event.at, received.received_at)


def _key(claim: Claim) -> Key:
    return Key(claim.rule, claim.kind, claim.value, claim.scope)


def _boundaries(received: Received) -> Iterable[Boundary]:
    """Where a user left an address: the address and the keys that came with it may be somebody else's from then on."""
    event = received.event
    if isinstance(event, AddressChanged):
        at = _seen_at(received)
        yield Boundary(received.channel.identity_kind, received.channel.identity_scope, event.previous.value, at)
        for claim in event.previous.claims:
            yield Boundary(claim.kind, claim.scope, claim.value, at)


def _select_fresh(
    account_id: int,
    batch: Sequence[Received],
    identity_of: Mapping[int, UUID],
    *,
    window: timedelta,
    now: datetime,
    outcome: _Outcome,
) -> list[tuple[Received, Arrived, UUID, datetime]]:
    """The messages of a batch that are new and inside the window, each once."""
    candidates = [
        (received, received.event, identity_of[position])
        for position, received in enumerate(batch)
        if isinstance(received.event, Arrived) and position in identity_of
    ]
    keys = [(received.channel.id, event.external_id) for received, event, _ in candidates]
    seen = set(find_known_keys(account_id, keys)) if keys else set()
    fresh = []
    for (received, event, identity), key in zip(candidates, keys, strict=True):
        if key in seen:
            outcome.duplicates += 1
            continue
        seen.add(key)
        time = order_time(
            event.at, received_at=received.received_at, resolution=received.channel.capabilities.resolution
        )
        if time < now - window:
            outcome.expired += 1
            continue
        fresh.append((received, event, identity, time))
    return fresh


def _ask_for_names(account_id: int, created: Iterable[Arrival]) -> None:
    """Of users who wrote for the first time and whose messages bring no name."""
    nameless = {
        (str(arrival.received.channel.id), arrival.event.sender.value)
        for arrival in created
        if arrival.event.sender.name is None
        and arrival.thread.last_message is None
        and has_profiles(arrival.received.channel.kind)
    }
    for channel, value in sorted(nameless):
        enqueue_on_commit(FETCH, account_id, channel, value, queue="media")


def _tell_typing(
    account_id: int, batch: Sequence[Received], identity_of: Mapping[int, UUID], *, contact_of: Mapping[UUID, UUID]
) -> None:
    """Passes on who types, after the commit; old news by then would be wrong ones, but they are gone in seconds."""
    for position, received in enumerate(batch):
        event, identity = received.event, identity_of.get(position)
        if isinstance(event, TypingChanged) and identity is not None:
            author = {"kind": "user", "id": None, "name": event.sender.name or ""}
            tell = partial(publish_typing, account_id, conversation=contact_of[identity], author=author, on=event.on)
            transaction.on_commit(tell, robust=True)


def _store(
    account: Account,
    fresh: Sequence[tuple[Received, Arrived, UUID, datetime]],
    *,
    contact_of: Mapping[UUID, UUID],
    now: datetime,
) -> list[Arrival]:
    requests = [
        ContextRequest(contact_of[identity], received.channel.id, time) for received, _, identity, time in fresh
    ]
    snapshots = dict(enumerate(store_snapshots(account, requests)))
    arrivals = store_arrivals(
        account.id, fresh, contact_of=contact_of, snapshot=snapshots, window=account.window, now=now
    )
    attach_files(account.id, arrivals)
    return arrivals


def _handle_effects(
    account_id: int, batch: Sequence[Received], identity_of: Mapping[int, UUID], *, outcome: _Outcome, now: datetime
) -> None:
    """Applies what the batch says of messages, old and new, and what waited for its new ones."""
    effects = [
        effect
        for position, received in enumerate(batch)
        if (effect := read_effect(received.event, channel=received.channel.id, sender=identity_of.get(position)))
    ]
    created = [(arrival.received.channel.id, arrival.event.external_id, arrival.id) for arrival in outcome.created]
    found, missing = _find_messages(account_id, effects)
    park_effects(account_id, missing, now=now)
    found += find_up_to(account_id, batch)
    ready = [*found, *take_parked(account_id, created)] if created else found
    updated: dict[UUID, Touched] = {}
    while ready:
        touched, keys = apply_effects(account_id, ready)
        updated.update({touch.message: touch for touch in touched})
        insert_keys(account_id, keys)
        ready = take_parked(account_id, keys) if keys else []
    new = {arrival.id for arrival in outcome.created}
    outcome.updated = [touch for touch in updated.values() if touch.message not in new]


def _record_withdrawn(account_id: int, batch: Sequence[Received], *, now: datetime) -> None:
    """What a bot was saying when its turn was taken, and came back unsent."""
    told = [received.event for received in batch if isinstance(received.event, DeliveryUpdated)]
    ids = [UUID(event.message_id) for event in told if event.code == TURN_TAKEN and event.message_id]
    if ids:
        record_withdrawn(account_id, ids, now=now)


def _find_messages(account_id: int, effects: Sequence[Effect]) -> tuple[list[Effect], list[Effect]]:
    """Effects with the message they are about, and those whose message is not known yet."""
    unnamed = [(effect.channel, effect.external_id) for effect in effects if effect.message is None]
    known = find_known_keys(account_id, unnamed) if unnamed else {}
    found: list[Effect] = []
    missing: list[Effect] = []
    for effect in effects:
        message = effect.message or known.get((effect.channel, effect.external_id))
        if message is None:
            missing.append(effect)
        else:
            found.append(replace(effect, message=message))
    return found, missing
