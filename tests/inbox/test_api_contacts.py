"""Contacts over the API: what is known of a user, why their addresses are one contact, and how that is undone."""

from __future__ import annotations

from typing import Any

import pytest

from identity.models import Identity
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.scope import scope
from tests.inbox.api import Caller, agent_caller, bot_caller, connect, fields_of, problem_of
from tests.inbox.batches import ana, message, take_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(acme: Account) -> str:
    """Ana: her WhatsApp id and, vouched for by WhatsApp, her phone number."""
    take_in(acme, connect(acme), message("hola", sender=ana()))
    with scope(acme):
        return str(Identity.objects.values_list("contact_id", flat=True).distinct().get())


@pytest.fixture
def alice_calls(alice: Membership) -> Caller:
    return agent_caller(alice)


def edit(calls: Caller, contact: str, **changes: Any) -> Any:
    version = calls.get(f"contacts/{contact}/").json()["version"]
    return calls.patch(f"contacts/{contact}/", {"version": version} | changes)


def test_a_contact_is_told_with_its_identities(contact: str, alice_calls: Caller) -> None:
    told = alice_calls.get(f"contacts/{contact}/").json()
    assert set(told) == {
        *("id", "name", "phone", "email", "language", "tags", "attributes", "identities", "blocked", "version")
    }
    assert (told["id"], told["name"]) == (contact, "Ana Prieto")
    assert {identity["kind"] for identity in told["identities"]} == {"whatsapp", "phone"}
    assert set(told["identities"][0]) == {"id", "kind", "value", "verified", "first_seen", "channel"}


def test_any_id_of_a_contact_finds_it_and_its_conversation(contact: str, alice_calls: Caller) -> None:
    for identity in alice_calls.get(f"contacts/{contact}/").json()["identities"]:
        assert alice_calls.get(f"contacts/{identity['id']}/").json()["id"] == contact
        assert alice_calls.get(f"conversations/{identity['id']}/").json()["id"] == contact


def test_a_supervisor_corrects_details(contact: str, acme: Account, alice_calls: Caller) -> None:
    answer = edit(alice_calls, contact, name="Ana María", email="ana@example.com").json()
    assert (answer["name"], answer["email"]) == ("Ana María", "ana@example.com")
    with scope(acme):
        assert AuditEntry.objects.filter(action="contact.edit", actor_name="Alice").count() == 1


def test_an_agent_corrects_who_is_assigned_to_them(contact: str, alice_calls: Caller, bob: Membership) -> None:
    bob_calls = agent_caller(bob)
    assert problem_of(edit(bob_calls, contact, name="Ana María")) == (403, "forbidden")
    bob_calls.patch(f"conversations/{contact}/", {"assignee": bob.user_id})
    assert edit(bob_calls, contact, name="Ana María").json()["name"] == "Ana María"


def test_a_bot_corrects_nothing(contact: str, acme: Account) -> None:
    assert problem_of(edit(bot_caller(acme), contact, name="Ana María")) == (403, "forbidden")


def test_who_comes_second_is_shown_what_stands(contact: str, alice_calls: Caller) -> None:
    version = alice_calls.get(f"contacts/{contact}/").json()["version"]
    edit(alice_calls, contact, name="Ana María")
    answer = alice_calls.patch(f"contacts/{contact}/", {"version": version, "name": "Anita"})
    assert problem_of(answer) == (409, "conflict")
    assert answer.json()["current"]["name"] == "Ana María"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"name": "a\x00b"}, "name"),
        ({"version": "first"}, "version"),
        ({"tags": []}, "tags"),
    ],
)
def test_a_detail_that_can_not_be_is_named(
    contact: str, alice_calls: Caller, changes: dict[str, Any], field: str
) -> None:
    assert fields_of(edit(alice_calls, contact, **changes)) == {field}


def test_every_identity_says_why_it_belongs_here(contact: str, alice_calls: Caller) -> None:
    [first, second] = alice_calls.get(f"contacts/{contact}/identities/").json()["results"]
    assert (first["id"], first["evidence"]) == (contact, None)
    assert isinstance(second["evidence"], int)
    assert all(identity["reason"] for identity in (first, second))


def test_an_explanation_shows_the_evidence(contact: str, alice_calls: Caller) -> None:
    told = alice_calls.get(f"contacts/{contact}/explain/").json()
    assert set(told) == {"contact", "identities", "evidence", "decisions", "changes"}
    [evidence] = told["evidence"]
    assert (evidence["rule"], evidence["status"]) == ("platform", "linked")
    assert {evidence["a"], evidence["b"]} == {identity["id"] for identity in told["identities"]}


def test_a_link_is_undone_and_the_undoing_is_explained(contact: str, alice_calls: Caller, alice: Membership) -> None:
    [_, linked] = alice_calls.get(f"contacts/{contact}/identities/").json()["results"]
    answer = alice_calls.post(f"contacts/{contact}/split/", {"evidence": linked["evidence"]})
    assert {part["id"] for part in answer.json()["results"]} == {contact, linked["id"]}
    [decision] = alice_calls.get(f"contacts/{contact}/explain/").json()["decisions"]
    assert (decision["op"], decision["by"]) == ("revoke", alice.user_id)
    again = alice_calls.post(f"contacts/{contact}/split/", {"evidence": linked["evidence"]})
    assert problem_of(again) == (404, "not_found")


def test_a_bot_undoes_no_link(contact: str, acme: Account) -> None:
    assert problem_of(bot_caller(acme).post(f"contacts/{contact}/split/", {"evidence": 1})) == (403, "forbidden")
