"""Labels and fields over the API: whose they are, what they may be, and what is told of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_ingest.sink import ChannelInfo
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.inbox.api import Caller, agent_caller, bot_caller, connect, fields_of, write_in
from tests.inbox.batches import make_channel

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    return connect(acme)


@pytest.fixture
def ana(acme: Account, channel: ChannelInfo) -> str:
    return write_in(acme, channel, "hola")


@pytest.fixture
def bob_calls(bob: Membership) -> Caller:
    return agent_caller(bob)


@pytest.fixture
def message(ana: str, bob: Membership, bob_calls: Caller) -> str:
    """The path of Ana's message, in a conversation of Bob's."""
    bob_calls.patch(f"conversations/{ana}/", {"assignee": bob.user_id})
    return f"messages/{bob_calls.get(f'conversations/{ana}/').json()['last_message']['id']}/"


def test_labels_of_a_conversation_are_replaced_and_found(ana: str, bob_calls: Caller) -> None:
    answer = bob_calls.patch(f"conversations/{ana}/", {"labels": ["billing", " very  urgent ", "billing"]})
    assert answer.json()["labels"] == ["billing", "very urgent"]
    assert bob_calls.get("conversations/", label="billing").json()["results"]
    assert bob_calls.patch(f"conversations/{ana}/", {"labels": []}).json()["labels"] == []
    assert not bob_calls.get("conversations/", label="billing").json()["results"]


def test_a_label_holds_for_every_channel_of_the_contact(ana: str, acme: Account, bob_calls: Caller) -> None:
    bob_calls.patch(f"conversations/{ana}/", {"labels": ["billing"]})
    with scope(acme):
        another = make_channel(acme, external_id="another")
    write_in(acme, another, "hola otra vez")
    told = bob_calls.get(f"conversations/{ana}/").json()
    assert (told["labels"], len(told["channels"])) == (["billing"], 2)


def test_a_bot_labels_what_it_has_read(ana: str, acme: Account, message: str) -> None:
    calls = bot_caller(acme)
    assert calls.patch(f"conversations/{ana}/", {"labels": ["order"]}).json()["labels"] == ["order"]
    assert calls.patch(message, {"labels": ["question"]}).json()["labels"] == ["question"]


def test_fields_are_set_one_by_one_and_taken_away_with_null(message: str, bob_calls: Caller) -> None:
    first = bob_calls.patch(message, {"fields": {"order": "A-17", "amount": 12.5, "paid": True}})
    assert first.json()["fields"] == {"order": "A-17", "amount": 12.5, "paid": True}
    second = bob_calls.patch(message, {"labels": ["invoice"], "fields": {"amount": None, "order": "A-18"}})
    assert (second.json()["labels"], second.json()["fields"]) == (["invoice"], {"order": "A-18", "paid": True})
    assert bob_calls.get(message).json() == second.json()


def test_a_labelled_message_is_told_to_who_listens(message: str, bob_calls: Caller) -> None:
    start = bob_calls.get("events/").json()["to"]
    bob_calls.patch(message, {"labels": ["invoice"]})
    [event] = bob_calls.get("events/", after=start).json()["results"]
    assert (event["type"], event["data"]["labels"]) == ("message.updated", ["invoice"])


def test_changing_nothing_tells_nobody(message: str, bob_calls: Caller) -> None:
    start = bob_calls.get("events/").json()["to"]
    assert bob_calls.patch(message, {}).status_code == 200
    assert bob_calls.get("events/", after=start).json()["results"] == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"labels": None}, "labels"),
        ({"labels": [1, {}]}, "labels.1"),
        ({"fields": []}, "fields"),
        ({"fields": {"a": []}}, "fields.a"),
        ({"fields": {"a": "x" * 1001}}, "fields.a"),
        ({"fields": {"a": "a\x00b"}}, "fields.a"),
        ({"fields": {"a\x00b": 1}}, "fields"),
        ({"fields": {"": 1}}, "fields"),
        ({"fields": {"x" * 61: 1}}, "fields"),
        ({"fields": {str(n): n for n in range(51)}}, "fields"),
        ({"text": "Other words"}, "text"),
    ],
)
def test_what_can_not_be_kept_is_named(message: str, bob_calls: Caller, changes: Any, field: str) -> None:
    assert fields_of(bob_calls.patch(message, json.dumps(changes))) == {field}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9007199254740993", "1e400"])
def test_a_number_that_not_every_reader_keeps_is_refused(message: str, bob_calls: Caller, number: str) -> None:
    assert fields_of(bob_calls.patch(message, f'{{"fields": {{"a": {number}}}}}')) == {"fields.a"}


def test_labelling_with_its_permission_and_record_takes_few_statements(message: str, bob_calls: Caller) -> None:
    with CaptureQueriesContext(connection) as queries:
        bob_calls.patch(message, {"labels": ["invoice"]})
    assert len(queries) <= 31
