"""The API under requests that nobody thought of, made from its own description, with the ids of two accounts in them.

Whatever is asked: no 5xx, only answers that are described, and nothing of the other account. `make fuzz` asks longer.
"""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from channels_ingest.services import claim_uploads, store_upload
from identity.models import Identity
from inbox.models import Endpoint, Message, Thread
from inbox.services.canned import save_canned
from inbox.services.details import edit_contact
from inbox.services.notes import add_note
from inbox.shapes import Agent
from oneview.accounts import middleware
from oneview.accounts.models import AuditEntry, Membership
from oneview.accounts.services import create_token
from oneview.common.scope import scope
from tests.inbox.api import connect, write_in

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.committed,  # each request is a transaction of its own
    pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume asynchronous iterators"),
]

CASES = int(os.environ.get("FUZZ_CASES", "1000"))
SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))

# They ask for a version, a link or a value that stands now, for a name that is free, or for one of two things.
SELDOM_RIGHT = {
    *("update_contact", "split_contact", "start_conversation", "replay_webhook"),
    *("revert_change", "update_canned_reply"),
}

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

# What stands in addresses, queries and bodies for something that is there, by its name.
PLACES = {
    "conversation_id": "contact",
    "contact_id": "contact",
    "message_id": "message",
    "file_id": "file",
    "endpoint_id": "endpoint",
    "note_id": "note",
    "entry_id": "entry",
    "reply_id": "canned",
    "thread": "thread",
    "reply_to": "message",
    "up_to": "message",
    "before": "message",
    "after": "message",
    "cursor": "message",
    "channel": "channel",
    "with": "contact",
    "contact": "contact",
    "identity": "identity",
    "assignee": "user",
}


@dataclass(frozen=True)
class World:
    """An account with something of everything. `things`: ids by kind; `word` stands in all its texts."""

    word: str
    tokens: tuple[str, ...]
    things: dict[str, list[str]]

    @property
    def secrets(self) -> set[str]:
        """What nobody else may be shown. Users are numbers, which stand in many answers for other things."""
        return {self.word}.union(*(ids for kind, ids in self.things.items() if kind != "user"))


def make_world(member: Membership, word: str, *, value: str) -> World:
    account = member.account
    channel = connect(account)
    write_in(account, channel, f"{word} one", f"{word} two", value=value, name=word)
    write_in(account, channel, f"{word} three", value=f"{value}0", name=word)
    with scope(account) as now:
        threads = list(Thread.objects.order_by("id"))
        file = store_upload(account.pk, name=f"{word}.txt", content_type="text/plain", content=word.encode())
        message = Message.objects.latest("id")
        claim_uploads(account.pk, [file.id], message_id=message.id, channel_id=channel.id)
        endpoint = Endpoint.objects.create(
            account=account,
            url=f"https://{word}.example.com/",
            events=["message.created"],
            secret=word,
            after=0,
            next_attempt_at=now,
            created_at=now,
        )
        actor = Agent(member.user_id, word)
        for thread in threads:
            edit_contact(account, thread.conversation_id, actor=actor, changes={"name": f"{word} edited"}, now=now)
        notes = [add_note(account, threads[0].conversation_id, actor=actor, text=f"{word} {n}", now=now) for n in "ab"]
        keep = partial(save_canned, account, title=word, text=word, actor=member.user)
        canned = [keep(owner=member.user, shortcut=f"{word}.{n}") for n in "abc"]
        keep(owner=None, shortcut=word)
        things: dict[str, list[Any]] = {
            "channel": [channel.id],
            "contact": [thread.conversation_id for thread in threads],
            "identity": list(Identity.objects.values_list("id", flat=True)),
            "thread": [thread.id for thread in threads],
            "message": list(Message.objects.values_list("id", flat=True)),
            "file": [file.id],
            "endpoint": [endpoint.id],
            "canned": [each.id for each in canned],
            "note": [note.id for note in notes],
            "entry": list(AuditEntry.objects.filter(action="contact.edit").values_list("id", flat=True)),
            "user": [member.user_id],
        }
    tokens = (create_token(account, user=member.user), create_token(account, bot=word))
    return World(word, tokens, {kind: [str(id) for id in ids] for kind, ids in things.items()})


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Thousands of requests and refusals are what is asked for here."""
    monkeypatch.setattr(middleware, "BEARER_RATE", "1000000/minute")
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def worlds(alice: Membership, charlie: Membership) -> tuple[World, World]:
    return make_world(alice, "narwhal", value="ES.44"), make_world(charlie, "quokka", value="ES.55")


@pytest.fixture
def description(worlds: tuple[World, World]) -> Any:
    config = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
    return schemathesis.openapi.from_wsgi("/api/v1/schema/?format=json", get_wsgi_application(), config=config)


@dataclass(frozen=True)
class Asked:
    """`planted`: ids of the other account that the request names."""

    case: Any
    other: World
    token: str
    planted: frozenset[str]


@st.composite
def requests(draw: st.DrawFn, operation: Any, worlds: tuple[World, World]) -> Asked:
    """Two of three are as described, and half of the ids in them are of things that are there."""
    mode = draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
    case: Any = draw(operation.as_strategy(generation_mode=mode))
    ours, other = draw(st.sampled_from([worlds, worlds[::-1]]))
    planted: set[str] = set()
    for part in (case.path_parameters, case.query, case.body):
        for name in sorted(set(part) & set(PLACES)) if isinstance(part, dict) else ():
            world = draw(st.sampled_from([ours, ours, ours, other, None, None]))
            if world:
                id = draw(st.sampled_from(world.things[PLACES[name]]))
                part[name] = int(id) if name == "assignee" and part is case.body else id
                planted |= {id} if world is other else set()
    if isinstance(case.body, dict):
        if "after" in case.body:
            case.body.pop("since", None)  # one of the two
        for name in sorted(set(case.body) & {"version", "evidence", "after"}):
            case.body[name] = draw(st.integers(0, 8))
        if "field" in case.body:
            case.body["field"] = draw(st.sampled_from(["name", "tags", case.body["field"]]))
        if "shortcut" in case.body:
            case.body |= {"shortcut": draw(st.sampled_from(["a", "b", case.body["shortcut"]]))}
        if "client_id" in case.body:
            case.body["client_id"] = draw(st.sampled_from(["a", "b", case.body["client_id"]]))
        if isinstance(case.body.get("attachments"), list):
            case.body["attachments"] = draw(st.sampled_from([[], ours.things["file"], other.things["file"]]))
    return Asked(case, other, draw(st.sampled_from(ours.tokens)), frozenset(planted))


def test_whatever_is_asked_the_answer_is_as_described_and_of_one_account(
    worlds: tuple[World, World], description: Any
) -> None:
    operations = [result.ok() for result in description.get_all_operations()]
    assert len(operations) > 20
    operations.sort(key=lambda operation: operation.method.upper() == "DELETE")  # what is gone has no more to ask of
    answers = {
        operation.definition.raw["operationId"]: ask_everything(operation, worlds, share=len(operations))
        for operation in operations
    }
    refused = {name for name, statuses in answers.items() if not any(status < 300 for status in statuses)}
    assert refused <= SELDOM_RIGHT
    assert {201, 204, 400, 403, 404} <= {status for statuses in answers.values() for status in statuses}


def ask_everything(operation: Any, worlds: tuple[World, World], *, share: int) -> Counter[int]:
    """Its part of all the cases, for its part of the time; the answers by status."""
    statuses: Counter[int] = Counter()
    deadline = time.monotonic() + SECONDS / share

    def ask(asked: Asked) -> None:
        if time.monotonic() > deadline:
            return
        response = asked.case.call(headers={"Authorization": f"Bearer {asked.token}"})
        statuses[response.status_code] += 1
        asked.case.validate_response(response, checks=CHECKS)
        text = response.content.decode(errors="replace")
        assert not {secret for secret in asked.other.secrets if secret in text}
        if asked.planted & set((asked.case.path_parameters or {}).values()):
            assert response.status_code in (400, 403, 404, 413, 415)

    settings(
        max_examples=max(1, CASES // share),
        deadline=None,
        database=None,
        derandomize="FUZZ_CASES" not in os.environ,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )(given(requests(operation, worlds))(ask))()
    return statuses
