"""What was known when a message was written: kept with it, compared with now; its labels and fields in the page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from channels_ingest.sink import ChannelInfo
from identity.services import describe
from inbox.contexts import compare_contexts
from inbox.models import AttributeDefinition, Conversation, Message
from inbox.services.conversations import assign
from inbox.shapes import Agent
from inbox.snapshots import describe_hours
from oneview.accounts.models import Account, AuditEntry, Membership, Team, User
from oneview.common.scope import locked_scope, scope
from tests.fixtures import sign_in
from tests.inbox.api import agent_caller, problem_of
from tests.inbox.batches import make_channel, message, take_in

pytestmark = pytest.mark.django_db

OFFICE = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu")} | {"fri": [["09:00", "14:00"]]}


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


@pytest.fixture
def hola(acme: Account, channel: ChannelInfo) -> Message:
    take_in(acme, channel, message("hola"))
    with scope(acme):
        return Message.objects.get(text="hola")


def conversation_of(account: Account) -> Conversation:
    with scope(account):
        return Conversation.objects.get()


def address(account: Account, hola: Message, part: str) -> str:
    return f"/inbox/c/{conversation_of(account).id}/messages/{hola.id}/{part}/"


def read(client: Client, account: Account, hola: Message) -> str:
    response = client.get(address(account, hola, "context"), headers={"X-Fragment": "part"})
    assert response.status_code == 200, response.content
    return response.content.decode()


def post(client: Client, path: str, **content: Any) -> Any:
    return client.post(path, content, headers={"X-Fragment": "answer"})


def test_the_team_of_the_channel_and_its_hours_are_kept_with_a_message(
    acme: Account, channel: ChannelInfo, alice: Membership
) -> None:
    with scope(acme):
        team = Team.objects.create(
            account=acme, name="Lamps", channels=[channel.id], hours=OFFICE, time_zone="Europe/Madrid"
        )
    take_in(acme, channel, message("hola"))
    with scope(acme):
        hola = Message.objects.get(text="hola")
        Team.objects.filter(id=team.id).update(hours={}, name="Lights")
    told = agent_caller(alice).get(f"messages/{hola.id}/", expand="context").json()["context"]
    assert told["account"]["team"] == {"id": str(team.id), "name": "Lamps"}
    assert told["account"]["business_hours"] == "Mon–Thu 09:00–17:00, Fri 09:00–14:00 (Europe/Madrid)"
    assert told["account"]["channel"] == {"id": str(channel.id), "kind": "whatsapp", "name": "WhatsApp"}
    assert (told["account"]["plan"], told["user"]["tags"]) == ("paid", [])


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ({}, "Always open"),
        ({"mon": []}, "Always closed"),
        ({"sun": [["10:00", "12:00"], ["16:00", "18:00"]]}, "Sun 10:00–12:00 + 16:00–18:00 (UTC)"),
        ({"mon": [["09:00", "17:00"]], "wed": [["09:00", "17:00"]]}, "Mon 09:00–17:00, Wed 09:00–17:00 (UTC)"),
    ],
)
def test_hours_are_told_in_words(hours: Any, words: str) -> None:
    assert describe_hours(hours, zone="UTC") == words


def test_what_has_changed_since_stands_beside_what_was(acme: Account, hola: Message, bob: Membership) -> None:
    agent = sign_in(bob)
    assert "Nothing has changed since." in read(agent, acme, hola)
    with locked_scope(acme) as now:
        describe(acme.id, conversation_of(acme).id, {"name": "Ana P. Ruiz", "tag:vip": "yes"}, now=now)
    section = read(agent, acme, hola)
    assert "Nothing has changed since." not in section
    assert "Ana Prieto" in section
    assert "Ana P. Ruiz" in section
    assert "not known" in section
    assert "vip" in section


def test_unlike_values_are_marked_and_unknown_ones_left_out() -> None:
    account = {"name": "Acme", "plan": "paid", "team": None, "attributes": {"tier": "gold"}}
    then = {"user": {"name": "Ana", "page": "/lamps", "tags": []}, "account": account}
    now = {"user": {"name": "Ana", "tags": ["vip"]}, "account": {**account, "attributes": {"tier": "silver"}}}
    compared = compare_contexts(then, now, attributes={})
    assert [(fact.label, fact.then, fact.now) for fact in compared.user] == [
        ("Name", "Ana", "Ana"),
        ("Tags", "", "vip"),
        ("Page", "/lamps", ""),
    ]
    changed = [fact.label for fact in (*compared.user, *compared.account) if fact.has_changed]
    assert changed == ["Tags", "Page", "Tier"]


def test_values_are_shown_as_in_the_details(
    acme: Account, channel: ChannelInfo, hola: Message, bob: Membership
) -> None:
    """A date in the words of the agent's language, yes and no, and the account's own names of them."""
    types = AttributeDefinition.Type
    with scope(acme):
        for name, label, type in (("since", "Customer since", types.DATE), ("news", "Wants news", types.YES_NO)):
            AttributeDefinition.objects.create(account=acme, name=name, label=label, type=type)
    contact = conversation_of(acme).id
    for known in ({"since": "2023-03-14", "news": "yes"}, {"since": "2024-05-01", "news": "yes"}):
        take_in(acme, channel, message("hola again"))
        with locked_scope(acme) as now:
            describe(acme.id, contact, known, now=now)
    with scope(acme):
        again = Message.objects.filter(text="hola again").latest("id")
    User.objects.filter(pk=bob.user_id).update(language="de")
    section, details = (
        " ".join(sign_in(bob).get(path, headers={"X-Fragment": "part"}).content.decode().split())
        for path in (address(acme, again, "context"), f"/inbox/c/{contact}/panel/")
    )
    assert "<bdi>14. März 2023</bdi>" in section
    assert "Customer since" in section
    for shown in (">1. Mai 2024<", "Wants news", ">Ja<"):
        assert shown in section
        assert shown in details


def test_labels_and_fields_are_edited_by_whom_the_conversation_is_assigned_to(
    acme: Account, hola: Message, alice: Membership, bob: Membership
) -> None:
    agent = sign_in(bob)
    labels = address(acme, hola, "labels")
    assert problem_of(post(agent, labels, added="order")) == (403, "forbidden")
    assert "disabled" in read(agent, acme, hola)
    with scope(acme) as now:
        assign(acme, conversation_of(acme).id, actor=Agent(bob.user_id, "Bob"), assignee=bob.user_id, now=now)
    assert "disabled" not in read(agent, acme, hola)
    post(agent, labels, added="order")
    assert post(sign_in(alice), labels, added="urgent").status_code == 200
    post(agent, labels, removed="order")
    section = post(agent, labels, name="order number", value="A-17").content.decode()
    assert "urgent" in section
    assert "A-17" in section
    with scope(acme):
        hola.refresh_from_db()
        entries = AuditEntry.objects.filter(action="message.label", target=str(hola.id)).order_by("id")
        assert [(entry.actor_name, (entry.new or {})["labels"], (entry.new or {})["changed"]) for entry in entries] == [
            ("Bob", ["order"], []),
            ("Alice", ["order", "urgent"], []),
            ("Bob", ["urgent"], []),
            ("Bob", ["urgent"], ["order number"]),
        ]
    assert (hola.labels, hola.fields) == (["urgent"], {"order number": "A-17"})


def test_over_the_api_only_the_assignee_labels(acme: Account, hola: Message, bob: Membership) -> None:
    assert problem_of(agent_caller(bob).patch(f"messages/{hola.id}/", {"labels": ["order"]})) == (403, "forbidden")


def test_a_message_of_another_conversation_or_account_is_not_there(
    acme: Account, hola: Message, bob: Membership, charlie: Membership
) -> None:
    other = address(acme, hola, "context").replace(str(hola.id), str(conversation_of(acme).id))
    assert problem_of(sign_in(bob).get(other, headers={"X-Fragment": "part"})) == (404, "not_found")
    theirs = sign_in(charlie).get(address(acme, hola, "context"), headers={"X-Fragment": "part"})
    assert problem_of(theirs) == (404, "not_found")
