"""The API: who may call, what conversations and messages look like, and how every refusal is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from drf_spectacular.settings import patched_settings

from channels_ingest.models import OutboxMessage
from channels_ingest.sink import ChannelInfo
from inbox.api.urls import DESCRIPTION
from inbox.models import LiveEvent, Message, MessageKey, Thread
from inbox.models.message import make_message_id
from oneview.accounts.models import Account, Membership
from oneview.accounts.services import create_token
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.api import (
    API,
    Caller,
    agent_caller,
    bot_caller,
    connect,
    fields_of,
    leave_to_bot,
    problem_of,
    write_in,
)
from tests.inbox.batches import message, take_in, user

pytestmark = pytest.mark.django_db

CONVERSATION = {
    *("id", "contact", "status", "snoozed_until", "assignee", "assignees", "turn", "labels", "unread", "channels"),
    *("last_message", "last_activity_at", "allowed", "team"),
}
MESSAGE = {
    *("id", "conversation", "contact", "thread", "channel", "identity", "direction", "author", "type", "text", "data"),
    *("attachments", "reply_to", "reactions", "external_id", "client_id", "sent_at", "received_at", "status"),
    *("status_reason", "edited_at", "deleted_at", "redacted_at", "private", "labels", "fields"),
}


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    return connect(acme)


@pytest.fixture
def ana(acme: Account, channel: ChannelInfo) -> str:
    """The conversation with Ana, who wrote three times."""
    return write_in(acme, channel, "hola", "¿hay alguien?", "gracias")


@pytest.fixture
def bob_calls(bob: Membership) -> Caller:
    return agent_caller(bob)


def test_a_page_of_a_member_may_call_with_its_session(bob: Membership, ana: str) -> None:
    assert [row["id"] for row in sign_in(bob).get(API + "conversations/").json()["results"]] == [ana]


def test_a_session_changes_nothing_without_its_csrf_token(bob: Membership, ana: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob.user)
    path = f"{API}conversations/{ana}/messages/"
    response = client.post(path, {"client_id": "1", "text": "hola"}, content_type="application/json")
    assert problem_of(response) == (403, "forbidden")
    with scope(bob.account):
        assert not OutboxMessage.objects.exists()


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer nothing", "Basic eDp5", "Bearer ov_bot_nobody"])
def test_nobody_is_told_nothing(ana: str, authorization: str) -> None:
    response = Client(headers={"Authorization": authorization} if authorization else {}).get(API + "conversations/")
    assert problem_of(response) == (401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


def test_a_wrong_token_is_not_mended_by_a_session(bob: Membership, ana: str) -> None:
    response = sign_in(bob).get(API + "conversations/", headers={"Authorization": "Bearer ov_agent_wrong"})
    assert problem_of(response) == (401, "unauthenticated")


def test_the_free_plan_has_no_api(bob: Membership, bob_calls: Caller) -> None:
    Account.objects.update(plan="free")
    assert problem_of(bob_calls.get("conversations/")) == (403, "plan_required")


def test_a_conversation_is_told_whole(ana: str, channel: ChannelInfo, bob_calls: Caller) -> None:
    told = bob_calls.get(f"conversations/{ana}/").json()
    assert set(told) == CONVERSATION
    assert told["contact"] == {"id": ana, "name": "Ana Prieto", "avatar": None}
    assert (told["status"], told["unread"], told["assignee"]) == ("open", 3, None)
    assert told["channels"] == [{"id": str(channel.id), "kind": "whatsapp", "name": "WhatsApp"}]
    assert told["last_message"]["text"] == "gracias"
    assert [way["can"] for way in told["allowed"]] == ["text"]


def test_lists_leave_out_what_is_asked_for_one_at_a_time(ana: str, bob_calls: Caller) -> None:
    [row] = bob_calls.get("conversations/").json()["results"]
    assert set(row) == CONVERSATION
    assert row["allowed"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, True),
        ({"status": "open"}, True),
        ({"status": "resolved"}, False),
        ({"unread": "1"}, True),
        ({"assignee": "me"}, False),
        ({"assignee": "none"}, True),
        ({"assignee": "4711"}, False),
        ({"label": "billing"}, False),
        ({"q": "prieto"}, True),
        ({"q": "nobody"}, False),
    ],
)
def test_conversations_are_filtered(ana: str, bob_calls: Caller, query: dict[str, str], found: bool) -> None:
    assert bool(bob_calls.get("conversations/", **query).json()["results"]) is found


def test_conversations_are_filtered_by_channel(ana: str, channel: ChannelInfo, bob_calls: Caller) -> None:
    assert bob_calls.get("conversations/", channel=channel.id).json()["results"]
    assert not bob_calls.get("conversations/", channel=new_id()).json()["results"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "lost"}, "status"),
        ({"assignee": "somebody"}, "assignee"),
        ({"channel": "whatsapp"}, "channel"),
        ({"cursor": "nothing"}, "cursor"),
        ({"limit": "1000"}, "limit"),
        ({"q": "a\x00b"}, "q"),
        ({"statsu": "open"}, "statsu"),
    ],
)
def test_a_filter_that_says_nothing_is_named(bob_calls: Caller, query: dict[str, str], field: str) -> None:
    assert fields_of(bob_calls.get("conversations/", **query)) == {field}


def test_a_bot_has_no_conversations_of_its_own(acme: Account, ana: str) -> None:
    assert fields_of(bot_caller(acme).get("conversations/", assignee="me")) == {"assignee"}


def test_pages_follow_each_other_without_gap_or_double(acme: Account, channel: ChannelInfo, bob_calls: Caller) -> None:
    written = [write_in(acme, channel, "hola", value=f"ES.{n}", name=f"User {n}") for n in range(5)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = bob_calls.get("conversations/", limit=2, **cursor).json()
        seen += [row["id"] for row in page["results"]]
        cursor = {"cursor": page["next"]}
    assert seen == written[::-1]
    assert page["next"] is None


def test_a_list_takes_as_many_queries_for_thirty_as_for_three(
    acme: Account, channel: ChannelInfo, bob_calls: Caller
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert bob_calls.get("conversations/").status_code == 200
        return len(queries)

    batch = [message("hola", sender=user(f"ES.{n}", name=f"User {n}")) for n in range(30)]
    take_in(acme, channel, *batch[:3])
    few = count()
    take_in(acme, channel, *batch[3:])
    assert count() == few <= 20


def test_work_on_a_conversation_shows_in_the_answer(ana: str, bob: Membership, bob_calls: Caller) -> None:
    answer = bob_calls.patch(f"conversations/{ana}/", {"assignee": bob.user_id}).json()
    assert answer["assignee"] == {"id": bob.user_id, "name": "Bob"}
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    answer = bob_calls.patch(f"conversations/{ana}/", {"status": "snoozed", "snoozed_until": until}).json()
    assert (answer["status"], answer["snoozed_until"][:19]) == ("snoozed", until[:19])
    answer = bob_calls.patch(f"conversations/{ana}/", {"status": "resolved", "assignee": None}).json()
    assert (answer["status"], answer["snoozed_until"], answer["assignee"]) == ("resolved", None, None)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"status": "lost"}, "status"),
        ({"status": "snoozed"}, "snoozed_until"),
        ({"snoozed_until": "2030-01-01T00:00:00Z"}, "snoozed_until"),
        ({"assignee": 4711}, "assignee"),
        ({"assignee": "Bob"}, "assignee"),
        ({"labels": "billing"}, "labels"),
        ({"labels": [""]}, "labels.0"),
        ({"labels": ["x" * 101]}, "labels.0"),
        ({"labels": ["a\x00b"]}, "labels.0"),
        ({"labels": [str(n) for n in range(21)]}, "labels"),
        ({"unread": 0}, "unread"),
    ],
)
def test_a_change_that_can_not_be_names_its_field(
    ana: str, bob_calls: Caller, changes: dict[str, Any], field: str
) -> None:
    assert fields_of(bob_calls.patch(f"conversations/{ana}/", changes)) == {field}


def test_a_change_that_fails_halfway_leaves_nothing(ana: str, bob: Membership, bob_calls: Caller) -> None:
    assert fields_of(bob_calls.patch(f"conversations/{ana}/", {"assignee": bob.user_id, "status": "snoozed"}))
    assert bob_calls.get(f"conversations/{ana}/").json()["assignee"] is None


def test_messages_come_oldest_first_and_in_pages(ana: str, bob_calls: Caller) -> None:
    newest = bob_calls.get(f"conversations/{ana}/messages/", limit=2).json()
    assert [message["text"] for message in newest["results"]] == ["¿hay alguien?", "gracias"]
    assert set(newest["results"][0]) == MESSAGE
    older = bob_calls.get(f"conversations/{ana}/messages/", before=newest["next"]).json()
    assert ([message["text"] for message in older["results"]], older["next"]) == (["hola"], None)
    newer = bob_calls.get(f"conversations/{ana}/messages/", after=older["results"][0]["id"], limit=1).json()
    assert [message["text"] for message in newer["results"]] == ["¿hay alguien?"]
    rest = bob_calls.get(f"conversations/{ana}/messages/", after=newer["next"]).json()
    assert ([message["text"] for message in rest["results"]], rest["next"]) == (["gracias"], None)


def test_a_reply_is_written_once_however_often_it_is_posted(ana: str, bob: Membership, bob_calls: Caller) -> None:
    path, reply = f"conversations/{ana}/messages/", {"client_id": "a1", "text": "¡Hola, Ana!"}
    first, second = bob_calls.post(path, reply), bob_calls.post(path, reply)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert first.json()["author"] == {"kind": "agent", "id": bob.user_id, "name": "Bob"}
    assert first.json()["status"] == "queued"
    assert problem_of(bob_calls.post(path, reply | {"text": "Adiós"})) == (409, "client_id_reused")
    with scope(bob.account):
        assert OutboxMessage.objects.count() == 1


def test_a_bot_writes_in_its_own_name(acme: Account, ana: str, bob: Membership, bob_calls: Caller) -> None:
    leave_to_bot(acme)
    answer = bot_caller(acme).post(f"conversations/{ana}/messages/", {"client_id": "a1", "text": "Hola"})
    assert answer.json()["author"] == {"kind": "bot", "id": None, "name": "Helper"}
    [row] = bob_calls.get("conversations/").json()["results"]
    assert (row["last_message"]["author"], row["last_message"]["text"]) == (answer.json()["author"], "Hola")
    page = sign_in(bob).get(f"/inbox/c/{ana}/").content.decode()
    assert '<span class="tag">Bot</span>' in page
    assert "Helper" in page


@pytest.mark.parametrize(("speaks", "turn"), [(bot_caller, "bot"), (None, "human")])
def test_an_answer_of_a_person_takes_the_turn(
    acme: Account, ana: str, bob_calls: Caller, speaks: Any, turn: str
) -> None:
    leave_to_bot(acme)
    calls = speaks(acme) if speaks else bob_calls
    calls.post(f"conversations/{ana}/messages/", {"client_id": "a1", "text": "Hola"})
    assert calls.get(f"conversations/{ana}/").json()["turn"] == turn


def test_two_bots_may_name_their_messages_alike(acme: Account, ana: str) -> None:
    leave_to_bot(acme)
    for name in ("Helper", "Seller"):
        calls = Caller(create_token(acme, bot=name))
        answer = calls.post(f"conversations/{ana}/messages/", {"client_id": "a1", "text": "Hola"})
        assert (answer.status_code, answer.json()["author"]["name"]) == (201, name)


def test_a_client_id_is_of_one_conversation(acme: Account, channel: ChannelInfo, ana: str, bob_calls: Caller) -> None:
    other = write_in(acme, channel, "hola", value="ES.45", name="Luz")
    reply = {"client_id": "a1", "text": "¡Hola!"}
    assert bob_calls.post(f"conversations/{ana}/messages/", reply).status_code == 201
    assert problem_of(bob_calls.post(f"conversations/{other}/messages/", reply)) == (409, "client_id_reused")


def test_a_client_id_whose_message_can_not_be_seen_any_more_is_used(acme: Account, ana: str, bob_calls: Caller) -> None:
    path, reply = f"conversations/{ana}/messages/", {"client_id": "a1", "text": "¡Hola!"}
    with scope(acme) as now:
        old = make_message_id(now - timedelta(days=31), sequence=0, arrival=1)
    id = bob_calls.post(path, reply).json()["id"]
    with scope(acme):
        MessageKey.objects.filter(message_id=id).update(message_id=old)
    assert problem_of(bob_calls.post(path, reply)) == (409, "client_id_reused")


def test_a_bot_may_not_do_what_a_person_decides(acme: Account, ana: str) -> None:
    calls = bot_caller(acme)
    newest = calls.get(f"conversations/{ana}/").json()["last_message"]["id"]
    assert problem_of(calls.post(f"conversations/{ana}/read/", {"up_to": newest})) == (403, "forbidden")
    assert calls.patch(f"conversations/{ana}/", {"status": "resolved"}).json()["status"] == "resolved"


def test_a_private_note_goes_nowhere(acme: Account, ana: str, bob_calls: Caller) -> None:
    note = {"client_id": "a1", "text": "Sounds angry", "private": True}
    assert bob_calls.post(f"conversations/{ana}/messages/", note).json()["private"] is True
    with scope(acme):
        assert not OutboxMessage.objects.exists()


def test_a_closed_window_says_so(acme: Account, ana: str, bob_calls: Caller) -> None:
    with scope(acme) as now:
        Thread.objects.update(last_inbound_at=now - timedelta(days=2))
    answer = bob_calls.post(f"conversations/{ana}/messages/", {"client_id": "a1", "text": "Hola"})
    assert problem_of(answer) == (422, "window_closed")


@pytest.mark.parametrize(
    ("content", "field"),
    [
        ({"text": "Hola"}, "client_id"),
        ({"client_id": "a1"}, "text"),
        ({"client_id": "a1", "text": "a\x00b"}, "text"),
        ({"client_id": "a1", "text": "\ud800"}, "text"),
        ({"client_id": "a1", "text": "x" * 20_001}, "text"),
        ({"client_id": "a1", "text": ["Hola"]}, "text"),
        ({"client_id": "a1", "text": "Hola", "thread": "main"}, "thread"),
        ({"client_id": "a1", "text": "Hola", "attachments": ["one"]}, "attachments.0"),
        ({"client_id": "a1", "text": "Hola", "atachments": []}, "atachments"),
        (["Hola"], ""),
    ],
)
def test_a_message_that_can_not_be_names_its_field(ana: str, bob_calls: Caller, content: Any, field: str) -> None:
    assert fields_of(bob_calls.post(f"conversations/{ana}/messages/", json.dumps(content))) == {field}


@pytest.mark.parametrize(
    "body", ["", "{", "[" * 100_000, '{"client_id": NaN}', '{"client_id": ' + "9" * 5000 + "}", "\xff"]
)
def test_a_body_that_can_not_be_read_is_told(ana: str, bob_calls: Caller, body: str) -> None:
    assert problem_of(bob_calls.post(f"conversations/{ana}/messages/", body)) == (400, "validation")


def test_what_is_too_much_is_refused_before_it_is_read(ana: str, bob_calls: Caller) -> None:
    assert problem_of(bob_calls.post(f"conversations/{ana}/messages/", " " * 1_000_001)) == (413, "too_large")


def test_reading_counts_for_whose_conversation_it_is(ana: str, alice: Membership, bob: Membership) -> None:
    alice_calls, bob_calls = agent_caller(alice), agent_caller(bob)
    newest = bob_calls.get(f"conversations/{ana}/").json()["last_message"]["id"]
    bob_calls.patch(f"conversations/{ana}/", {"assignee": bob.user_id})
    assert alice_calls.post(f"conversations/{ana}/read/", {"up_to": newest}).json()["unread"] == 3
    assert bob_calls.post(f"conversations/{ana}/read/", {"up_to": newest}).json()["unread"] == 0


def test_a_look_of_a_supervisor_reads_only_what_is_theirs(ana: str, alice: Membership, bob: Membership) -> None:
    alice_calls, bob_calls = agent_caller(alice), agent_caller(bob)
    newest = bob_calls.get(f"conversations/{ana}/").json()["last_message"]["id"]
    assert alice_calls.post(f"conversations/{ana}/read/", {"up_to": newest}).json()["unread"] == 3
    alice_calls.patch(f"conversations/{ana}/", {"assignee": alice.user_id})
    assert alice_calls.post(f"conversations/{ana}/read/", {"up_to": newest}).json()["unread"] == 0


def test_an_agent_reads_what_is_nobodys(ana: str, bob_calls: Caller) -> None:
    newest = bob_calls.get(f"conversations/{ana}/").json()["last_message"]["id"]
    assert bob_calls.post(f"conversations/{ana}/read/", {"up_to": newest}).json()["unread"] == 0


def test_what_is_still_to_come_cannot_be_read(ana: str, acme: Account, channel: ChannelInfo, bob_calls: Caller) -> None:
    last = str(UUID(int=(1 << 128) - 1))
    assert bob_calls.post(f"conversations/{ana}/read/", {"up_to": last}).json()["unread"] == 0
    write_in(acme, channel, "Are you still there?")
    assert bob_calls.get(f"conversations/{ana}/").json()["unread"] == 1


def test_a_message_comes_with_its_context_when_asked(ana: str, bob_calls: Caller) -> None:
    id = bob_calls.get(f"conversations/{ana}/").json()["last_message"]["id"]
    assert set(bob_calls.get(f"messages/{id}/").json()) == MESSAGE
    context = bob_calls.get(f"messages/{id}/", expand="context").json()["context"]
    assert set(context) == {"user", "account"}
    assert context["user"]["name"] == "Ana Prieto"


def test_a_page_comes_with_contexts_in_as_many_queries_for_thirty_as_for_three(
    acme: Account, channel: ChannelInfo, ana: str, bob_calls: Caller
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            page = bob_calls.get(f"conversations/{ana}/messages/", expand="context").json()
        assert all(message["context"]["user"]["name"] == "Ana Prieto" for message in page["results"])
        return len(queries)

    few = count()
    write_in(acme, channel, *(f"line {n}" for n in range(27)))
    assert count() == few <= 20


def test_events_are_read_from_a_position(ana: str, acme: Account, channel: ChannelInfo, bob_calls: Caller) -> None:
    start = bob_calls.get("events/").json()
    assert (start["results"], start["reset"]) == ([], False)
    write_in(acme, channel, "una cosa más")
    answer = bob_calls.get("events/", after=start["to"]).json()
    assert [event["seq"] for event in answer["results"]] == list(range(start["to"] + 1, answer["to"] + 1))
    created = next(event for event in answer["results"] if event["type"] == "message.created")
    assert set(created) == {"seq", "type", "at", "conversation", "message", "data"}
    assert created["data"]["text"] == "una cosa más"
    assert bob_calls.get("events/", after=answer["to"]).json()["results"] == []


def test_events_of_thirty_contacts_take_as_many_queries_as_of_three(
    acme: Account, channel: ChannelInfo, bob_calls: Caller
) -> None:
    def count(first: int, end: int) -> int:
        start = bob_calls.get("events/").json()["to"]
        batch = [message("hola", sender=user(f"ES.{n}", name=f"User {n}")) for n in range(first, end)]
        take_in(acme, channel, *batch)
        with CaptureQueriesContext(connection) as queries:
            answer = bob_calls.get("events/", after=start).json()
        told = [event["data"]["name"] for event in answer["results"] if event["type"] == "contact.updated"]
        assert sorted(told) == sorted(f"User {n}" for n in range(first, end))
        return len(queries)

    assert count(0, 3) == count(3, 33)


def test_events_that_are_not_kept_any_more_are_a_reset(ana: str, acme: Account, bob_calls: Caller) -> None:
    with scope(acme):
        LiveEvent.objects.filter(account=acme, seq=1).delete()
    answer = bob_calls.get("events/", after=0).json()
    assert (answer["results"], answer["reset"]) == ([], True)


def test_channels_are_listed_without_their_secrets(channel: ChannelInfo, bob_calls: Caller) -> None:
    answer = bob_calls.get("channels/").json()
    assert answer == {
        "results": [{"id": str(channel.id), "kind": "whatsapp", "name": "WhatsApp", "state": "connected"}],
        "next": None,
    }


def every_address(conversation: str, message: str) -> list[tuple[str, str, Any]]:
    return [
        ("get", f"conversations/{conversation}/", None),
        ("patch", f"conversations/{conversation}/", {"status": "resolved"}),
        ("get", f"conversations/{conversation}/messages/", None),
        ("post", f"conversations/{conversation}/messages/", {"client_id": "1", "text": "Hola"}),
        ("post", f"conversations/{conversation}/read/", {"up_to": message}),
        ("get", f"contacts/{conversation}/", None),
        ("patch", f"contacts/{conversation}/", {"version": 1, "name": "Ana"}),
        ("get", f"contacts/{conversation}/identities/", None),
        ("get", f"contacts/{conversation}/explain/", None),
        ("post", f"contacts/{conversation}/split/", {"evidence": 1}),
        ("post", f"contacts/{conversation}/split/", {"identity": conversation}),
        ("post", f"contacts/{conversation}/merge/", {"with": conversation}),
        ("post", f"contacts/{conversation}/keep_apart/", {"with": conversation}),
        ("get", f"contacts/{conversation}/notes/", None),
        ("post", f"contacts/{conversation}/notes/", {"text": "seen"}),
        ("get", f"contacts/{conversation}/history/", None),
        ("post", f"contacts/{conversation}/history/{conversation}/revert/", {"field": "name"}),
        ("get", f"messages/{message}/", None),
        ("patch", f"messages/{message}/", {"labels": ["seen"]}),
    ]


def test_what_belongs_to_another_account_is_not_there(acme: Account, ana: str, charlie: Membership) -> None:
    with scope(acme):
        id = Message.objects.latest("id").id
    calls = agent_caller(charlie)
    for method, path, content in every_address(ana, str(id)):
        answer = calls.get(path) if method == "get" else getattr(calls, method)(path, content)
        assert problem_of(answer) == (404, "not_found"), (method, path)
    assert calls.get("conversations/").json()["results"] == []
    assert calls.get("channels/").json()["results"] == []
    assert calls.get("events/", after=0).json() == {"results": [], "to": 0, "reset": False}


@pytest.mark.parametrize("path", ["nothing/", "conversations/1/", "conversations", "", "conversations/%00/"])
def test_an_address_that_does_not_exist_is_told_like_everything_else(bob_calls: Caller, path: str) -> None:
    assert problem_of(bob_calls.get(path)) == (404, "not_found")


def test_a_method_that_does_not_exist_is_told_too(bob_calls: Caller) -> None:
    assert problem_of(bob_calls.post("channels/", {})) == (405, "method_not_allowed")


def test_a_form_is_no_json(ana: str, bob_calls: Caller) -> None:
    answer = bob_calls.client.post(f"{API}conversations/{ana}/messages/", {"client_id": "1", "text": "Hola"})
    assert problem_of(answer) == (415, "unsupported_media_type")


def test_the_schema_names_every_document_and_address(bob_calls: Caller) -> None:
    with patched_settings(DESCRIPTION):
        schema = bob_calls.get("schema/", format="json").json()
    assert len(schema["paths"]) == 31
    assert {"Conversation", "Message", "Contact", "Problem"} <= set(schema["components"]["schemas"])
    message = schema["paths"]["/api/v1/messages/{message_id}/"]["get"]["responses"]["200"]
    assert message["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Message"}


def test_the_documentation_page_holds_no_code_of_its_own() -> None:
    page = Client().get(API + "docs/").content.decode()
    assert "<style" not in page
    assert page.count("<script") == page.count("<script src=") == 3
