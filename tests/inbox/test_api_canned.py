"""Canned replies over the API: who may use which, and personal ones kept."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inbox.models import CannedReply
from inbox.services.canned import save_canned
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.inbox.api import Caller, agent_caller, bot_caller, fields_of, problem_of

pytestmark = pytest.mark.django_db

GIVEN = {"shortcut": "/Bye", "title": "Goodbye", "text": "Bye, {{ contact.first_name }}"}


def keep(member: Membership, shortcut: str, *, text: str = "Hello", shared: bool = False) -> str:
    owner = None if shared else member.user
    with scope(member.account):
        reply = save_canned(
            member.account, owner=owner, shortcut=shortcut, title=shortcut.title(), text=text, actor=member.user
        )
    return str(reply.id)


def listed(calls: Caller, **query: str) -> list[str]:
    return [reply["shortcut"] for reply in calls.get("canned-replies/", **query).json()["results"]]


@pytest.fixture
def bob_calls(bob: Membership) -> Caller:
    return agent_caller(bob)


def test_everybody_has_the_account_s_and_their_own(
    acme: Account, alice: Membership, bob: Membership, charlie: Membership, bob_calls: Caller
) -> None:
    keep(alice, "shipping", shared=True)
    keep(alice, "hers")
    keep(bob, "his")
    keep(charlie, "theirs", shared=True)
    assert listed(bob_calls) == ["his", "shipping"]
    assert listed(agent_caller(alice)) == ["hers", "shipping"]
    assert listed(bot_caller(acme)) == ["shipping"]
    assert listed(agent_caller(charlie)) == ["theirs"]


def test_a_reply_is_told_as_it_was_written(alice: Membership, bob_calls: Caller) -> None:
    id = keep(alice, "shipping", text="Dear {{ contact.name }}", shared=True)
    assert bob_calls.get("canned-replies/").json() == {
        "results": [
            {
                "id": id,
                "shortcut": "shipping",
                "title": "Shipping",
                "text": "Dear {{ contact.name }}",
                "personal": False,
            }
        ],
        "next": None,
    }


def test_what_is_looked_for_begins_with_it_or_has_it_in_the_text(bob: Membership, bob_calls: Caller) -> None:
    keep(bob, "another", text="Your ship is late")
    keep(bob, "hello")
    keep(bob, "shipping")
    assert listed(bob_calls, q="ship") == ["shipping", "another"]
    assert fields_of(bob_calls.get("canned-replies/", search="ship")) == {"search"}


def test_a_personal_reply_is_kept_changed_and_removed(bob_calls: Caller) -> None:
    answer = bob_calls.post("canned-replies/", GIVEN)
    kept = answer.json()
    assert answer.status_code == 201
    assert kept == {**GIVEN, "id": kept["id"], "shortcut": "bye", "personal": True}
    changed = bob_calls.patch(f"canned-replies/{kept['id']}/", {"shortcut": "/Ciao"}).json()
    assert changed == {**kept, "shortcut": "ciao"}
    assert listed(bob_calls) == ["ciao"]
    assert bob_calls.delete(f"canned-replies/{kept['id']}/").status_code == 204
    assert listed(bob_calls) == []


def test_what_is_the_account_s_or_another_s_is_not_there_to_change(
    acme: Account, alice: Membership, bob_calls: Caller
) -> None:
    for id in (keep(alice, "shipping", shared=True), keep(alice, "hers")):
        assert problem_of(bob_calls.patch(f"canned-replies/{id}/", {"title": "Mine"})) == (404, "not_found")
        assert problem_of(bob_calls.delete(f"canned-replies/{id}/")) == (404, "not_found")
    with scope(acme):
        assert set(CannedReply.objects.values_list("title", flat=True)) == {"Shipping", "Hers"}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"shortcut": "two words"}, "shortcut"),
        ({"shortcut": "TAKEN"}, "shortcut"),
        ({"text": "{{ contact.nothing }}"}, "text"),
        ({"title": ""}, "title"),
        ({"owner": 1}, "owner"),
    ],
)
def test_what_can_not_be_names_its_field(
    bob: Membership, bob_calls: Caller, changes: dict[str, object], field: str
) -> None:
    keep(bob, "taken")
    assert fields_of(bob_calls.post("canned-replies/", GIVEN | changes)) == {field}


def test_a_bot_keeps_none(acme: Account) -> None:
    assert problem_of(bot_caller(acme).post("canned-replies/", GIVEN)) == (403, "forbidden")


def test_thirty_replies_take_as_many_queries_as_three(bob: Membership, bob_calls: Caller) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert bob_calls.get("canned-replies/").status_code == 200
        return len(queries)

    for n in range(3):
        keep(bob, f"reply{n}")
    few = count()
    for n in range(3, 30):
        keep(bob, f"reply{n}")
    assert count() == few <= 12
