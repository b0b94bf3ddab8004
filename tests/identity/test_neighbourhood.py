"""The contacts around some identities are those of the whole account."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import replace
from random import Random

from hypothesis import assume

from identity.neighbourhood import resolve_around
from identity.resolver import DecisionFact, EvidenceFact, Facts, IdentityKey, Resolution
from identity.rules import DegreeLimit, Rule, Settings, default_settings
from tests.identity.strategies import components, contacts_by_identity, eligible_edges, holds_for, randoms, worlds
from tests.identity.worlds import START, World


def load_from(world: World, asked: list[IdentityKey] | None = None) -> Callable[[Set[IdentityKey]], Facts]:
    """The loader that the database will be."""

    def load(wanted: Set[IdentityKey]) -> Facts:
        if asked is not None:
            asked.extend(wanted)
        evidence = [fact for fact in world.evidence if {fact.a, fact.b} & wanted]
        rows: list[EvidenceFact | DecisionFact] = [*evidence]
        rows += [row for row in world.decisions if row.op == "link" and {row.a, row.b} & wanted]
        named = {*wanted, *(row.a for row in rows), *(row.b for row in rows)}
        return Facts(
            identities={each: at for each, at in world.facts().identities.items() if each in wanted},
            evidence=evidence,
            decisions=[row for row in world.decisions if {row.a, row.b, row.identity} & (named - {None})],
        )

    return load


@holds_for(worlds, randoms)
def test_the_surroundings_of_some_identities_resolve_as_in_the_whole(world: World, random: Random) -> None:
    whole = world.resolve()
    present = sorted(contacts_by_identity(whole))
    assume(present)
    seeds = random.sample(present, random.randint(1, min(3, len(present))))
    asked: list[IdentityKey] = []
    around = resolve_around(seeds, load=load_from(world, asked), settings=world.settings)
    members = set(contacts_by_identity(around))
    component = components(whole, eligible_edges(whole))
    assert members == set().union(*(component[seed] for seed in seeds))
    assert around.contacts == tuple(contact for contact in whole.contacts if set(contact.identities) & members)
    assert around.edges == tuple(edge for edge in whole.edges if {edge.a, edge.b} & members)
    assert len(asked) == len(set(asked))


@holds_for(worlds, randoms)
def test_what_lies_outside_the_surroundings_of_a_change_does_not_change(world: World, random: Random) -> None:
    facts: list[EvidenceFact | DecisionFact] = [*world.evidence, *world.decisions]
    fact = random.choice(facts)
    without = replace(
        world,
        evidence=tuple(row for row in world.evidence if row is not fact),
        decisions=tuple(row for row in world.decisions if row is not fact),
    )
    for before, after in ((world, without), (without, world)):
        earlier, later = before.resolve(), after.resolve()
        touched = touched_by(fact, earlier)
        contact_of = contacts_by_identity(earlier)
        seeds = touched.union(*(contact_of[each].identities for each in touched if each in contact_of))
        around = resolve_around(seeds, load=load_from(after), settings=world.settings)
        surroundings = seeds.union(contacts_by_identity(around))
        assert outside(surroundings, earlier) == outside(surroundings, later)


def touched_by(fact: EvidenceFact | DecisionFact, resolution: Resolution) -> set[IdentityKey]:
    if isinstance(fact, EvidenceFact):
        return {fact.a, fact.b}
    of_value = {end for edge in resolution.edges if fact.identity in (edge.a, edge.b) for end in (edge.a, edge.b)}
    return of_value.union(end for end in (fact.a, fact.b, fact.identity) if end is not None)


def outside(identities: set[IdentityKey], resolution: Resolution) -> Resolution:
    return Resolution(
        contacts=tuple(contact for contact in resolution.contacts if identities.isdisjoint(contact.identities)),
        edges=tuple(edge for edge in resolution.edges if identities.isdisjoint((edge.a, edge.b))),
    )


def test_a_kiosk_costs_its_own_rows_and_not_its_neighbours() -> None:
    kiosk = IdentityKey("visitor", "web", "kiosk")
    customers = [IdentityKey("customer", "", str(number)) for number in range(50)]
    phones = [IdentityKey("phone", "", str(number)) for number in range(50)]
    evidence = [EvidenceFact("signed", kiosk, customer, START) for customer in customers]
    evidence += [EvidenceFact("signed", a, b, START) for a, b in zip(customers, phones, strict=True)]
    world = World((), tuple(evidence), (), default_settings())
    asked: list[IdentityKey] = []
    around = resolve_around([kiosk, customers[0]], load=load_from(world, asked), settings=world.settings)
    assert sorted(asked) == sorted([kiosk, customers[0], phones[0]])
    assert [contact.id for contact in around.contacts] == [customers[0], kiosk]


def test_an_address_that_turns_out_to_be_somebody_elses_brings_no_contact_along() -> None:
    visitor, email, mailbox = (
        IdentityKey("visitor", "web", "v1"),
        IdentityKey("email", "", "ana@example.com"),
        IdentityKey("mailbox", "", "ana@example.com"),
    )
    evidence = (EvidenceFact("typed", visitor, email, START), EvidenceFact("platform", email, mailbox, START))
    world = World((), evidence, (), Settings(rules={"typed": Rule("typed", 4), "platform": Rule("platform", 2)}))
    around = resolve_around([visitor], load=load_from(world), settings=world.settings)
    assert [contact.id for contact in around.contacts] == [visitor]
    assert [edge.status for edge in around.edges] == ["claimed"]


def test_what_was_loaded_for_its_verdict_is_still_reached_over_other_links() -> None:
    visitor, stranger = IdentityKey("visitor", "web", "v1"), IdentityKey("visitor", "web", "v2")
    customer = IdentityKey("customer", "", "ana")
    mailboxes = [IdentityKey("mailbox", "", f"{name}@example.com") for name in ("ana", "bob")]
    evidence = [EvidenceFact("typed", visitor, mailbox, START) for mailbox in mailboxes]
    evidence += [EvidenceFact("signed", customer, end, START) for end in (visitor, mailboxes[0])]
    evidence += [EvidenceFact("guess", mailboxes[0], stranger, START)]
    settings = Settings(
        rules={"typed": Rule("typed", 4), "signed": Rule("signed", 1), "guess": Rule("guess", 5)},
        degree_limits=(DegreeLimit("visitor", "mailbox", "asserted", 1),),
    )
    world = World((), tuple(evidence), (), settings)
    around = resolve_around([visitor], load=load_from(world), settings=settings)
    assert [contact.identities for contact in around.contacts] == [(customer, mailboxes[0], visitor)]
    assert around.edges == world.resolve().edges
