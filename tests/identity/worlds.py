"""Random worlds of facts. `random` may be `random.Random(seed)` or a Random that Hypothesis drives and shrinks.

A wide world has many kinds, rules and limits and finds what depends on their interplay. A dense one has six identities,
one class of rules and two customers joined by chains: almost every edge matters, and the order in which they are taken.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from identity.interchange import settings_to_json
from identity.resolver import DecisionFact, EvidenceFact, Facts, Op, Resolution, resolve
from identity.rules import LINK, DegreeLimit, IdentityKey, Level, Rule, Settings

START = datetime(2026, 11, 1, 9, tzinfo=UTC)
LATER = START + timedelta(days=1)
PAIR_OPS: tuple[Op, ...] = ("link", "cannot_link", "cannot_link", "cannot_link", "allow_link")
EDGE_OPS: tuple[Op, ...] = ("revoke", "revoke", "restore")
VALUE_OPS: tuple[Op, ...] = ("block_value", "unblock_value")
Fact = TypeVar("Fact")


@dataclass(frozen=True, slots=True)
class World:
    """`sights` are identities that were named on their own, the same one perhaps more than once."""

    sights: tuple[tuple[IdentityKey, datetime], ...]
    evidence: tuple[EvidenceFact, ...]
    decisions: tuple[DecisionFact, ...]
    settings: Settings

    def facts(self) -> Facts:
        identities: dict[IdentityKey, datetime] = {}
        for identity, at in self.sights:
            identities[identity] = min(at, identities.get(identity, at))
        return Facts(identities, self.evidence, self.decisions)

    def resolve(self) -> Resolution:
        facts = self.facts()
        return resolve(
            identities=facts.identities, evidence=facts.evidence, decisions=facts.decisions, settings=self.settings
        )

    def document(self) -> dict[str, Any]:
        """The same as JSON. Every JSON list may be shuffled."""
        return {
            "settings": settings_to_json(self.settings),
            "identities": [{"id": list(identity), "first_seen": at.isoformat()} for identity, at in self.sights],
            "evidence": [
                {"rule": fact.rule, "a": list(fact.a), "b": list(fact.b), "first_seen": fact.first_seen.isoformat()}
                for fact in self.evidence
            ],
            "decisions": [write_decision(decision) for decision in self.decisions],
        }

    def shuffled(self, random: Random) -> World:
        """The same facts in another order, some of them twice."""
        return replace(
            self,
            sights=disorder(random, self.sights),
            evidence=disorder(random, self.evidence),
            decisions=disorder(random, self.decisions),
        )


def build_dense_world(random: Random) -> World:
    identities = [
        IdentityKey("customer", "", "ana"),
        IdentityKey("customer", "", "bob"),
        IdentityKey("email", "", "family@example.com"),
        IdentityKey("phone", "", "+34600111222"),
        IdentityKey("visitor", "web", "v1"),
        IdentityKey("whatsapp", "900100", "ES.1"),
    ]
    settings = Settings(
        rules={"platform": Rule("platform", 2)},
        kind_rank={"customer": 0, "phone": 3, "email": 3, "visitor": 4},
        kind_limits={"customer": 1},
        max_identities=random.choice([None, 3, 4, 5]),
    )
    return build_facts(random, identities, settings, rows=(4, 14), decisions=(0, 5), instants=4)


def build_wide_world(random: Random) -> World:
    identities = [
        *(IdentityKey("customer", scope, value) for scope in ("", "shop") for value in ("ana", "bob")),
        *(IdentityKey("email", "", f"{name}@example.com") for name in ("ana", "bob", "cleo", "dora")),
        *(IdentityKey("mailbox", "", f"{name}@example.com") for name in ("ana", "bob", "cleo")),
        *(IdentityKey("phone", "", f"+3460011122{digit}") for digit in range(4)),
        IdentityKey("phone", "", "+34600111220", 1793534400),
        *(IdentityKey("sms", "", f"+3460011122{digit}") for digit in range(2)),
        *(IdentityKey("visitor", scope, value) for scope in ("web", "blog") for value in ("v1", "v2")),
        IdentityKey("visitor", "web", "niño 😀"),
        *(IdentityKey("whatsapp", "900100", f"ES.{digit}") for digit in range(4)),
    ]
    rules = (
        LINK,
        Rule("clerk", 0, 1),
        Rule("signed", 1),
        Rule("platform", 2, 1),
        Rule("possession", 3),
        Rule("typed", 4, random.choice([-1, 0])),
        Rule("bot", 4),
        Rule("asked", 4, policy="suggest"),
        Rule("ignored", 2, policy="off"),
        Rule("inferred", 5, policy=random.choice(["suggest", "auto"])),
    )
    kinds = sorted({identity.kind for identity in identities})
    settings = Settings(
        rules={rule.name: rule for rule in rules},
        kind_rank={"customer": 0, "sms": 2, "phone": 3, "email": 3, "visitor": random.choice([0, 4])},
        kind_limits={kind: random.randint(1, 3) for kind in kinds if random.random() < 0.4} | {"customer": 1},
        degree_limits=tuple(build_limit(random, kinds) for _ in range(random.randint(0, 25))),
        max_identities=random.choice([None, 3, 5, 8, 100]),
        blocked=frozenset(random.sample(identities, random.randint(0, 2))),
    )
    return build_facts(random, identities, settings, rows=(5, 60), decisions=(0, 15), instants=8)


WORLD_BUILDERS: tuple[Callable[[Random], World], ...] = (build_dense_world, build_wide_world)


def build_limit(random: Random, kinds: list[str]) -> DegreeLimit:
    levels: tuple[Level, ...] = ("proven", "asserted")
    return DegreeLimit(random.choice(kinds), random.choice(kinds), random.choice(levels), random.randint(0, 2))


def build_facts(
    random: Random,
    identities: list[IdentityKey],
    settings: Settings,
    *,
    rows: tuple[int, int],
    decisions: tuple[int, int],
    instants: int,
) -> World:
    def at() -> datetime:
        return START + timedelta(minutes=random.randrange(instants))

    rules = [*settings.rules]
    hubs = random.sample(identities, 3)
    evidence = tuple(
        EvidenceFact(
            random.choice(rules), random.choice(random.choice([hubs, identities])), random.choice(identities), at()
        )
        for _ in range(random.randint(*rows))
    )
    return World(
        sights=tuple((random.choice(identities), at()) for _ in range(random.randint(0, 3))),
        evidence=evidence,
        decisions=tuple(build_decision(random, identities, evidence, at()) for _ in range(random.randint(*decisions))),
        settings=settings,
    )


def build_decision(
    random: Random, identities: list[IdentityKey], evidence: tuple[EvidenceFact, ...], at: datetime
) -> DecisionFact:
    ops = random.choice([PAIR_OPS, PAIR_OPS, EDGE_OPS, EDGE_OPS, VALUE_OPS])
    op = random.choice(ops)
    if ops is VALUE_OPS:
        return DecisionFact(op=op, at=at, identity=random.choice(identities))
    fact = random.choice(evidence)
    if ops is EDGE_OPS:
        return DecisionFact(op=op, at=at, rule=fact.rule, a=fact.b, b=fact.a)
    a, b = random.choice([(fact.a, fact.b), (random.choice(identities), random.choice(identities))])
    return DecisionFact(op=op, at=at, a=a, b=b)


def write_decision(decision: DecisionFact) -> dict[str, Any]:
    row: dict[str, Any] = {"op": decision.op, "at": decision.at.isoformat()}
    ends = {"a": decision.a, "b": decision.b, "id": decision.identity}
    row |= {name: list(end) for name, end in ends.items() if end is not None}
    return row if decision.rule is None else row | {"rule": decision.rule}


def disorder(random: Random, facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    if not facts:
        return facts
    more = [random.choice(facts) for _ in range(random.randint(0, 3))]
    mixed = [*facts, *more]
    random.shuffle(mixed)
    return tuple(mixed)
