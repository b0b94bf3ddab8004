"""What channels observe and agents decide, on the real database: merges, undos, limits, walls, costs."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from identity.models import Change, Decision, Evidence, Identity, Settings
from identity.selectors import find_contact_id, list_members
from identity.services import Key, Sighting, decide, observe, revoke_evidence
from oneview.accounts.models import Account
from oneview.common.errors import NotFound
from oneview.common.ids import new_id
from oneview.common.scope import locked_scope, scope
from tests.factories import make_account
from tests.identity.sightings import (
    START,
    at,
    contact,
    find,
    groups,
    platform,
    rule_on,
    see,
    signed,
    verdicts,
    visitor,
    whatsapp,
)

pytestmark = pytest.mark.django_db

PHONE, OTHER_PHONE = "+34600111222", "+34600111333"
APART = {frozenset({"ES.1", PHONE}), frozenset({"ES.2"})}
TOGETHER = {frozenset({"ES.1", "ES.2", PHONE})}


@pytest.fixture
def account() -> Account:
    return make_account()


def undo(account: Account, a: str, b: str) -> None:
    """Takes back the evidence between two values."""
    with locked_scope(account):
        row = Evidence.objects.get(a=find(account, a), b=find(account, b))
        revoke_evidence(account.id, row.id, actor_id=None, now=at(60))


# Merging and undoing


def test_a_shared_key_makes_one_contact_of_two(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE)), whatsapp("ES.2"))
    assert groups(account) == APART
    observed = see(account, whatsapp("ES.2", platform(PHONE), minutes=1))
    assert groups(account) == TOGETHER
    (move,) = observed.moves
    assert (move.identity, move.origin, move.target) == (
        find(account, "ES.2"),
        find(account, "ES.2"),
        find(account, "ES.1"),
    )


def test_undoing_a_link_gives_exactly_the_contacts_from_before(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), name="Ana"), whatsapp("ES.2", name="Bob"))
    before = [(row.id, row.name, row.attributes) for row in (contact(account, "ES.1"), contact(account, "ES.2"))]
    see(account, whatsapp("ES.2", platform(PHONE), minutes=1))
    undo(account, PHONE, "ES.2")
    assert groups(account) == APART
    assert [
        (row.id, row.name, row.attributes) for row in (contact(account, "ES.1"), contact(account, "ES.2"))
    ] == before


def test_an_undone_link_stays_undone_when_the_pair_is_seen_again(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE)), whatsapp("ES.2", platform(PHONE), minutes=1))
    undo(account, PHONE, "ES.2")
    see(account, whatsapp("ES.2", platform(PHONE), minutes=-5))
    see(account, whatsapp("ES.2", platform(PHONE), minutes=9000))
    assert groups(account) == APART
    assert verdicts(account)["platform", PHONE, "ES.2"] == "revoked"


def test_what_comes_in_while_joined_stays_on_its_own_side(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE)), whatsapp("ES.2", platform(PHONE)))
    see(account, whatsapp("ES.2", platform(OTHER_PHONE), minutes=2))
    undo(account, PHONE, "ES.2")
    assert groups(account) == {frozenset({"ES.1", PHONE}), frozenset({"ES.2", OTHER_PHONE})}


def test_a_restored_link_joins_again(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE)), whatsapp("ES.2", platform(PHONE)))
    undo(account, PHONE, "ES.2")
    rule_on(account, Decision.Op.RESTORE, "ES.2", PHONE, rule="platform", minutes=61)
    assert groups(account) == TOGETHER


def test_an_agents_link_joins_can_be_undone_and_made_again(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE)), whatsapp("ES.2"))
    rule_on(account, Decision.Op.LINK, "ES.2", PHONE)
    assert groups(account) == TOGETHER
    with scope(account):
        row = Evidence.objects.get(rule="link")
        assert row.proof["event"] == str(Decision.objects.get().id)
    undo(account, PHONE, "ES.2")
    assert groups(account) == APART
    rule_on(account, Decision.Op.LINK, "ES.2", PHONE, minutes=61)
    assert groups(account) == TOGETHER
    assert verdicts(account)["link", PHONE, "ES.2"] == "linked"


def test_the_earliest_sight_names_the_contact_even_when_it_comes_late(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), minutes=5), whatsapp("ES.2", platform(PHONE), minutes=6))
    assert contact(account, PHONE).id == find(account, "ES.1")
    see(account, whatsapp("ES.2", minutes=1))
    assert contact(account, PHONE).id == find(account, "ES.2")
    with scope(account):
        assert find_contact_id(account.id, find(account, "ES.1")) == find(account, "ES.2")
        canonical, *others = list_members(account.id, find(account, "ES.2"))
    assert canonical.link is None
    assert {member.link.rule for member in others if member.link} == {"platform"}


def test_history_tells_moves_and_no_births(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE)), whatsapp("ES.2"))
    see(account, visitor("v1", platform(PHONE), minutes=1))
    with scope(account):
        assert not Change.objects.exists()
    see(account, whatsapp("ES.2", platform(PHONE), minutes=2))
    undo(account, PHONE, "ES.2")
    with scope(account):
        causes = list(Change.objects.order_by("at", "id").values_list("cause", "identity"))
    assert sorted(causes) == sorted([("observed", find(account, "ES.2")), ("revoke", find(account, "ES.2"))])


# What keeps apart


def test_two_who_never_may_be_one_are_parted_and_may_meet_again(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), minutes=0), whatsapp("ES.2", platform(PHONE), minutes=1))
    rule_on(account, Decision.Op.CANNOT_LINK, "ES.1", "ES.2")
    assert groups(account) == APART
    assert verdicts(account)["platform", PHONE, "ES.2"] == "conflict"
    rule_on(account, Decision.Op.ALLOW_LINK, "ES.1", "ES.2", minutes=61)
    assert groups(account) == TOGETHER


def test_a_phone_that_two_customers_prove_links_neither(account: Account) -> None:
    see(account, visitor("v1", signed("ana"), Key("signed", "phone", PHONE)))
    see(account, Sighting("customer", "", "ana", START, new_id(), (Key("signed", "phone", PHONE),)))
    assert groups(account) == {frozenset({"v1", "ana", PHONE})}
    see(account, Sighting("customer", "", "bob", at(1), new_id(), (Key("signed", "phone", PHONE),)))
    assert verdicts(account)["signed", "ana", PHONE] == verdicts(account)["signed", "bob", PHONE] == "shared"
    assert find_contact(account, "bob") not in {find_contact(account, "ana"), find_contact(account, PHONE)}


def find_contact(account: Account, value: str) -> UUID:
    return contact(account, value).id


def test_what_a_user_typed_is_only_suggested(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE)), visitor("v1", Key("typed", "phone", PHONE)))
    assert groups(account) == {frozenset({"ES.1", PHONE}), frozenset({"v1"})}
    assert verdicts(account)["typed", PHONE, "v1"] == "suggest"


def test_a_blocked_value_links_nobody_until_it_is_unblocked(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE)), whatsapp("ES.2", platform(PHONE)))
    rule_on(account, Decision.Op.BLOCK_VALUE, PHONE)
    assert groups(account) == {frozenset({"ES.1"}), frozenset({"ES.2"}), frozenset({PHONE})}
    assert set(verdicts(account).values()) == {"blocked_value"}
    rule_on(account, Decision.Op.UNBLOCK_VALUE, PHONE, minutes=61)
    assert groups(account) == TOGETHER


def test_blocking_one_of_two_claimants_leaves_the_value_to_the_other(account: Account) -> None:
    for minutes, customer in enumerate(("ana", "bob")):
        see(account, Sighting("customer", "", customer, at(minutes), new_id(), (Key("signed", "phone", PHONE),)))
    rule_on(account, Decision.Op.BLOCK_VALUE, "bob")
    assert groups(account) == {frozenset({"ana", PHONE}), frozenset({"bob"})}
    rule_on(account, Decision.Op.UNBLOCK_VALUE, "bob", minutes=61)
    assert len(groups(account)) == 3


def test_a_rule_that_the_settings_do_not_name_is_kept_and_links_nobody(account: Account) -> None:
    with scope(account):
        Settings.objects.create(account=account, version=1, document={"rules": {}})
    see(account, whatsapp("ES.1", platform(PHONE)))
    assert verdicts(account) == {("platform", PHONE, "ES.1"): "suggest"}
    assert len(groups(account)) == 2


def test_two_accounts_with_the_same_numbers_never_meet() -> None:
    alices, charlies = make_account(), make_account()
    for account in (alices, charlies):
        see(account, whatsapp("ES.1", platform(PHONE), name="Ana"))
    see(charlies, whatsapp("ES.2", platform(PHONE), minutes=1))
    assert groups(alices) == {frozenset({"ES.1", PHONE})}
    assert find(alices, "ES.1") != find(charlies, "ES.1")
    with locked_scope(charlies) as now, pytest.raises(NotFound):
        decide(charlies.id, Decision.Op.BLOCK_VALUE, a=find(alices, PHONE), actor_id=None, now=now)


# What cannot be used


def test_values_that_identify_nobody_are_passed_over(account: Account) -> None:
    nobody = Sighting("customer", "", "null", START, new_id())
    unreadable = Key("signed", "customer", "ana", scope="\0")
    observed = see(account, nobody, whatsapp("ES.1", platform("123"), unreadable, Key("typed", "email", "no address")))
    assert observed.identities == (None, find(account, "ES.1"))
    assert groups(account) == {frozenset({"ES.1"})}


def test_values_of_any_length_are_stored(account: Account) -> None:
    said = {"n" * 100: "v" * 5000, "nul": "\0"}
    see(account, Sighting("whatsapp", "", "x" * 5000, START, new_id(), said=said))
    with scope(account):
        row = Identity.objects.get()
    assert row.value.startswith("sha256:")
    assert len(row.raw_value) == 600


def test_a_decision_names_as_many_identities_as_it_is_about(account: Account) -> None:
    see(account, whatsapp("ES.1"), whatsapp("ES.2"))
    with pytest.raises(ValueError, match="two identities"):
        rule_on(account, Decision.Op.LINK, "ES.1")
    with pytest.raises(ValueError, match="one identity"):
        rule_on(account, Decision.Op.BLOCK_VALUE, "ES.1", "ES.2")
    rule_on(account, Decision.Op.LINK, "ES.1", "ES.1")
    with scope(account):
        assert not Decision.objects.exists()


# What it costs


def people(first: int, count: int) -> list[Sighting]:
    return [whatsapp(f"ES.{n}", platform(f"+34600{n:06d}"), name=f"User {n}") for n in range(first, first + count)]


def test_a_batch_of_any_size_takes_the_same_few_queries(account: Account) -> None:
    counts = {}
    for label, sightings in (
        ("new", people(0, 2)),
        ("many new", people(100, 40)),
        ("known", people(100, 1)),
        ("many known", people(100, 40)),
        ("new keys", [whatsapp("ES.0", platform("+34611000000"))]),
        ("many new keys", [whatsapp(f"ES.{n}", platform(f"+34611{n:06d}")) for n in range(100, 140)]),
    ):
        with locked_scope(account) as now, CaptureQueriesContext(connection) as queries:
            observe(account.id, sightings, now=now)
        counts[label] = len(queries)
    assert counts["new"] == counts["many new"] <= 10
    assert counts["known"] == counts["many known"] <= 6
    assert counts["new keys"] == counts["many new keys"] <= 20


def test_people_who_are_all_new_or_all_known_are_not_resolved_against_the_store(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("read what is stored")

    monkeypatch.setattr("identity.grouping.resolve_around", refuse)
    see(account, *people(0, 3))
    see(account, *people(0, 3), whatsapp("ES.1", platform("+34600000001"), minutes=9000))
    assert len(groups(account)) == 3
