"""Every address of the inbox and the API that names something of a conversation, asked by an agent who does not see it:
the answer is that to an id which never existed, and no word of the conversation is in any answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from channels_ingest.services import claim_uploads, store_upload
from channels_ingest.sink import ChannelInfo
from inbox import urls as pages
from inbox.api import urls as api
from inbox.models import Message, Thread
from inbox.services.notes import add_note
from inbox.shapes import Agent
from oneview.accounts.models import Account, Membership
from oneview.accounts.permissions import AGENT, Operation, may
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.api import connect, write_in
from tests.inbox.batches import make_channel
from tests.inbox.mapping import give, make_team, map_channels
from tests.security.worlds import dump

CANARY = "canary"
NAMED = ("conversation_id", "contact_id", "message_id", "file_id")
OTHER = str(new_id())  # for what hangs on these

# What each address takes, so that it comes as far as looking for what it names. Without: an empty body.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("inbox", "c/<uuid:conversation_id>/messages/"): {"client_id": "c", "text": "hello"},
    ("inbox", "c/<uuid:conversation_id>/assign/"): {"assignee": ""},
    ("inbox", "c/<uuid:conversation_id>/status/"): {"status": "resolved"},
    ("inbox", "c/<uuid:conversation_id>/read/"): {"up_to": str(new_id())},
    ("inbox", "c/<uuid:conversation_id>/unread/"): {"since": str(new_id())},
    ("inbox", "c/<uuid:conversation_id>/undo/"): {"evidence": 1},
    ("inbox", "c/<uuid:conversation_id>/panel/field/"): {"name": "name", "value": "x"},
    ("inbox", "c/<uuid:conversation_id>/tags/"): {"add": "VIP"},
    ("inbox", "c/<uuid:conversation_id>/labels/"): {"add": "billing"},
    ("inbox", "c/<uuid:conversation_id>/notes/"): {"text": "x"},
    ("inbox", "c/<uuid:conversation_id>/revert/"): {"entry": str(new_id()), "field": "name"},
    ("inbox", "c/<uuid:conversation_id>/join/"): {"contact": str(new_id())},
    ("inbox", "c/<uuid:conversation_id>/apart/"): {"contact": str(new_id())},
    ("api", "conversations/<uuid:conversation_id>/"): {"status": "resolved"},
    ("api", "conversations/<uuid:conversation_id>/messages/"): {"client_id": "c", "text": "hello"},
    ("api", "conversations/<uuid:conversation_id>/read/"): {"up_to": str(new_id())},
    ("api", "contacts/<uuid:contact_id>/"): {"name": "x", "version": 1},
    ("api", "contacts/<uuid:contact_id>/merge/"): {"with": str(new_id())},
    ("api", "contacts/<uuid:contact_id>/split/"): {"evidence": 1},
    ("api", "contacts/<uuid:contact_id>/keep_apart/"): {"with": str(new_id())},
    ("api", "contacts/<uuid:contact_id>/notes/"): {"text": "x"},
    ("api", "contacts/<uuid:contact_id>/history/<uuid:entry_id>/revert/"): {"field": "name"},
    ("api", "messages/<uuid:message_id>/"): {"labels": ["x"]},
}


@dataclass(frozen=True, slots=True)
class Route:
    """An address that names a thing. `name`: what the first id in it is of. `is_agents`: agents may ask it at all."""

    part: str
    path: str
    method: str
    name: str
    is_agents: bool

    def ask(self, browser: Client, ids: Mapping[str, str]) -> HttpResponse:
        prefix = "/inbox/" if self.part == "inbox" else "/api/v1/"
        address = prefix + re.sub(r"<\w+:(\w+)>", lambda found: ids.get(found[1], OTHER), self.path)
        body = {} if self.method == "get" else BODIES.get((self.part, self.path), {})
        kind = {} if self.part == "inbox" or self.method == "get" else {"content_type": "application/json"}
        answer: HttpResponse = getattr(browser, self.method)(address, body, headers={"X-Fragment": "x"}, **kind)
        return answer


def list_routes() -> Iterator[Route]:
    for part, patterns in (("inbox", pages.urlpatterns), ("api", api.urlpatterns)):
        for pattern in patterns:
            names = [name for name in pattern.pattern.converters if name in NAMED]
            view = getattr(pattern.callback, "view_class", pattern.callback)
            operations: Mapping[str, Operation] = getattr(view, "operations", {}) if names else {}
            for method, operation in operations.items():
                is_agents = may(AGENT, operation)
                yield Route(part, str(pattern.pattern), method.lower(), names[0], is_agents)


ROUTES = list(list_routes())
BOTH = sorted({route.path for route in ROUTES if route.name == "conversation_id" and "message_id" in route.path})


def test_the_routes_are_found() -> None:
    assert {route.name for route in ROUTES} == set(NAMED)
    assert {(route.part, route.path) for route in ROUTES} >= set(BODIES)


@pytest.fixture
def own(acme: Account) -> ChannelInfo:
    """Bob's channel."""
    with scope(acme):
        return make_channel(acme, external_id="900300")


@pytest.fixture(params=["another channel", "another team"])
def ids(
    request: pytest.FixtureRequest, settings: Any, tmp_path: Path, own: ChannelInfo, alice: Membership, bob: Membership
) -> dict[str, str]:
    """Of a conversation that Bob does not see: its contact, a message, a file and a note of his."""
    settings.MEDIA_ROOT = tmp_path
    account = alice.account
    conversation = write_in(account, connect(account), f"{CANARY} text", name=f"{CANARY} name")
    with scope(account) as now:
        message = Message.objects.get()
        file = store_upload(account.pk, name=f"{CANARY}.txt", content_type="text/plain", content=CANARY.encode())
        thread = Thread.objects.get(id=message.thread_id)
        note = add_note(account, thread.conversation_id, actor=Agent(bob.user_id, "Bob"), text=CANARY, now=now)
        claim_uploads(account.pk, [file.id], message_id=message.id, channel_id=thread.channel_id)
    if request.param == "another channel":
        map_channels(bob, own)
    else:
        give(account, conversation, team=make_team(account, "Night owls", alice))
    return {
        "conversation_id": conversation,
        "contact_id": conversation,
        "message_id": str(message.id),
        "file_id": str(file.id),
        "note_id": str(note.id),
    }


def told(answer: HttpResponse, id: object) -> tuple[int, str]:
    """Without what differs from one answer to the next."""
    text = answer.content.decode().replace(str(id), "ID")
    return answer.status_code, re.sub(r'"request_id": "[^"]*"', "", text)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.part} {route.method} {route.path}")
def test_what_is_out_of_reach_answers_as_what_never_existed(bob: Membership, ids: dict[str, str], route: Route) -> None:
    before = dump(bob.account)
    hidden, never = ids[route.name], f"{ids[route.name][:-6]}beef00"
    agent = sign_in(bob)
    answer = route.ask(agent, ids)
    assert CANARY not in answer.content.decode()
    assert answer.status_code == (404 if route.is_agents else 403)
    assert told(answer, hidden) == told(route.ask(agent, ids | {route.name: never}), never)
    assert dump(bob.account) == before


@pytest.mark.parametrize("route", [each for each in ROUTES if each.method == "get"], ids=lambda route: route.path)
def test_a_supervisor_is_answered(alice: Membership, ids: dict[str, str], route: Route) -> None:
    """The test above would pass for addresses that answer nobody."""
    assert route.ask(sign_in(alice), ids).status_code == 200


@pytest.mark.parametrize("path", BOTH)
def test_a_conversation_that_is_seen_opens_no_message_of_another(
    bob: Membership, ids: dict[str, str], own: ChannelInfo, path: str
) -> None:
    seen = write_in(bob.account, own, "hello", value="ES.9", name="Rosa Diez")
    for route in (each for each in ROUTES if each.path == path):
        answer = route.ask(sign_in(bob), ids | {"conversation_id": seen})
        assert CANARY not in answer.content.decode()
        assert answer.status_code in (403, 404)


def test_lists_and_counts_hold_no_word_of_it(bob: Membership, ids: dict[str, str]) -> None:
    agent = sign_in(bob)
    for query in ({"status": "all", "box": "all"}, {"box": "unassigned"}, {"box": "all", "q": CANARY}):
        for address in ("/inbox/", "/inbox/list/"):
            page = agent.get(address, query).content.decode()
            assert f"{CANARY} " not in page
            assert ids["conversation_id"] not in page
    assert set(agent.get("/inbox/counts/").json().values()) == {0}
    for query in ({}, {"q": CANARY}, {"assignee": "none"}):
        assert agent.get("/api/v1/conversations/", query).json()["results"] == []
    assert agent.get("/api/v1/events/", {"after": 0}).json()["results"] == []


def test_who_has_the_same_number_is_named_to_those_who_see_them(
    alice: Membership, bob: Membership, own: ChannelInfo, ids: dict[str, str]
) -> None:
    bobs = write_in(bob.account, own, "hi", value="ES.77", name="Bea")
    for conversation in (bobs, ids["conversation_id"]):
        edit = {"name": "phone", "value": "+34 600 999 999"}
        assert sign_in(alice).post(f"/inbox/c/{conversation}/panel/field/", edit).status_code == 200
    hers, his = (sign_in(who).get(f"/inbox/c/{bobs}/panel/").content.decode() for who in (alice, bob))
    assert CANARY in hers
    assert CANARY not in his
