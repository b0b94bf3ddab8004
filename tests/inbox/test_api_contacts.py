"""Contacts over the API: what is known of a user, why their addresses are one contact, and how that is undone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from channels_ingest.models import Channel
from channels_ingest.registry import get_channel
from channels_ingest.sink import ChannelInfo
from identity.interchange import settings_to_json
from identity.models import Decision, Evidence, Identity, Settings
from identity.rules import Rule, default_settings
from identity.services import decide
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.scope import locked_scope, scope
from tests.inbox.api import Caller, agent_caller, bot_caller, connect, fields_of, problem_of, write_in
from tests.inbox.batches import ana, message, take_in
from tests.inbox.mapping import map_channels

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
        *("id", "name", "phone", "email", "language", "tags", "attributes", "identities", "blocked", "version"),
        "same_as",
    }
    assert (told["id"], told["name"]) == (contact, "Ana Prieto")
    assert {identity["kind"] for identity in told["identities"]} == {"whatsapp", "phone"}
    assert set(told["identities"][0]) == {*("id", "kind", "scope", "value", "verified", "first_seen", "channel")}


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


def test_what_a_bot_writes_stands_behind_what_agents_and_platforms_say(
    contact: str, acme: Account, alice_calls: Caller
) -> None:
    calls = bot_caller(acme)
    answer = edit(calls, contact, name="Anita", phone="+34 600 999 999", language="gl").json()
    assert (answer["name"], answer["phone"], answer["language"]) == ("Ana Prieto", "+34600111222", "gl")
    edit(alice_calls, contact, language="es")
    assert edit(calls, contact, language="gl").json()["language"] == "es"
    with scope(acme):
        actors = AuditEntry.objects.filter(actor_name="Helper", action="contact.edit").values_list("actor", flat=True)
        assert set(actors) == {None}


def test_who_comes_second_is_shown_what_stands(contact: str, alice_calls: Caller) -> None:
    version = alice_calls.get(f"contacts/{contact}/").json()["version"]
    edit(alice_calls, contact, name="Ana María")
    answer = alice_calls.patch(f"contacts/{contact}/", {"version": version, "name": "Anita"})
    assert problem_of(answer) == (409, "conflict")
    assert answer.json()["current"]["name"] == "Ana María"
    assert answer.json()["yours"] == {"name": "Anita"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"phone": "12"}, "phone"),
        ({"name": "a\x00b"}, "name"),
        ({"version": "first"}, "version"),
        ({"tags": ["Nobody said so"]}, "tags"),
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


def connected(account: Account) -> ChannelInfo:
    """The channel that Ana wrote to."""
    with scope(account):
        channel = Channel.objects.get()
    capabilities = get_channel("whatsapp").capabilities
    return ChannelInfo(channel.id, "whatsapp", channel.external_id, "whatsapp", "", capabilities)


def write_as(account: Account, value: str, name: str) -> str:
    """A message of a user of one address; their contact."""
    return write_in(account, connected(account), "hola", value=value, name=name)


@pytest.mark.committed  # the latest decision counts: each needs an instant of its own
def test_two_contacts_become_one_are_parted_and_become_one_again(
    contact: str, acme: Account, alice_calls: Caller
) -> None:
    other = write_as(acme, "ES.55", "Ana P.")
    answer = alice_calls.post(f"contacts/{contact}/merge/", {"with": other})
    assert answer.json()["id"] == contact
    assert {each["id"] for each in answer.json()["identities"]} > {contact, other}
    assert alice_calls.get(f"conversations/{other}/").json()["id"] == contact
    [link] = [
        each for each in alice_calls.get(f"contacts/{contact}/identities/").json()["results"] if each["id"] == other
    ]
    assert link["reason"] == "Joined by an agent."
    parts = alice_calls.post(f"contacts/{contact}/split/", {"evidence": link["evidence"]}).json()["results"]
    assert {part["id"] for part in parts} == {contact, other}
    assert alice_calls.get(f"conversations/{other}/").json()["id"] == other
    again = alice_calls.post(f"contacts/{other}/merge/", {"with": contact})
    assert again.json()["id"] == contact


def test_one_identity_is_parted_from_the_rest(contact: str, acme: Account, alice_calls: Caller) -> None:
    other = write_as(acme, "ES.55", "Ana P.")
    alice_calls.post(f"contacts/{contact}/merge/", {"with": other})
    parts = alice_calls.post(f"contacts/{contact}/split/", {"identity": other}).json()["results"]
    assert {part["id"]: len(part["identities"]) for part in parts} == {contact: 2, other: 1}
    alone = alice_calls.post(f"contacts/{other}/split/", {"identity": other})
    assert problem_of(alone) == (422, "not_possible")
    assert alone.json()["reason"] == "This is the contact's only identity."
    assert problem_of(alice_calls.post(f"contacts/{contact}/split/", {"identity": other})) == (404, "not_found")


def test_the_identity_in_the_middle_parts_all_that_it_held_together(
    contact: str, acme: Account, alice_calls: Caller
) -> None:
    other = write_as(acme, "ES.55", "Ana P.")
    alice_calls.post(f"contacts/{contact}/merge/", {"with": other})
    parts = alice_calls.post(f"contacts/{contact}/split/", {"identity": contact}).json()["results"]
    assert sorted(len(part["identities"]) for part in parts) == [1, 1, 1]
    conversations = alice_calls.get("conversations/").json()["results"]
    assert {row["id"] for row in conversations} == {contact, other}


def test_merging_with_itself_changes_nothing(contact: str, acme: Account, alice_calls: Caller) -> None:
    start = alice_calls.get("events/").json()["to"]
    assert alice_calls.post(f"contacts/{contact}/merge/", {"with": contact}).json()["id"] == contact
    assert alice_calls.get("events/").json()["to"] == start


def test_a_merge_is_told_and_recorded(contact: str, acme: Account, alice_calls: Caller) -> None:
    other = write_as(acme, "ES.55", "Ana P.")
    start = alice_calls.get("events/").json()["to"]
    alice_calls.post(f"contacts/{contact}/merge/", {"with": other})
    events = alice_calls.get("events/", after=start).json()["results"]
    [moved] = [event for event in events if event["type"] == "conversation.moved"]
    assert (moved["from"], moved["to"], moved["data"]["id"]) == ([other], contact, contact)
    with scope(acme):
        [entry] = AuditEntry.objects.filter(action="contact.join")
    assert (entry.actor_name, entry.new) == ("Alice", {"with": other})


def test_who_was_parted_for_good_is_not_merged(contact: str, acme: Account, alice_calls: Caller) -> None:
    other = write_as(acme, "ES.55", "Ana P.")
    with locked_scope(acme) as now:
        decide(acme.id, Decision.Op.CANNOT_LINK, a=UUID(contact), b=UUID(other), actor_id=None, now=now)
    answer = alice_calls.post(f"contacts/{contact}/merge/", {"with": other})
    assert problem_of(answer) == (422, "not_possible")
    assert answer.json()["reason"] == "It was decided that these two are not the same person."
    assert alice_calls.get(f"contacts/{other}/").json()["id"] == other


def test_who_is_not_the_same_person_is_named_no_more_and_not_merged(
    contact: str, acme: Account, alice: Membership, alice_calls: Caller
) -> None:
    other = write_as(acme, "ES.55", "Ana P.")
    edit(alice_calls, other, phone="+34 600 111 222")
    assert [each["contact"] for each in alice_calls.get(f"contacts/{contact}/").json()["same_as"]] == [other]
    start = alice_calls.get("events/").json()["to"]
    told = alice_calls.post(f"contacts/{contact}/keep_apart/", {"with": other}).json()
    assert (told["id"], told["same_as"]) == (contact, [])
    assert alice_calls.get(f"contacts/{other}/").json()["same_as"] == []
    events = alice_calls.get("events/", after=start).json()["results"]
    assert {(event["type"], event["conversation"]) for event in events} == {
        ("contact.updated", contact),
        ("contact.updated", other),
    }
    [decision] = alice_calls.get(f"contacts/{contact}/explain/").json()["decisions"]
    assert (decision["op"], decision["by"]) == ("cannot_link", alice.user_id)
    assert problem_of(alice_calls.post(f"contacts/{contact}/merge/", {"with": other})) == (422, "not_possible")


def test_nobody_is_kept_apart_from_themselves(contact: str, alice_calls: Caller) -> None:
    for identity in alice_calls.get(f"contacts/{contact}/").json()["identities"]:
        assert fields_of(alice_calls.post(f"contacts/{contact}/keep_apart/", {"with": identity["id"]})) == {"with"}


@pytest.mark.parametrize("path", ["merge", "keep_apart"])
def test_an_agent_decides_only_about_whom_they_see(contact: str, acme: Account, bob: Membership, path: str) -> None:
    map_channels(bob, connected(acme))
    other = write_in(acme, connect(acme, external_id="900199"), "hola", value="ES.55", name="Zoe")
    calls = agent_caller(bob)
    assert fields_of(calls.post(f"contacts/{contact}/{path}/", {"with": other})) == {"with"}
    assert problem_of(calls.post(f"contacts/{other}/{path}/", {"with": contact})) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "content", "field"),
    [
        ("keep_apart", {"with": "4b5c8a1e-0000-8000-8000-000000000000"}, "with"),
        ("keep_apart", {}, "with"),
        ("merge", {"with": "4b5c8a1e-0000-8000-8000-000000000000"}, "with"),
        ("merge", {"with": "Ana"}, "with"),
        ("merge", {}, "with"),
        ("split", {}, ""),
        ("split", {"evidence": 1, "identity": "4b5c8a1e-0000-8000-8000-000000000000"}, ""),
        ("split", {"evidence": "all"}, "evidence"),
    ],
)
def test_a_decision_that_can_not_be_names_its_field(
    contact: str, alice_calls: Caller, path: str, content: Any, field: str
) -> None:
    assert fields_of(alice_calls.post(f"contacts/{contact}/{path}/", content)) == {field}


@pytest.mark.parametrize("path", ["merge", "keep_apart"])
def test_a_contact_of_another_account_is_none_to_decide_about(
    contact: str, alice_calls: Caller, zenith: Account, charlie: Membership, path: str
) -> None:
    theirs = write_in(zenith, connect(zenith), "hola", value="ES.77", name="Zoe")
    assert fields_of(alice_calls.post(f"contacts/{contact}/{path}/", {"with": theirs})) == {"with"}


@pytest.mark.parametrize("path", ["merge", "keep_apart"])
def test_a_bot_decides_about_nobody(contact: str, acme: Account, path: str) -> None:
    assert problem_of(bot_caller(acme).post(f"contacts/{contact}/{path}/", {"with": contact})) == (403, "forbidden")


def test_a_bot_undoes_no_link(contact: str, acme: Account) -> None:
    assert problem_of(bot_caller(acme).post(f"contacts/{contact}/split/", {"evidence": 1})) == (403, "forbidden")


def test_a_number_that_a_bot_was_told_links_only_where_the_account_lets_it(acme: Account, contact: str) -> None:
    """And never to whom the number is proven to belong."""
    calls = bot_caller(acme)
    bea, cleo = write_as(acme, value="ES.55", name="Bea"), write_as(acme, value="ES.66", name="Cleo")
    told = edit(calls, bea, phone="+34 600 111 222").json()
    assert (told["id"], told["phone"]) == (bea, "+34600111222")
    assert [each["contact"] for each in told["same_as"]] == [contact]
    with scope(acme):
        assert Evidence.objects.get(rule="typed").status == "suggest"
        rules = default_settings()
        trusting = replace(rules, rules={**rules.rules, "typed": Rule("typed", 4)})
        Settings.objects.create(account=acme, version=1, document=settings_to_json(trusting))
    assert edit(calls, cleo, phone="+34 600 111 222").json()["id"] == cleo
    edit(calls, bea, phone="+34 600 999 999")
    joined = edit(calls, cleo, phone="+34 600 999 999").json()["id"]
    assert {calls.get(f"contacts/{id}/").json()["id"] for id in (bea, cleo)} == {joined}
