"""What is stored is what `resolve()` says of the same facts: in any order, repeated, in batches of any size.

The facts of random worlds go in through the public functions; the expectation comes out of the interchange format.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, TypeAlias
from uuid import UUID

import pytest
from django.db import connection

from identity.interchange import resolve_line, settings_to_json
from identity.models import Attribute, Contact, Decision, Evidence, Identity, Settings
from identity.resolver import DecisionFact, EvidenceFact
from identity.rules import IdentityKey, default_settings
from identity.services import Boundary, Key, Observed, Sighting, decide, observe
from oneview.accounts.models import Account
from oneview.common.ids import new_id
from oneview.common.scope import locked_scope
from tests.factories import make_account
from tests.identity.worlds import START, World, build_decision, build_dense_world, build_wide_world, disorder

pytestmark = pytest.mark.django_db

WORLDS_AT_ONCE = 50
Event: TypeAlias = Sighting | Boundary | DecisionFact


@pytest.mark.parametrize("chunk", range(20))
def test_a_random_world_is_stored_as_it_is_resolved(chunk: int) -> None:
    for number in range(chunk * WORLDS_AT_ONCE, (chunk + 1) * WORLDS_AT_ONCE):
        random = Random(number)
        world = flatten(build_wide_world(random) if number % 5 == 0 else build_dense_world(random))
        account = make_account()
        with locked_scope(account):
            Settings.objects.create(account=account, version=1, document=settings_to_json(world.settings))
            take_in(account, random, list_events(world, random))
            connection.check_constraints()
            assert read_grouping() == resolve(world), f"world {number}"


@pytest.mark.parametrize("chunk", range(5))
def test_values_that_change_hands_are_stored_as_if_every_boundary_had_been_known_before(chunk: int) -> None:
    for number in range(chunk * WORLDS_AT_ONCE, (chunk + 1) * WORLDS_AT_ONCE):
        random = Random(number)
        history = build_history(random)
        account = make_account()
        with locked_scope(account):
            inbox = Inbox()
            take_in(account, random, [*history.sightings, *history.boundaries, *history.decisions], inbox)
            connection.check_constraints()
            assert read_grouping() == resolve(history.world()), f"history {number}"
            assert read_first_sights() == history.first_sights(), f"history {number}"
            assert read_names() == history.names(), f"history {number}"
            assert inbox.written_by() == history.written_by(), f"history {number}"


def flatten(world: World) -> World:
    """The same without epochs, which only boundaries make, and without what the public functions have no way to say.

    They decide about identities that exist, so each end of a decision is sighted once.
    """

    def flat(identity: IdentityKey) -> IdentityKey:
        return IdentityKey(identity.kind, identity.scope, "+34600111229") if identity.epoch else identity

    evidence = [EvidenceFact(fact.rule, flat(fact.a), flat(fact.b), fact.first_seen) for fact in world.evidence]
    decisions = [
        replace(
            decision,
            a=decision.a and flat(decision.a),
            b=decision.b and flat(decision.b),
            identity=decision.identity and flat(decision.identity),
        )
        for decision in world.decisions
    ]
    ends = {end for decision in decisions for end in (decision.a, decision.b, decision.identity) if end}
    return World(
        sights=(
            *((flat(id), at) for id, at in world.sights),
            *((end, START + timedelta(minutes=6)) for end in sorted(ends)),
        ),
        evidence=tuple(fact for fact in evidence if fact.a != fact.b),
        decisions=tuple(decisions),
        settings=replace(world.settings, blocked=frozenset(map(flat, world.settings.blocked))),
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
    waiting = list(disorder(random, tuple(events)))
    batch: list[Sighting | Boundary] = []
    size = 1
    for _ in range(20 * len(waiting) + 1):
        if not waiting:
            return
        event = waiting.pop(0)
        if not isinstance(event, DecisionFact):
            batch.append(event)
            if len(batch) < size and waiting:
                continue
        sightings = [event for event in batch if isinstance(event, Sighting)]
        boundaries = [event for event in batch if isinstance(event, Boundary)]
        observed = observe(account.id, sightings, boundaries=boundaries, now=NOW)
        if inbox:
            inbox.take_in(sightings, observed)
        batch, size = [], random.choice([1, 5, 60, 60])
        if isinstance(event, DecisionFact) and not take_decision(account, event):
            waiting.insert(random.randint(0, len(waiting)), event)
    pytest.fail(f"decisions about nobody: {waiting}")


def take_decision(account: Account, decision: DecisionFact) -> bool:
    """False while an end does not exist."""
    ends = [find(end) for end in (decision.identity, decision.a, decision.b) if end]
    a, b = (*ends, None)[:2]
    if a is None or None in ends:
        return False
    op, rule = Decision.Op(decision.op), decision.rule or ""
    decide(account.id, op, a=a, b=b, rule=rule, actor_id=None, now=decision.at)
    return True


def find(key: IdentityKey) -> UUID | None:
    rows = Identity.objects.filter(kind=key.kind, scope=key.scope, value=key.value, epoch=key.epoch)
    return rows.values_list("id", flat=True).first()


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
ENDPOINTS = (("whatsapp", "ES.1"), ("whatsapp", "34600111220"), ("visitor", "v1"))
KEYS = (("phone", "+34600111220"), ("phone", "+34600111221"), ("email", "ana@example.com"), ("customer", "ana"))
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
        named = [*self.world().sights]
        links = [each for each in self.decisions if each.op == "link" and each.a != each.b]
        named += [(end, each.at) for each in links for end in (each.a, each.b) if end]
        first: dict[IdentityKey, datetime] = {}
        for identity, at in named:
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


def build_history(random: Random) -> History:
    def at() -> datetime:
        return START + timedelta(seconds=random.randrange(10), milliseconds=random.choice([0, 500]))

    boundaries = tuple(
        Boundary(kind, "", value, at())
        for kind, value in (random.choice((*ENDPOINTS, *KEYS)) for _ in range(random.randint(1, 5)))
    )
    sightings = tuple(build_sighting(random, at()) for _ in range(random.randint(3, 25)))
    history = History(sightings, boundaries)
    world = history.world()
    nodes = sorted({node for node, _ in world.sights})
    if not world.evidence:
        return history
    return replace(
        history,
        decisions=tuple(build_decision(random, nodes, world.evidence, at()) for _ in range(random.randint(0, 4))),
    )


def build_sighting(random: Random, at: datetime) -> Sighting:
    kind, value = random.choice(ENDPOINTS)
    keys = tuple(
        Key(random.choice(RULES), key, text, ended=random.random() < 0.2)
        for key, text in random.sample((*KEYS, *ENDPOINTS), random.choice([0, 1, 1, 2]))
    )
    said = {"name": random.choice(["Ana", "Bob", "Cleo"])} if random.random() < 0.5 else {}
    return Sighting(kind, "", value, at, new_id(), keys, said)
