"""What a contact shows of what was said of it."""

from __future__ import annotations

from itertools import permutations

import pytest

from identity.attributes import Rank, fold_contacts
from identity.models import Attribute, Contact, Decision
from identity.services import Key, Sighting, describe
from oneview.accounts.models import Account
from oneview.common.ids import new_id
from oneview.common.scope import locked_scope, scope
from tests.factories import make_account
from tests.identity.sightings import at, contact, platform, rule_on, see, visitor, whatsapp

pytestmark = pytest.mark.django_db

PHONE = "+34600111222"


@pytest.fixture
def account() -> Account:
    return make_account()


def write(account: Account, value: str, minutes: float, **said: str) -> None:
    """An agent edits the contact of a value."""
    with locked_scope(account):
        describe(account.id, contact(account, value).id, said, now=at(minutes))


def test_the_newest_word_of_the_strongest_rank_shows_in_any_order() -> None:
    facts = [
        visitor("v1", platform(PHONE), minutes=9, rank=Rank.TYPED, name="typed last", city="Lugo"),
        whatsapp("ES.1", platform(PHONE), minutes=1, name="Ana"),
        whatsapp("ES.2", platform(PHONE), minutes=3, name="Ana Prieto"),
        visitor("v1", minutes=2, rank=Rank.PLATFORM, name="Visitor"),
    ]
    for order in permutations(facts):
        account = make_account()
        for fact in order:
            see(account, fact)
        row = contact(account, PHONE)
        assert (row.name, row.attributes["city"]) == ("Ana Prieto", "Lugo")


def test_the_same_again_changes_nothing_but_a_later_word_counts_from_its_time(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), minutes=1, name="Ana"))
    see(account, whatsapp("ES.2", platform(PHONE), minutes=2, name="Annie"))
    version = contact(account, PHONE).version
    see(account, whatsapp("ES.2", minutes=3, name="Annie"))
    assert contact(account, PHONE).version == version
    see(account, whatsapp("ES.1", minutes=4, name="Ana"))
    assert contact(account, PHONE).name == "Ana"


def test_every_part_of_a_split_has_its_own_values_again(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), name="Ana", city="Lugo"), whatsapp("ES.2", name="Bob"))
    see(account, whatsapp("ES.2", platform(PHONE), minutes=1, name="Bob"))
    assert contact(account, "ES.1").attributes == {"phone": PHONE, "name": "Bob", "city": "Lugo"}
    rule_on(account, Decision.Op.REVOKE, "ES.2", PHONE, rule="platform")
    assert contact(account, "ES.1").attributes == {"phone": PHONE, "name": "Ana", "city": "Lugo"}
    assert contact(account, "ES.2").attributes == {"name": "Bob"}


def test_an_agents_word_stands_before_platforms_until_it_is_taken_back(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), name="ana 🌸"))
    write(account, "ES.1", 2, name="Ana Prieto", phone="+34600999888")
    see(account, whatsapp("ES.1", minutes=5, name="ana 🌻"))
    row = contact(account, "ES.1")
    assert (row.name, row.attributes["phone"]) == ("Ana Prieto", "+34600999888")
    write(account, "ES.1", 6, name="", phone="")
    row = contact(account, "ES.1")
    assert (row.name, row.attributes["phone"]) == ("ana 🌻", PHONE)


def test_what_an_agent_wrote_goes_with_the_identity_it_was_written_on(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), minutes=1, name="Ana"), whatsapp("ES.2", minutes=0, name="Bob"))
    write(account, "ES.1", 2, name="Ana Prieto")
    see(account, whatsapp("ES.2", platform(PHONE), minutes=2))
    assert contact(account, "ES.1").id == contact(account, "ES.2").id
    assert contact(account, "ES.1").name == "Ana Prieto"
    rule_on(account, Decision.Op.REVOKE, "ES.2", PHONE, rule="platform")
    assert (contact(account, "ES.1").name, contact(account, "ES.2").name) == ("Ana Prieto", "Bob")


def test_a_contact_without_a_name_is_called_by_what_is_known(account: Account) -> None:
    see(
        account,
        whatsapp("ES.1", platform(PHONE)),
        Sighting("mailbox", "", "Ana@Example.com", at(0), new_id(), (Key("platform", "email", "ana@example.com"),)),
        Sighting("telegram", "", "77001", at(0), new_id(), said={"username": "anap"}),
        visitor("v1"),
    )
    names = [contact(account, value).name for value in ("ES.1", "77001", "v1")]
    assert names == ["+34 600 11 12 22", "anap", "Visitor …v1"]
    with scope(account):
        assert Contact.objects.filter(name="ana@example.com").count() == 1


def test_the_number_that_was_learnt_last_is_the_contacts_number(account: Account) -> None:
    see(account, whatsapp("ES.1", platform("+34600111333"), minutes=5))
    see(account, whatsapp("ES.1", platform(PHONE), minutes=1))
    assert contact(account, "ES.1").attributes["phone"] == "+34600111333"


def test_a_fold_removes_what_is_no_contact_any_more(account: Account) -> None:
    see(account, whatsapp("ES.1", platform(PHONE), minutes=1), whatsapp("ES.2", minutes=2))
    gone = contact(account, "ES.2").id
    see(account, whatsapp("ES.2", platform(PHONE), minutes=3))
    with scope(account):
        assert Contact.objects.count() == 1
        assert fold_contacts(account.id, [gone]) == set()


def test_one_row_is_kept_for_each_name_and_rank(account: Account) -> None:
    see(account, whatsapp("ES.1", name="Ana"), whatsapp("ES.1", minutes=1, name="Anna"))
    see(account, whatsapp("ES.1", minutes=0.5, name="Annika"))
    with scope(account):
        (row,) = Attribute.objects.all()
    assert (row.value, row.observed_at) == ("Anna", at(1))
