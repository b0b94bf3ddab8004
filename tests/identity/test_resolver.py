"""What must hold of every grouping, whatever the facts: the invariants of the design, on random worlds."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Set
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations
from random import Random

import pytest
from hypothesis import assume

from identity.interchange import resolve_line, write_resolution
from identity.resolver import (
    DecisionFact,
    EdgeVerdict,
    EvidenceFact,
    IdentityKey,
    Resolution,
    explain,
    resolve,
    why_not,
)
from identity.rules import LINK, Level, Settings, UnknownRule, default_settings
from tests.identity.reference import reference_resolve
from tests.identity.strategies import components, contacts_by_identity, eligible_edges, holds_for, randoms, worlds
from tests.identity.worlds import LATER, START, WORLD_BUILDERS, World


def countable_edges(resolution: Resolution) -> list[EdgeVerdict]:
    return [edge for edge in resolution.edges if edge.status not in ("revoked", "suggest", "blocked_value")]


def forbidden_pairs(world: World) -> set[frozenset[IdentityKey]]:
    rulings = [row for row in world.decisions if row.op in ("cannot_link", "allow_link") and row.a != row.b]
    last: dict[frozenset[IdentityKey], DecisionFact] = {}
    for row in sorted(rulings, key=lambda row: (row.at, row.op == "cannot_link")):
        assert row.a is not None
        assert row.b is not None
        last[frozenset((row.a, row.b))] = row
    return {pair for pair, row in last.items() if row.op == "cannot_link"}


def broken_constraints(world: World, members: Set[IdentityKey]) -> set[str]:
    limits = world.settings.kind_limits
    counts = Counter((each.kind, each.scope if each.kind == "customer" else "") for each in members)
    broken = {f"kind:{kind}" for (kind, _), count in counts.items() if count > limits.get(kind, count)}
    if world.settings.max_identities is not None and len(members) > world.settings.max_identities:
        broken.add("size")
    if any(pair <= members for pair in forbidden_pairs(world)):
        broken.add("cannot_link")
    return broken


# Order and repetition


@holds_for(worlds, randoms)
def test_order_and_repetition_of_the_facts_change_no_byte(world: World, random: Random) -> None:
    assert write_resolution(world.shuffled(random).resolve()) == write_resolution(world.resolve())


@holds_for(worlds, randoms)
def test_order_and_repetition_in_a_document_change_no_byte(world: World, random: Random) -> None:
    document, shuffled = world.document(), world.shuffled(random).document()
    assert resolve_line(json.dumps(shuffled).encode()) == resolve_line(json.dumps(document).encode())


# The definition


@pytest.mark.parametrize("hundred", range(10))
def test_a_thousand_worlds_agree_with_the_slow_reference(hundred: int) -> None:
    for seed in range(hundred * 100, hundred * 100 + 100):
        document = WORLD_BUILDERS[seed % 2](Random(seed)).document()
        expected = json.dumps(reference_resolve(document), ensure_ascii=False)
        assert resolve_line(json.dumps(document).encode()) == expected, f"world {seed}"


@holds_for(worlds)
def test_any_world_agrees_with_the_slow_reference(world: World) -> None:
    assert json.loads(write_resolution(world.resolve())) == reference_resolve(world.document())


# Undoing


@holds_for(worlds, randoms)
def test_adding_evidence_and_revoking_it_restores_the_grouping(world: World, random: Random) -> None:
    before = world.resolve()
    present = sorted(contacts_by_identity(before))
    assume(len(present) >= 2)
    a, b = random.sample(present, 2)
    rule = random.choice(sorted(world.settings.rules))
    assume((rule, *sorted((a, b))) not in {(edge.rule, edge.a, edge.b) for edge in before.edges})
    after = replace(
        world,
        evidence=(*world.evidence, EvidenceFact(rule, a, b, LATER)),
        decisions=(*world.decisions, DecisionFact(op="revoke", rule=rule, a=a, b=b, at=LATER)),
    ).resolve()
    assert after.contacts == before.contacts
    assert [edge for edge in after.edges if (edge.rule, {edge.a, edge.b}) != (rule, {a, b})] == list(before.edges)


@holds_for(worlds, randoms)
def test_linking_by_hand_and_revoking_that_restores_the_grouping(world: World, random: Random) -> None:
    before = world.resolve()
    present = sorted(contacts_by_identity(before))
    assume(len(present) >= 2)
    a, b = random.sample(present, 2)
    assume((LINK.name, *sorted((a, b))) not in {(edge.rule, edge.a, edge.b) for edge in before.edges})
    more = (
        DecisionFact(op="link", a=a, b=b, at=LATER),
        DecisionFact(op="revoke", rule="link", a=a, b=b, at=LATER + timedelta(seconds=1)),
    )
    assert replace(world, decisions=(*world.decisions, *more)).resolve().contacts == before.contacts


@holds_for(worlds, randoms)
def test_setting_two_apart_and_allowing_them_again_restores_the_grouping(world: World, random: Random) -> None:
    before = world.resolve()
    present = sorted(contacts_by_identity(before))
    assume(len(present) >= 2)
    a, b = random.sample(present, 2)
    assume(frozenset((a, b)) not in forbidden_pairs(world))
    apart = DecisionFact(op="cannot_link", a=a, b=b, at=LATER)
    allowed = DecisionFact(op="allow_link", a=b, b=a, at=LATER + timedelta(seconds=1))
    held = replace(world, decisions=(*world.decisions, apart)).resolve()
    assert contacts_by_identity(held)[a] != contacts_by_identity(held)[b]
    assert replace(world, decisions=(*world.decisions, apart, allowed)).resolve() == before


@holds_for(worlds, randoms)
def test_seeing_a_revoked_edge_again_changes_nothing(world: World, random: Random) -> None:
    before = world.resolve()
    revoked = [edge for edge in before.edges if edge.status == "revoked"]
    assume(revoked)
    edge = random.choice(revoked)
    again = EvidenceFact(edge.rule, edge.b, edge.a, LATER)
    assert replace(world, evidence=(*world.evidence, again)).resolve() == before


# What a contact may be


@holds_for(worlds)
def test_every_identity_is_in_one_contact_and_every_contact_respects_every_constraint(world: World) -> None:
    resolution = world.resolve()
    members = [identity for contact in resolution.contacts for identity in contact.identities]
    assert len(members) == len(set(members))
    for contact in resolution.contacts:
        assert not broken_constraints(world, set(contact.identities))


@holds_for(worlds)
def test_a_contacts_id_is_its_least_member(world: World) -> None:
    sights: dict[IdentityKey, list[datetime]] = defaultdict(list)
    for identity, at in world.sights:
        sights[identity].append(at)
    links = [(row.a, row.b, row.at) for row in world.decisions if row.op == "link"]
    for a, b, at in [*links, *((fact.a, fact.b, fact.first_seen) for fact in world.evidence)]:
        if a is not None and b is not None and a != b:
            sights[a].append(at)
            sights[b].append(at)
    resolution = world.resolve()
    assert set(contacts_by_identity(resolution)) == set(sights)
    for contact in resolution.contacts:
        by_seniority = sorted(
            contact.identities, key=lambda each: (world.settings.kind_rank.get(each.kind, 1), min(sights[each]), each)
        )
        assert contact.id == by_seniority[0]


@holds_for(worlds)
def test_a_component_without_a_broken_constraint_is_one_contact(world: World) -> None:
    resolution = world.resolve()
    for members in components(resolution, eligible_edges(resolution)).values():
        if not broken_constraints(world, members):
            assert len({contacts_by_identity(resolution)[member].id for member in members}) == 1


# What an edge may be


@holds_for(worlds)
def test_an_eligible_edge_is_linked_inside_a_contact_and_in_conflict_between_two(world: World) -> None:
    resolution = world.resolve()
    contact_of = contacts_by_identity(resolution)
    for edge in eligible_edges(resolution):
        together = contact_of[edge.a] == contact_of[edge.b]
        assert edge.status == ("linked" if together else "conflict")


@holds_for(worlds)
def test_a_conflict_names_a_constraint_that_its_two_contacts_break_together(world: World) -> None:
    resolution = world.resolve()
    contact_of = contacts_by_identity(resolution)
    for edge in resolution.edges:
        if edge.status == "conflict":
            together = {*contact_of[edge.a].identities, *contact_of[edge.b].identities}
            assert edge.violated in broken_constraints(world, together)
        else:
            assert edge.violated is None


@holds_for(worlds)
def test_a_blocked_value_links_nobody(world: World) -> None:
    rulings = dict.fromkeys(world.settings.blocked, (START - timedelta(days=1), True))
    for row in world.decisions:
        if row.identity is not None:
            rulings[row.identity] = max((row.at, row.op == "block_value"), rulings.get(row.identity, (row.at, False)))
    for edge in world.resolve().edges:
        if edge.status == "linked":
            assert not any(rulings.get(end, (START, False))[1] for end in (edge.a, edge.b))


@holds_for(worlds)
def test_an_edge_is_shared_exactly_when_an_end_has_more_such_neighbours_than_it_may(world: World) -> None:
    resolution = world.resolve()
    neighbours: dict[tuple[IdentityKey, str, Level], set[IdentityKey]] = defaultdict(set)
    judged = []
    for edge in countable_edges(resolution):
        rule = world.settings.rule(edge.rule)
        if rule.rule_class > 0:
            judged.append((edge, rule.level))
            neighbours[edge.a, edge.b.kind, rule.level].add(edge.b)
            neighbours[edge.b, edge.a.kind, rule.level].add(edge.a)
    for edge, level in judged:
        exceeded = any(
            len(neighbours[end, far.kind, level]) > limit.maximum
            for end, far in ((edge.a, edge.b), (edge.b, edge.a))
            for limit in world.settings.degree_limits
            if (limit.node, limit.neighbour, limit.level) == (end.kind, far.kind, level)
        )
        assert edge.status == "claimed" or exceeded == (edge.status == "shared")


@holds_for(worlds)
def test_what_somebody_proved_nobody_else_gets_by_naming_it(world: World) -> None:
    resolution = world.resolve()
    classes = {edge: world.settings.rule(edge.rule).rule_class for edge in resolution.edges}
    proven = {end for edge in countable_edges(resolution) if 1 <= classes[edge] <= 3 for end in (edge.a, edge.b)}
    for edge in resolution.edges:
        if edge.status == "linked" and classes[edge] >= 4:
            assert not any(end in proven and end.kind in ("phone", "email") for end in (edge.a, edge.b))


# Explanations


@holds_for(worlds)
def test_two_identities_of_one_contact_are_joined_by_a_path_of_linked_edges(world: World) -> None:
    resolution = world.resolve()
    contact_of = contacts_by_identity(resolution)
    for x, y in combinations(contact_of, 2):
        path = explain(resolution, x, y)
        if contact_of[x] != contact_of[y]:
            assert path is None
            continue
        assert path
        here = x
        for edge in path:
            assert edge.status == "linked"
            assert edge in resolution.edges
            assert here in (edge.a, edge.b)
            here = edge.b if here == edge.a else edge.a
        assert here == y


@holds_for(worlds)
def test_why_not_lists_the_edges_between_two_contacts(world: World) -> None:
    resolution = world.resolve()
    contact_of = contacts_by_identity(resolution)
    for edge in resolution.edges:
        reasons = why_not(resolution, edge.a, edge.b)
        if contact_of[edge.a] == contact_of[edge.b]:
            assert reasons == ()
        else:
            assert edge in reasons
            assert all(reason.status != "linked" for reason in reasons)


def test_an_explanation_is_the_shortest_path() -> None:
    a, b, c, d, e = (IdentityKey("visitor", "web", value) for value in "abcde")
    evidence = [EvidenceFact("signed", *ends, START) for ends in ((a, b), (b, d), (a, c), (c, e), (e, d))]
    resolution = resolve(identities={}, evidence=evidence, decisions=[], settings=default_settings())
    assert explain(resolution, a, d) == (EdgeVerdict("signed", a, b, "linked"), EdgeVerdict("signed", b, d, "linked"))
    assert explain(resolution, a, a) == ()


# A part of an account


@holds_for(worlds)
def test_a_closed_part_resolves_as_in_the_whole(world: World) -> None:
    """Closed: no evidence row and no link decision leads out, whatever its status."""
    whole = world.resolve()
    for members in components(whole, whole.edges).values():
        resolution = replace(
            world,
            sights=tuple((identity, at) for identity, at in world.sights if identity in members),
            evidence=tuple(fact for fact in world.evidence if {fact.a, fact.b} <= members),
            decisions=tuple(row for row in world.decisions if {row.a, row.b, row.identity} - {None} <= members),
        ).resolve()
        assert resolution.contacts == tuple(contact for contact in whole.contacts if contact.id in members)
        assert resolution.edges == tuple(edge for edge in whole.edges if edge.a in members)


# Refusals


def test_an_unknown_rule_is_refused() -> None:
    a, b = IdentityKey("visitor", "web", "a"), IdentityKey("visitor", "web", "b")
    with pytest.raises(UnknownRule, match="'hearsay'"):
        resolve(identities={}, evidence=[EvidenceFact("hearsay", a, b, START)], decisions=[], settings=Settings())
    revoke = DecisionFact(op="revoke", rule="hearsay", a=a, b=b, at=START)
    with pytest.raises(UnknownRule, match="'hearsay'"):
        resolve(identities={}, evidence=[], decisions=[revoke], settings=Settings())


@pytest.mark.parametrize("op", ["link", "revoke", "cannot_link", "block_value"])
def test_a_decision_about_nothing_is_refused(op: str) -> None:
    decision = DecisionFact(op=op, at=START)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="lacks its subject"):
        resolve(identities={}, evidence=[], decisions=[decision], settings=Settings())


@pytest.mark.parametrize("kind_limits", [{}, {"customer": 1}], ids=["legal", "in conflict"])
def test_a_component_of_a_thousand_identities_is_one_contact_unless_it_may_not(kind_limits: dict[str, int]) -> None:
    random = Random(7)
    identities = [IdentityKey(random.choice(["customer", "phone", "visitor"]), "", str(n)) for n in range(1000)]
    evidence = [EvidenceFact("signed", identities[random.randrange(n)], identities[n], START) for n in range(1, 1000)]
    for _ in range(1000):
        a, b = random.sample(identities, 2)
        evidence.append(EvidenceFact("platform", a, b, START))
    rules = replace(default_settings(), degree_limits=(), kind_limits=kind_limits, max_identities=None)
    resolution = resolve(identities={}, evidence=evidence, decisions=[], settings=rules)
    assert (len(resolution.contacts) == 1) == (not kind_limits)


def test_the_random_worlds_are_not_dull() -> None:
    """Without conflicts and every other verdict the properties above would say little."""
    dense, wide = (
        Counter(edge.violated or edge.status for seed in range(200) for edge in build(Random(seed)).resolve().edges)
        for build in WORLD_BUILDERS
    )
    common = {"linked", "revoked", "blocked_value", "size", "kind:customer", "cannot_link"}
    assert {verdict for verdict, count in dense.items() if count > 20} >= common
    assert {verdict for verdict, count in wide.items() if count > 20} >= common | {"suggest", "claimed", "shared"}
