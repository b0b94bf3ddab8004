"""What an account wants to know of its contacts: typed attributes and tags, over the API."""

from __future__ import annotations

from typing import Any

import pytest

from inbox.attributes import Attribute, clean_value
from inbox.models import AttributeDefinition, Tag
from oneview.accounts.models import Account, Membership
from oneview.common.errors import Invalid
from oneview.common.scope import scope
from tests.inbox.api import Caller, agent_caller, bot_caller, connect, fields_of, write_in

pytestmark = pytest.mark.django_db

TYPES = AttributeDefinition.Type


@pytest.fixture
def contact(acme: Account) -> str:
    with scope(acme):
        for name, type in (("company", TYPES.TEXT), ("orders", TYPES.NUMBER), ("since", TYPES.DATE)):
            AttributeDefinition.objects.create(account=acme, name=name, label=name.title(), type=type, group="Company")
        AttributeDefinition.objects.create(
            account=acme, name="plan", label="Plan", type=TYPES.CHOICE, choices=["gold", "silver"]
        )
        AttributeDefinition.objects.create(account=acme, name="newsletter", label="Newsletter", type=TYPES.YES_NO)
        Tag.objects.bulk_create(Tag(account=acme, name=name) for name in ("VIP", "Wholesale"))
    return write_in(acme, connect(acme), "hola")


@pytest.fixture
def calls(alice: Membership) -> Caller:
    return agent_caller(alice)


def edit(calls: Caller, contact: str, **changes: Any) -> Any:
    version = calls.get(f"contacts/{contact}/").json()["version"]
    return calls.patch(f"contacts/{contact}/", {"version": version} | changes)


@pytest.mark.parametrize(
    ("name", "given", "kept"),
    [
        ("company", "  Lumen   & Oak ", "Lumen & Oak"),
        ("orders", 12, "12"),
        ("orders", "2.50", "2.5"),
        ("orders", 1e3, "1000"),
        ("orders", "-0.0", "0"),
        ("since", "2026-11-26", "2026-11-26"),
        ("plan", "gold", "gold"),
        ("newsletter", True, "yes"),
        ("newsletter", "No", "no"),
    ],
)
def test_a_value_is_kept_in_one_form(contact: str, calls: Caller, name: str, given: Any, kept: str) -> None:
    assert edit(calls, contact, attributes={name: given}).json()["attributes"][name] == kept


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("orders", "many", "A number like"),
        ("orders", True, "A number like"),
        ("orders", "1e500", "A number like"),
        ("orders", "NaN", "A number like"),
        ("since", "26.11.2026", "A date like 2026-11-26"),
        ("since", "2026-02-30", "A date like 2026-11-26"),
        ("plan", "platinum", "One of: gold, silver"),
        ("newsletter", 1, "yes or no"),
    ],
)
def test_a_wrong_value_is_told_what_it_should_be(contact: str, calls: Caller, name: str, given: Any, said: str) -> None:
    answer = edit(calls, contact, attributes={name: given})
    assert fields_of(answer) == {f"attributes.{name}"}
    assert said in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize("name", ["shoe_size", "username", "name", "blocked", "tag:VIP", "tags"])
def test_a_name_that_is_not_defined_is_refused(contact: str, calls: Caller, name: str) -> None:
    assert edit(calls, contact, attributes={name: "yes"}).status_code == 400


def test_nothing_is_changed_where_one_value_is_wrong(contact: str, calls: Caller) -> None:
    edit(calls, contact, name="Anita", attributes={"company": "Lumen", "plan": "platinum"})
    told = calls.get(f"contacts/{contact}/").json()
    assert (told["name"], "company" in told["attributes"]) == ("Ana Prieto", False)


def test_null_takes_a_value_away(contact: str, calls: Caller) -> None:
    edit(calls, contact, attributes={"plan": "gold"})
    assert "plan" not in edit(calls, contact, attributes={"plan": None}).json()["attributes"]


def test_of_tags_only_defined_ones_can_be_put_on(contact: str, calls: Caller) -> None:
    assert edit(calls, contact, tags=["Wholesale", "VIP"]).json()["tags"] == ["VIP", "Wholesale"]
    assert fields_of(edit(calls, contact, tags=["VIP", "Nice"])) == {"tags"}
    assert edit(calls, contact, tags=["VIP"]).json()["tags"] == ["VIP"]


def test_what_an_agent_took_off_a_bot_does_not_put_on_again(contact: str, calls: Caller, acme: Account) -> None:
    bot = bot_caller(acme)
    assert edit(bot, contact, tags=["VIP"]).json()["tags"] == ["VIP"]
    assert edit(calls, contact, tags=[]).json()["tags"] == []
    assert edit(bot, contact, tags=["VIP"]).json()["tags"] == []
    assert edit(bot, contact, attributes={"plan": "gold"}).json()["attributes"]["plan"] == "gold"


def test_the_values_of_a_deleted_attribute_or_tag_are_kept_but_hidden(
    contact: str, calls: Caller, acme: Account
) -> None:
    edit(calls, contact, attributes={"plan": "gold"}, tags=["VIP"])
    with scope(acme):
        AttributeDefinition.objects.filter(name="plan").delete()
        Tag.objects.filter(name="VIP").delete()
    told = calls.get(f"contacts/{contact}/").json()
    assert ("plan" in told["attributes"], told["tags"]) == (False, [])
    with scope(acme):
        AttributeDefinition.objects.create(account=acme, name="plan", label="Plan")
        Tag.objects.create(account=acme, name="VIP")
    told = calls.get(f"contacts/{contact}/").json()
    assert (told["attributes"]["plan"], told["tags"]) == ("gold", ["VIP"])


def test_halves_of_characters_are_refused() -> None:
    for broken in ("\0", "\ud800"):
        with pytest.raises(Invalid):
            clean_value(Attribute("company", "Company"), broken, field="company", region=None)
