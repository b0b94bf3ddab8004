"""Values that change hands, when we hear of it late: what was seen since then is another holder's."""

from __future__ import annotations

from datetime import timedelta

import pytest

from identity.attributes import Rank
from identity.models import Attribute, Contact, Decision, Identity, Sight
from identity.services import Boundary, Key, Sighting, decide, describe
from identity.sights import thin_sights
from oneview.accounts.models import Account
from oneview.common.ids import new_id
from oneview.common.scope import locked_scope, scope
from tests.factories import make_account
from tests.identity.sightings import at, find, groups, platform, see, verdicts, visitor, whatsapp

pytestmark = pytest.mark.django_db

PHONE = "+34600111222"


@pytest.fixture
def account() -> Account:
    return make_account()


def given_up(minutes: float, *, kind: str = "phone", value: str = PHONE) -> tuple[Boundary]:
    return (Boundary(kind, "", value, at(minutes)),)


def epoch(minutes: float) -> str:
    return f"@{int(at(minutes).timestamp())}"


def test_what_was_seen_after_a_late_boundary_belongs_to_the_next_holder(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), minutes=1), whatsapp("ES.2", platform(PHONE), minutes=9))
    assert groups(account) == {frozenset({"ES.1", "ES.2", PHONE})}
    observed = see(account, boundaries=given_up(5))
    assert groups(account) == {frozenset({"ES.1", PHONE}), frozenset({"ES.2", PHONE + epoch(5)})}
    assert observed.partings == ()
    assert len(observed.contacts) == 2


def test_an_address_that_changed_hands_parts_what_was_written(account: Account) -> None:
    see(account, whatsapp("ES.1", minutes=1, name="Ana"), whatsapp("ES.1", minutes=9, name="Bruno"))
    first = find(account, "ES.1")
    observed = see(account, boundaries=given_up(5, kind="whatsapp", value="ES.1"))
    (parting,) = observed.partings
    assert (parting.origin, parting.since, parting.until) == (first, at(5), None)
    assert observed.contact_of[parting.target] == parting.target != first
    with scope(account):
        assert dict(Contact.objects.values_list("id", "name")) == {first: "Ana", parting.target: "Bruno"}
        assert Identity.objects.get(id=parting.target).first_seen == at(9)
    see(account, boundaries=given_up(0, kind="whatsapp", value="ES.1"))
    between = see(account, boundaries=given_up(3, kind="whatsapp", value="ES.1"))
    assert not between.partings  # nothing was seen between the two


def test_a_boundary_in_time_parts_nothing(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), minutes=1))
    observed = see(account, boundaries=given_up(5))
    assert (observed.partings, observed.contacts, groups(account)) == ((), frozenset(), {frozenset({"ES.1", PHONE})})
    see(account, whatsapp("ES.2", platform(PHONE), minutes=9))
    assert groups(account) == {frozenset({"ES.1", PHONE}), frozenset({"ES.2", PHONE + epoch(5)})}


def test_a_key_that_is_left_is_tied_to_who_had_it(account: Account) -> None:
    leaving = Key("platform", "whatsapp", "ES.1", ended=True)
    see(account, whatsapp("ES.1", minutes=1))
    see(account, whatsapp("ES.9", leaving, minutes=5), boundaries=given_up(5, kind="whatsapp", value="ES.1"))
    see(account, whatsapp("ES.1", minutes=6))
    assert groups(account) == {frozenset({"ES.1", "ES.9"}), frozenset({"ES.1" + epoch(5)})}


def test_an_identity_that_was_never_seen_as_it_turns_out_is_gone(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), minutes=9))
    see(account, boundaries=given_up(5))
    assert groups(account) == {frozenset({"ES.1", PHONE + epoch(5)})}
    with scope(account):
        assert Identity.objects.count() == 2


def test_what_agents_decided_and_wrote_stays_with_the_identity_they_named(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), minutes=9), whatsapp("ES.2", minutes=8))
    phone = find(account, PHONE)
    with locked_scope(account) as now:
        describe(account.id, phone, {"city": "Lugo"}, now=now)
        decide(account.id, Decision.Op.LINK, a=phone, b=find(account, "ES.2"), actor_id=None, now=at(20))
    see(account, boundaries=given_up(5))
    assert groups(account) == {frozenset({"ES.1", PHONE + epoch(5)}), frozenset({"ES.2", PHONE})}
    with scope(account):
        assert Identity.objects.get(id=phone).first_seen == at(20)
        assert Attribute.objects.get().identity_id == phone


def test_what_was_said_goes_to_who_said_it(account: Account) -> None:
    """Also what was overwritten since: the earlier holder's word returns."""
    for minutes, name, rank in ((1, "Ana", Rank.PLATFORM), (2, "Ana P.", Rank.SIGNED), (9, "Bruno", Rank.PLATFORM)):
        see(account, visitor("v1", minutes=minutes, rank=rank, name=name))
    see(account, boundaries=(Boundary("visitor", "web", "v1", at(5)),))
    with scope(account):
        said = [(row.identity.epoch > 0, row.value) for row in Attribute.objects.select_related("identity")]
    assert sorted(said) == [(False, "Ana"), (False, "Ana P."), (True, "Bruno")]


def test_the_same_sight_is_kept_once(account: Account) -> None:
    sighting = whatsapp("ES.1", platform(PHONE))
    see(account, sighting, sighting)
    see(account, Sighting(sighting.kind, "", sighting.value, sighting.seen_at, new_id(), sighting.keys))
    with scope(account):
        assert Sight.objects.count() == 1


def test_of_what_left_the_window_the_first_and_the_last_sight_are_kept(account: Account) -> None:
    for minutes in (1, 2, 3, 4, 20):
        see(account, whatsapp("ES.1", platform(PHONE), minutes=minutes, name="Ana" if minutes % 2 else "Bruno"))
    with scope(account):
        assert thin_sights(account.id, before=at(10)) == 0
        assert thin_sights(account.id, before=at(10) + timedelta(days=1)) == 1
        left = [sight.at for sight in Sight.objects.order_by("at")]
    assert left == [at(1), at(2), at(3), at(20)]
    see(account, boundaries=given_up(15))
    assert groups(account) == {frozenset({"ES.1", PHONE, PHONE + epoch(15)})}
    assert set(verdicts(account).values()) == {"linked"}
