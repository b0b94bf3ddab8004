"""Attributes and tags in the admin: supervisors define them, agents use them."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from inbox.models import AttributeDefinition, Tag
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.scope import scope
from tests.inbox.api import agent_caller, connect, write_in

pytestmark = pytest.mark.django_db

ATTRIBUTES, TAGS = "/admin/inbox/attributedefinition/", "/admin/inbox/tag/"


@pytest.fixture
def supervisor(alice: Membership) -> Client:
    client = Client()
    client.force_login(alice.user)
    return client


def define(client: Client, **fields: Any) -> Any:
    given = {"label": "Plan", "name": "plan", "type": "choice", "choices": "gold\n gold \nsilver", "position": 0}
    return client.post(f"{ATTRIBUTES}add/", given | fields)


def test_a_supervisor_defines_an_attribute_and_agents_fill_it(
    acme: Account, supervisor: Client, alice: Membership
) -> None:
    assert define(supervisor).status_code == 302
    with scope(acme):
        assert AttributeDefinition.objects.get().choices == ["gold", "silver"]
        assert AuditEntry.objects.get(action="attribute.add").target == "plan"
    contact, calls = write_in(acme, connect(acme), "hola"), agent_caller(alice)
    version = calls.get(f"contacts/{contact}/").json()["version"]
    answer = calls.patch(f"contacts/{contact}/", {"version": version, "attributes": {"plan": "gold"}})
    assert answer.json()["attributes"]["plan"] == "gold"
    assert "gold" in supervisor.get(f"/admin/identity/contact/{contact}/change/").content.decode()


@pytest.mark.parametrize(
    "wrong",
    [{"choices": ""}, {"type": "text"}, {"name": "email"}, {"name": "consent_news"}, {"name": "two words"}],
)
def test_what_can_not_be_an_attribute_is_said_on_the_page(
    acme: Account, supervisor: Client, wrong: dict[str, str]
) -> None:
    assert define(supervisor, **wrong).status_code == 200
    with scope(acme):
        assert not AttributeDefinition.objects.exists()


def test_a_key_is_given_once_and_stays(acme: Account, supervisor: Client) -> None:
    define(supervisor)
    assert define(supervisor).status_code == 200
    with scope(acme):
        [attribute] = AttributeDefinition.objects.all()
    supervisor.post(
        f"{ATTRIBUTES}{attribute.id}/change/",
        {"label": "Contract", "name": "contract", "type": "choice", "choices": "gold", "position": 1},
    )
    with scope(acme):
        [attribute] = AttributeDefinition.objects.all()
        assert (attribute.name, attribute.label) == ("plan", "Contract")
        assert AuditEntry.objects.filter(action="attribute.edit", old__label="Plan").exists()


def test_removing_asks_first(acme: Account, supervisor: Client) -> None:
    define(supervisor)
    supervisor.post(f"{TAGS}add/", {"name": "VIP"})
    with scope(acme):
        pages = [f"{ATTRIBUTES}{AttributeDefinition.objects.get().id}/delete/", f"{TAGS}{Tag.objects.get().id}/delete/"]
    for page in pages:
        assert "Are you sure" in supervisor.get(page).content.decode()
        supervisor.post(page, {"post": "yes"})
    with scope(acme):
        assert not AttributeDefinition.objects.exists()
        assert not Tag.objects.exists()


def test_a_tag_is_there_once(supervisor: Client) -> None:
    assert supervisor.post(f"{TAGS}add/", {"name": "VIP"}).status_code == 302
    assert supervisor.post(f"{TAGS}add/", {"name": "vip"}).status_code == 200


def test_an_agent_defines_nothing(acme: Account, bob: Membership) -> None:
    client = Client()
    client.force_login(bob.user)
    define(client)
    with scope(acme):
        assert not AttributeDefinition.objects.exists()
