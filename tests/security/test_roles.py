"""Every address in every role: the table of the documentation, that of the code and what is answered are the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from channels_ingest.sink import ChannelInfo
from inbox.models import ContactNote, Conversation, Message
from inbox.services.conversations import assign
from inbox.shapes import Agent
from oneview.accounts.models import Account, Membership, User
from oneview.accounts.permissions import AGENT, BOT, OPERATOR, ROLES, SUPERVISOR, TABLE, VISITOR, Operation, may
from oneview.accounts.services import create_token
from oneview.bootstrap import ROOT
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.factories import make_member
from tests.fixtures import sign_in
from tests.inbox.batches import make_channel, message, take_in

pytestmark = pytest.mark.django_db

# Addresses that ask for no role: what anybody may see, and what asks for itself in a way of its own.
OPEN = (
    r"^$", r"^health/", r"^metrics$", r"^static/", r"^accounts/", r"^i18n/", r"^sandbox/",
    r"^widget/",  # visitors: Operation.CHAT, by their own token
    r"^admin/",  # asked by the walk through the admin
    r"^api/v1/(schema|docs)/$", r"^api/v1/$",
)  # fmt: skip
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Address:
    """`operations`: by method, in small letters."""

    pattern: str
    operations: Mapping[str, Operation]

    @property
    def is_api(self) -> bool:
        return self.pattern.startswith("api/")

    def fill(self, ids: Mapping[str, UUID]) -> str:
        return "/" + re.sub(r"<\w+:(\w+)>", lambda match: str(ids.get(match[1], ids["conversation_id"])), self.pattern)


def list_patterns(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for each in resolver.url_patterns:
        path = prefix + str(each.pattern).removeprefix("^")
        if isinstance(each, URLResolver):
            yield from list_patterns(each, path)
        elif isinstance(each, URLPattern):
            yield path, each.callback


def list_addresses() -> list[Address]:
    found = []
    for pattern, callback in list_patterns(get_resolver()):
        if any(re.match(each, pattern) for each in OPEN):
            continue
        declared = getattr(callback, "operations", None) or getattr(getattr(callback, "cls", None), "operations", {})
        found.append(Address(pattern, {method.lower(): operation for method, operation in declared.items()}))
    return found


ADDRESSES = list_addresses()
CASES = [(address, method) for address in ADDRESSES for method in address.operations]


def name(case: Any) -> str:
    return case.pattern if isinstance(case, Address) else str(case)


def test_the_documentation_shows_the_table() -> None:
    text = (ROOT / "docs/security.md").read_text()
    rows = re.findall(r"^\| ([^|]+?) \| (.+?) \|$", text, re.MULTILINE)
    shown = {title: [cell.strip() for cell in cells.split("|")] for title, cells in rows if title != "operation"}
    table = {str(each): [str(TABLE[each].get(role, "–")) for role in ROLES] for each in Operation}
    assert shown == table


def test_every_address_names_its_operations() -> None:
    assert [address.pattern for address in ADDRESSES if not address.operations] == []
    assert len(CASES) > 25


def test_every_method_that_an_address_answers_is_named() -> None:
    for pattern, callback in list_patterns(get_resolver()):
        if view := getattr(callback, "cls", None):
            answered = {method for method in METHODS if hasattr(view, method)}
            if not any(re.match(each, pattern) for each in OPEN):
                assert answered == set(view.operations), pattern


def test_every_operation_stands_somewhere() -> None:
    """One that no address, page of the admin or socket asks for is a promise of nothing."""
    asked = {operation for address in ADDRESSES for operation in address.operations.values()}
    sources = "\n".join(
        path.read_text()
        for folder in ("inbox", "oneview", "channels_ingest", "identity")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "permissions.py"
    )
    unasked = {each for each in Operation if each not in asked and f"Operation.{each.name}" not in sources}
    assert unasked - {Operation.CHAT} == set()


@pytest.fixture
def conversation(acme: Account, alice: Membership, bob: Membership) -> dict[str, UUID]:
    """What the addresses are filled with: a conversation that is Bob's."""
    with scope(acme):
        channel: ChannelInfo = make_channel(acme)
    take_in(acme, channel, message("hello"))
    with scope(acme) as now:
        found = Conversation.objects.get()
        assign(acme, found.id, actor=Agent(alice.user_id, "Alice"), assignee=bob.user_id, now=now)
        written = Message.objects.get(text="hello")
        note = ContactNote.objects.create(
            account=acme, identity_id=found.id, author=bob.user, author_name="Bob", text="likes tea", created_at=now
        )
    return {
        "conversation_id": found.id,
        "contact_id": found.id,
        "message_id": written.id,
        "note_id": note.id,
        "endpoint_id": new_id(),
        "file_id": new_id(),
    }


Ask = Callable[[str, str], int]


def ask_as(client: Client) -> Ask:
    def ask(method: str, url: str) -> int:
        with transaction.atomic():  # what a refusal rolls back is this, not the whole test
            return client.generic(method.upper(), url, b"{}", content_type="application/json").status_code

    return ask


@pytest.fixture
def askers(
    acme: Account, alice: Membership, bob: Membership, dora: Membership, operator: User
) -> dict[tuple[str, bool], dict[bool, Ask]]:
    """By role and whether the conversation is theirs; for the API and for pages."""

    def caller(token: str) -> Ask:
        return ask_as(Client(headers={"Authorization": f"Bearer {token}"}))

    def member(membership: Membership) -> dict[bool, Ask]:
        return {True: caller(create_token(acme, user=membership.user)), False: ask_as(sign_in(membership))}

    return {
        (AGENT, True): member(bob),
        (AGENT, False): member(dora),
        (SUPERVISOR, False): member(alice),
        (OPERATOR, False): dict.fromkeys((True, False), ask_as(sign_in(operator))),
        (BOT, False): dict.fromkeys((True, False), caller(create_token(acme, bot="Helper"))),
        (VISITOR, False): dict.fromkeys((True, False), caller("a.visitor.token")),
    }


@pytest.fixture
def dora(acme: Account) -> Membership:
    """An agent to whom nothing is assigned."""
    return make_member(acme, "Dora")


@pytest.mark.parametrize(("address", "method"), CASES, ids=name)
def test_every_role_gets_what_the_table_says(
    address: Address,
    method: str,
    conversation: dict[str, UUID],
    askers: dict[tuple[str, bool], dict[bool, Ask]],
) -> None:
    operation = address.operations[method]
    url = address.fill(conversation)
    refused_first = sorted(askers.items(), key=lambda each: may(each[0][0], operation, own=each[0][1]))
    for (role, own), ask in refused_first:
        status = ask[address.is_api](method, url)
        is_refused = status in (302, 401, 403) if role in (OPERATOR, VISITOR, BOT) else status == 403
        allowed = may(role, operation, own=own)
        if not address.is_api and role == BOT:
            allowed = False  # pages are for people: a token opens none
        if not address.is_api and role == OPERATOR:
            allowed = allowed and status != 302
        assert is_refused is not allowed, (role, own, operation, status)


@pytest.mark.parametrize(("address", "method"), CASES, ids=name)
def test_nobody_is_told_anything(address: Address, method: str, conversation: dict[str, UUID]) -> None:
    status = Client().generic(method.upper(), address.fill(conversation)).status_code
    assert status == 401 if address.is_api or method != "get" else status == 302
