"""What is stored is what `resolve()` says of the same facts: in any order, repeated, in batches of any size.

The facts of random worlds go in through the public functions; the expectation comes out of the interchange format.
Many worlds share an account, so that a batch meets many people at once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeAlias
from uuid import UUID

import pytest
from django.db import connection

from identity.interchange import resolve_line, settings_to_json
from identity.keys import IdentityIds
from identity.models import Attribute, Contact, Decision, Evidence, Identity, Settings
from identity.resolver import DecisionFact, EvidenceFact
from identity.rules import IdentityKey, default_settings
from identity.services import Boundary, Key, Observed, Sighting, decide, observe
from oneview.accounts.models import Account
from oneview.common.errors import NotFound
from oneview.common.ids import new_id
from oneview.common.scope import locked_scope
from tests.factories import make_account
from tests.identity.worlds import START, World, build_decision, build_dense_world, build_wide_world, disorder

pytestmark = pytest.mark.django_db

Event: TypeAlias = Sighting | Boundary | DecisionFact


@pytest.mark.parametrize(
    ("build", "size", "seed"),
    [(build_dense_world, 40, seed) for seed in range(20)] + [(build_wide_world, 10, seed) for seed in range(20)],
)
def test_random_worlds_are_stored_as_they_are_resolved(build: Callable[[Random], World], size: int, seed: int) -> None:
    random = Random(seed)
    world = join([flatten(build(random), number) for number in range(size)])
    account = make_account()
    with locked_scope(account):
        Settings.objects.create(account=account, version=1, document=settings_to_json(world.settings))
        take_in(account, random, list_events(world, random))
        connection.check_constraints()
        assert read_grouping() == resolve(world)


@pytest.mark.parametrize("seed", range(20))
def test_values_that_change_hands_are_stored_as_if_every_boundary_had_been_known_before(seed: int) -> None:
    random = Random(seed)
    histories = [build_history(random, number) for number in range(20)]
    history = History(
        tuple(each for history in histories for each in history.sightings),
        tuple(each for history in histories for each in history.boundaries),
        tuple(each for history in histories for each in history.decisions),
    )
    account = make_account()
    with locked_scope(account):
        inbox = Inbox()
        take_in(account, random, [*history.sightings, *history.boundaries, *history.decisions], inbox)
        connection.check_constraints()
        assert read_grouping() == resolve(history.world())
        assert read_first_sights() == history.first_sights()
        assert read_names() == history.names()
        assert inbox.written_by() == history.written_by()


def flatten(world: World, number: int) -> World:
    """The same with values of its own; without epochs, which only boundaries make.

    The public functions decide about identities that exist, so each end of a decision is sighted once.
    """

    def own(identity: IdentityKey) -> IdentityKey:
        kind, scope, value, epoch = identity
        if kind in ("phone", "sms"):
            return IdentityKey(kind, scope, f"{value[:6]}{number:03}{value[9:-1]}{9 if epoch else value[-1]}")
        return IdentityKey(kind, scope, f"{number}.{value}")

    evidence = [EvidenceFact(fact.rule, own(fact.a), own(fact.b), fact.first_seen) for fact in world.evidence]
    decisions = [
        replace(
            decision,
            a=decision.a and own(decision.a),
            b=decision.b and own(decision.b),
            identity=decision.identity and own(decision.identity),
        )
        for decision in world.decisions
    ]
    ends = {end for decision in decisions for end in (decision.a, decision.b, decision.identity) if end}
    sights = [(own(identity), at) for identity, at in world.sights]
    return World(
        sights=(*sights, *((end, START + timedelta(minutes=6)) for end in sorted(ends))),
        evidence=tuple(fact for fact in evidence if fact.a != fact.b),
        decisions=tuple(decisions),
        settings=replace(world.settings, blocked=frozenset(map(own, world.settings.blocked))),
    )


def join(worlds: Sequence[World]) -> World:
    """Under the settings of the first, but every world's blocked values."""
    blocked = frozenset[IdentityKey]().union(*(world.settings.blocked for world in worlds))
    return World(
        sights=tuple(sight for world in worlds for sight in world.sights),
        evidence=tuple(fact for world in worlds for fact in world.evidence),
        decisions=tuple(decision for world in worlds for decision in world.decisions),
        settings=replace(worlds[0].settings, blocked=blocked),
    )


def list_events(world: World, random: Random) -> list[Event]:
    alone = [see(identity, at) for identity, at in world.sights]
    tied = [
        see(a, fact.first_seen, Key(fact.rule, b.kind, b.value, b.scope))
        for fact in world.evidence
        for a, b in [random.sample([fact.a, fact.b], 2)]
    ]
    return [*alone, *tied, *world.decisions]


def see(identity: IdentityKey, at: datetime, *keys: Key) -> Sighting:
    return Sighting(identity.kind, identity.scope, identity.value, at, new_id(), keys)


def resolve(world: World) -> Any:
    return json.loads(resolve_line(json.dumps(world.document()).encode()))


class Inbox:
    """Who wrote each message, as an inbox knows it: the identity it was taken in with, and what parted since."""

    def __init__(self) -> None:
        self._messages: dict[tuple[str, datetime], UUID] = {}

    def take_in(self, sightings: Sequence[Sighting], observed: Observed) -> None:
        for parting in observed.partings:
            for (value, at), identity in self._messages.items():
                is_later = parting.since <= at and (parting.until is None or at < parting.until)
                if identity == parting.origin and is_later:
                    self._messages[value, at] = parting.target
        for sighting, writer in zip(sightings, observed.identities, strict=True):
            assert writer is not None
            self._messages.setdefault((sighting.value, sighting.seen_at), writer)

    def written_by(self) -> dict[tuple[str, datetime], IdentityKey]:
        keys = {row.id: IdentityKey(row.kind, row.scope, row.value, row.epoch) for row in Identity.objects.all()}
        return {message: keys[identity] for message, identity in self._messages.items()}


def take_in(account: Account, random: Random, events: Sequence[Event], inbox: Inbox | None = None) -> None:
    """Everything once or more, in disorder, in batches; a decision waits until what it is about exists."""
    ids = IdentityIds(bytes(account.identity_key))
    waiting = list(disorder(random, tuple(events)))
    for _ in range(200):
        if not waiting:
            return
        size = random.choice([1, 10, 100, 400])
        batch, waiting = waiting[:size], waiting[size:]
        sightings = [event for event in batch if isinstance(event, Sighting)]
        boundaries = [event for event in batch if isinstance(event, Boundary)]
        observed = observe(account.id, sightings, boundaries=boundaries, now=NOW)
        if inbox:
            inbox.take_in(sightings, observed)
        for event in batch:
            if isinstance(event, DecisionFact) and not take_decision(account, ids, event):
                waiting.insert(random.randint(0, len(waiting)), event)
    pytest.fail(f"decisions about nobody: {waiting}")


def take_decision(account: Account, ids: IdentityIds, decision: DecisionFact) -> bool:
    """False while an end does not exist."""
    a, b = [*(ids[end] for end in (decision.identity, decision.a, decision.b) if end), None][:2]
    assert a is not None
    op, rule = Decision.Op(decision.op), decision.rule or ""
    try:
        decide(account.id, op, a=a, b=b, rule=rule, actor_id=None, now=decision.at)
    except NotFound:
        return False
    return True


def read_grouping() -> Any:
    """The stored answer in the form of the interchange format."""
    rows = {row.id: row for row in Identity.objects.all()}
    keys = {id: [row.kind, row.scope, row.value, row.epoch] for id, row in rows.items()}
    members: dict[UUID, list[list[Any]]] = {}
    for id, row in rows.items():
        members.setdefault(row.contact_id, []).append(keys[id])
    contacts = [{"id": keys[contact], "identities": sorted(found)} for contact, found in members.items()]
    edges = [
        {
            "rule": row.rule,
            "a": keys[row.a_id],
            "b": keys[row.b_id],
            "status": row.status,
            "violated": row.violated or None,
        }
        for row in Evidence.objects.all()
    ]
    assert {contact.id for contact in Contact.objects.all()} == members.keys()
    return {
        "contacts": sorted(contacts, key=lambda contact: contact["id"]),
        "edges": sorted(edges, key=lambda edge: (edge["rule"], edge["a"], edge["b"])),
    }


def read_first_sights() -> dict[IdentityKey, datetime]:
    return {IdentityKey(row.kind, row.scope, row.value, row.epoch): row.first_seen for row in Identity.objects.all()}


def read_names() -> dict[IdentityKey, str]:
    """What each identity is called, and the contact that it is canonical of."""
    keys = {row.id: IdentityKey(row.kind, row.scope, row.value, row.epoch) for row in Identity.objects.all()}
    said = {keys[row.identity_id]: row.value for row in Attribute.objects.all()}
    shown = {row.id: row.attributes.get("name") for row in Contact.objects.all()}
    for row in Identity.objects.all():
        assert said.get(keys[row.id]) is None or shown[row.contact_id] is not None
    return said


# Values that change hands

NOW = START + timedelta(days=1)
RULES = ("signed", "platform", "platform", "typed")


@dataclass(frozen=True, slots=True)
class History:
    sightings: tuple[Sighting, ...]
    boundaries: tuple[Boundary, ...]
    decisions: tuple[DecisionFact, ...] = ()

    def node(self, kind: str, value: str, at: datetime, *, ended: bool = False) -> IdentityKey:
        """The identity that a value is at an instant when every boundary is known."""
        second = int(at.timestamp()) - ended
        starts = [int(each.at.timestamp()) for each in self.boundaries if (each.kind, each.value) == (kind, value)]
        return IdentityKey(kind, "", value, max((start for start in starts if start <= second), default=0))

    def world(self) -> World:
        sights, evidence = [], []
        for sighting in self.sightings:
            node = self.node(sighting.kind, sighting.value, sighting.seen_at)
            sights.append((node, sighting.seen_at))
            for key in sighting.keys:
                other = self.node(key.kind, key.value, sighting.seen_at, ended=key.ended)
                sights.append((other, sighting.seen_at))
                if other != node:
                    evidence.append(EvidenceFact(key.rule, node, other, sighting.seen_at))
        return World(tuple(sights), tuple(evidence), self.decisions, default_settings())

    def first_sights(self) -> dict[IdentityKey, datetime]:
        links = [each for each in self.decisions if each.op == "link" and each.a != each.b]
        named = [(end, each.at) for each in links for end in (each.a, each.b) if end]
        first: dict[IdentityKey, datetime] = {}
        for identity, at in (*self.world().sights, *named):
            first[identity] = min(at, first.get(identity, at))
        return first

    def names(self) -> dict[IdentityKey, str]:
        newest: dict[IdentityKey, tuple[datetime, str]] = {}
        for sighting in self.sightings:
            if name := sighting.said.get("name"):
                node = self.node(sighting.kind, sighting.value, sighting.seen_at)
                newest[node] = max((sighting.seen_at, name), newest.get(node, (sighting.seen_at, name)))
        return {node: name for node, (_, name) in newest.items()}

    def written_by(self) -> dict[tuple[str, datetime], IdentityKey]:
        return {
            (sighting.value, sighting.seen_at): self.node(sighting.kind, sighting.value, sighting.seen_at)
            for sighting in self.sightings
        }


def build_history(random: Random, number: int) -> History:
    """A few values, seen and given up within ten seconds."""
    endpoints = (("whatsapp", f"ES.{number}"), ("whatsapp", f"34600{number:03}220"), ("visitor", f"v{number}"))
    phones = (("phone", f"+34600{number:03}220"), ("phone", f"+34600{number:03}221"))
    keys = (*phones, ("email", f"ana.{number}@example.com"), ("customer", f"ana.{number}"))

    def at() -> datetime:
        return START + timedelta(seconds=random.randrange(10), milliseconds=random.choice([0, 500]))

    def sight() -> Sighting:
        named = random.sample((*keys, *endpoints), random.choice([0, 1, 1, 2]))
        ties = tuple(Key(random.choice(RULES), kind, value, ended=random.random() < 0.2) for kind, value in named)
        said = {"name": random.choice(["Ana", "Bob", "Cleo"])} if random.random() < 0.5 else {}
        return Sighting(*random.choice([(kind, "", value) for kind, value in endpoints]), at(), new_id(), ties, said)

    sightings = tuple(sight() for _ in range(random.randint(3, 25)))
    left = [random.choice((*endpoints, *keys)) for _ in range(random.randint(1, 5))]
    history = History(sightings, tuple(Boundary(kind, "", value, at()) for kind, value in left))
    world = history.world()
    if not world.evidence:
        return history
    nodes = sorted({node for node, _ in world.sights})
    decisions = [build_decision(random, nodes, world.evidence, at()) for _ in range(random.randint(0, 4))]
    return replace(history, decisions=tuple(decisions))
