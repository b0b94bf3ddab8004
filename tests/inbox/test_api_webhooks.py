"""Endpoints over the API: who registers them, what is shown of them, and what of an address is refused."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import LazySettings

from channels_ingest.signing import read_standard_key
from inbox.models import Endpoint, EndpointAttempt
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.inbox.api import API, Caller, agent_caller, bot_caller, connect, fields_of, problem_of, write_in

pytestmark = pytest.mark.django_db

GIVEN = {"url": "https://bot.example.com/events?key=k", "events": ["message.created", "conversation.moved"]}
SHOWN = {"id", "url", "bot", "events", "state", "reason", "after", "failing_since", "delivered_at", "created_at"}


@pytest.fixture
def alice_calls(alice: Membership) -> Caller:
    return agent_caller(alice)


def test_a_supervisor_registers_an_address_and_sees_its_secret_once(acme: Account, alice_calls: Caller) -> None:
    write_in(acme, connect(acme), "what was before is not told")
    head = alice_calls.get("events/").json()["to"]
    answer = alice_calls.post("webhooks/", GIVEN)
    assert answer.status_code == 201
    made = answer.json()
    assert set(made) == SHOWN | {"secret"}
    assert (made["url"], made["events"], made["bot"], made["state"]) == (GIVEN["url"], GIVEN["events"], "", "on")
    assert made["after"] == head > 0
    assert made["secret"].startswith("whsec_")
    assert len(read_standard_key(made.pop("secret"))) == 32
    assert alice_calls.get("webhooks/").json() == {"results": [made], "next": None}


def test_the_secret_is_kept_encrypted(acme: Account, alice_calls: Caller) -> None:
    secret = alice_calls.post("webhooks/", GIVEN).json()["secret"]
    with scope(acme):
        assert Endpoint.objects.get().secret == secret
        assert not Endpoint.objects.extra(
            where=["position(%s::bytea IN secret) > 0"], params=[secret.encode()]
        ).exists()


def test_an_address_is_that_of_a_bot_that_there_is(acme: Account, alice_calls: Caller) -> None:
    assert fields_of(alice_calls.post("webhooks/", GIVEN | {"bot": "Helper"})) == {"bot"}
    bot_caller(acme)
    assert alice_calls.post("webhooks/", GIVEN | {"bot": "Helper"}).json()["bot"] == "Helper"


def test_what_is_removed_is_gone_and_recorded_without_its_address(acme: Account, alice_calls: Caller) -> None:
    id = alice_calls.post("webhooks/", GIVEN).json()["id"]
    answer = alice_calls.client.delete(f"{API}webhooks/{id}/")
    assert (answer.status_code, answer.content) == (204, b"")
    assert alice_calls.get("webhooks/").json()["results"] == []
    assert problem_of(alice_calls.client.delete(f"{API}webhooks/{id}/")) == (404, "not_found")
    with scope(acme):
        entries = AuditEntry.objects.filter(action__startswith="endpoint.").order_by("id")
        assert [(entry.action, entry.target) for entry in entries] == [
            ("endpoint.add", "bot.example.com"),
            ("endpoint.remove", "bot.example.com"),
        ]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"url": "bot.example.com"}, "url"),
        ({"url": "ftp://bot.example.com/"}, "url"),
        ({"url": "https://user:password@bot.example.com/"}, "url"),
        ({"url": "https:///events"}, "url"),
        ({"url": "https://[bot/"}, "url"),
        ({"url": "https://bot.example.com/" + "x" * 2000}, "url"),
        ({"url": None}, "url"),
        ({"events": []}, "events"),
        ({"events": ["message.read"]}, "events.0"),
        ({"events": "message.created"}, "events"),
        ({"bot": "a\x00b"}, "bot"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_an_endpoint_that_can_not_be_names_its_field(alice_calls: Caller, changes: Any, field: str) -> None:
    assert fields_of(alice_calls.post("webhooks/", GIVEN | changes)) == {field}


def test_an_address_without_encryption_is_for_trials_only(alice_calls: Caller, settings: LazySettings) -> None:
    plain = GIVEN | {"url": "http://bot.example.com/"}
    settings.ALLOW_LOCAL_PROVIDERS = False
    assert fields_of(alice_calls.post("webhooks/", plain)) == {"url"}
    settings.ALLOW_LOCAL_PROVIDERS = True
    assert alice_calls.post("webhooks/", plain).status_code == 201


def test_there_is_an_end_to_how_many(acme: Account, alice_calls: Caller) -> None:
    for _ in range(20):
        assert alice_calls.post("webhooks/", GIVEN).status_code == 201
    assert problem_of(alice_calls.post("webhooks/", GIVEN)) == (422, "not_possible")


def test_an_endpoint_is_switched_off_and_on_and_asks_for_other_events(acme: Account, alice_calls: Caller) -> None:
    path = f"webhooks/{alice_calls.post('webhooks/', GIVEN).json()['id']}/"
    off = alice_calls.patch(path, {"state": "off"}).json()
    assert (off["state"], off["reason"]) == ("off", "Alice switched it off.")
    on = alice_calls.patch(path, {"state": "on", "events": ["contact.split", "contact.split"]}).json()
    assert (on["state"], on["reason"], on["events"]) == ("on", "", ["contact.split"])
    assert fields_of(alice_calls.patch(path, {"state": "asleep"})) == {"state"}
    assert fields_of(alice_calls.patch(path, {"secret": "mine"})) == {"secret"}
    with scope(acme):
        entry = AuditEntry.objects.get(action="endpoint.change")
        assert (entry.old, entry.new) == ({"events": GIVEN["events"]}, {"events": ["contact.split"]})


def test_an_endpoint_is_told_again_from_an_event_or_an_instant_on(acme: Account, alice_calls: Caller) -> None:
    write_in(acme, connect(acme), "hola")
    path = f"webhooks/{alice_calls.post('webhooks/', GIVEN).json()['id']}/replay/"
    assert alice_calls.post(path, {"after": 1}).json()["after"] == 1
    assert alice_calls.post(path, {"since": "2020-01-01T00:00:00Z"}).json()["after"] == 0
    assert fields_of(alice_calls.post(path, {"after": 1000})) == {"after"}
    assert fields_of(alice_calls.post(path, {})) == {""}
    assert fields_of(alice_calls.post(path, {"after": 1, "since": "2020-01-01T00:00:00Z"})) == {""}


def test_the_calls_of_an_endpoint_are_listed_the_newest_first(acme: Account, alice_calls: Caller) -> None:
    id = alice_calls.post("webhooks/", GIVEN).json()["id"]
    conversation = new_id()
    with scope(acme) as now:
        call = {"account": acme, "endpoint_id": id, "type": "message.created", "conversation_id": conversation}
        for seq, outcome in enumerate(("", "The address answered with 500.", "")):
            EndpointAttempt.objects.create(**call, seq=seq, at=now, milliseconds=12, taken=not outcome, outcome=outcome)
    first = alice_calls.get(f"webhooks/{id}/attempts/", limit=2).json()
    rest = alice_calls.get(f"webhooks/{id}/attempts/", limit=2, cursor=first["next"]).json()
    assert [call["seq"] for call in (*first["results"], *rest["results"])] == [2, 1, 0]
    assert rest["next"] is None
    told = first["results"][1]
    assert (told["type"], told["conversation"], told["ms"]) == ("message.created", str(conversation), 12)
    assert (told["taken"], told["outcome"]) == (False, "The address answered with 500.")


def test_agents_and_bots_register_see_and_remove_nothing(acme: Account, alice_calls: Caller, bob: Membership) -> None:
    id = alice_calls.post("webhooks/", GIVEN).json()["id"]
    for calls in (agent_caller(bob), bot_caller(acme)):
        assert problem_of(calls.post("webhooks/", GIVEN)) == (403, "forbidden")
        assert problem_of(calls.get("webhooks/")) == (403, "forbidden")
        assert problem_of(calls.client.delete(f"{API}webhooks/{id}/")) == (403, "forbidden")
        assert problem_of(calls.patch(f"webhooks/{id}/", {"state": "off"})) == (403, "forbidden")
        assert problem_of(calls.post(f"webhooks/{id}/replay/", {"after": 0})) == (403, "forbidden")
        assert problem_of(calls.get(f"webhooks/{id}/attempts/")) == (403, "forbidden")


def test_those_of_another_account_are_not_there(acme: Account, alice_calls: Caller, charlie: Membership) -> None:
    id = alice_calls.post("webhooks/", GIVEN).json()["id"]
    calls = agent_caller(charlie)
    assert calls.get("webhooks/").json()["results"] == []
    for unknown in (id, new_id()):
        assert problem_of(calls.client.delete(f"{API}webhooks/{unknown}/")) == (404, "not_found")
        assert problem_of(calls.patch(f"webhooks/{unknown}/", {"state": "off"})) == (404, "not_found")
        assert problem_of(calls.post(f"webhooks/{unknown}/replay/", {"after": 0})) == (404, "not_found")
        assert problem_of(calls.get(f"webhooks/{unknown}/attempts/")) == (404, "not_found")
    assert len(alice_calls.get("webhooks/").json()["results"]) == 1
