"""What was changed of a contact, told over the API and put back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inbox.models import Conversation, Tag
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.inbox.api import Caller, agent_caller, bot_caller, connect, fields_of, problem_of, write_in
from tests.inbox.batches import message, take_in, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(acme: Account) -> str:
    with scope(acme):
        Tag.objects.bulk_create(Tag(account=acme, name=name) for name in ("VIP", "Wholesale"))
    return write_in(acme, connect(acme), "hola")


@pytest.fixture
def alice_calls(alice: Membership) -> Caller:
    return agent_caller(alice)


def edit(calls: Caller, contact: str, **changes: Any) -> None:
    version = calls.get(f"contacts/{contact}/").json()["version"]
    assert calls.patch(f"contacts/{contact}/", {"version": version} | changes).status_code == 200


def history(calls: Caller, contact: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = calls.get(f"contacts/{contact}/history/").json()["results"]
    return entries


def put_back(calls: Caller, contact: str, entry: dict[str, Any], field: str, **more: Any) -> Any:
    return calls.post(f"contacts/{contact}/history/{entry['id']}/revert/", {"field": field, **more})


def test_every_change_says_who_what_and_from_where(
    acme: Account, ana: str, alice: Membership, alice_calls: Caller
) -> None:
    edit(bot_caller(acme), ana, language="gl")
    edit(alice_calls, ana, phone="+34 600 999 999", tags=["VIP"])
    alice_calls.patch(f"conversations/{ana}/", {"labels": ["billing"]})
    alice_calls.post(f"contacts/{ana}/notes/", {"text": "Prefers mornings"})
    note, label, edited, bot = history(alice_calls, ana)
    assert set(note) == {"id", "at", "actor", "source", "action", "changes"}
    assert (note["action"], note["changes"]) == ("note.add", [])
    assert label["changes"] == [{"field": "labels", "old": [], "new": ["billing"], "undone": False}]
    assert edited["changes"] == [
        {"field": "tags", "old": [], "new": ["VIP"], "undone": False},
        {"field": "phone", "old": "", "new": "+34600999999", "undone": False},
    ]
    assert (edited["actor"], edited["source"]) == ({"id": alice.user_id, "name": "Alice"}, "api")
    assert (bot["action"], bot["actor"]) == ("contact.edit", {"id": None, "name": "Helper"})


def test_a_change_is_put_back_and_that_too(ana: str, alice_calls: Caller) -> None:
    edit(alice_calls, ana, language="gl")
    edit(alice_calls, ana, language="es")
    [newest, _older] = history(alice_calls, ana)
    assert put_back(alice_calls, ana, newest, "language").json()["language"] == "gl"
    [undoing, undone, _older] = history(alice_calls, ana)
    assert (undoing["action"], undone["changes"][0]["undone"]) == ("contact.revert", True)
    assert put_back(alice_calls, ana, undoing, "language").json()["language"] == "es"


def test_tags_and_labels_are_put_back_beside_what_came_later(ana: str, alice_calls: Caller) -> None:
    edit(alice_calls, ana, tags=["VIP"])
    edit(alice_calls, ana, tags=["VIP", "Wholesale"])
    alice_calls.patch(f"conversations/{ana}/", {"labels": ["billing"]})
    label, _later, tagged = history(alice_calls, ana)
    assert put_back(alice_calls, ana, tagged, "tags").json()["tags"] == ["Wholesale"]
    assert put_back(alice_calls, ana, label, "labels").status_code == 200
    assert alice_calls.get(f"conversations/{ana}/").json()["labels"] == []
    assert [change["undone"] for entry in history(alice_calls, ana)[2:] for change in entry["changes"]] == [
        *(True, False, True)
    ]


def test_who_knows_another_value_puts_nothing_back(ana: str, alice_calls: Caller) -> None:
    edit(alice_calls, ana, language="gl")
    edit(alice_calls, ana, language="es")
    [_newest, older] = history(alice_calls, ana)
    answer = put_back(alice_calls, ana, older, "language", current="gl")
    assert problem_of(answer) == (409, "conflict")
    assert (answer.json()["current"]["language"], answer.json()["yours"]) == ("es", {"language": ""})
    assert put_back(alice_calls, ana, older, "language", current="es").json()["language"] == ""


def test_an_agent_puts_back_only_what_is_theirs_and_reads_all(ana: str, bob: Membership, alice_calls: Caller) -> None:
    edit(alice_calls, ana, language="gl")
    calls = agent_caller(bob)
    [entry] = history(calls, ana)
    assert problem_of(put_back(calls, ana, entry, "language")) == (403, "forbidden")
    alice_calls.patch(f"conversations/{ana}/", {"assignee": bob.user_id})
    assert put_back(calls, ana, entry, "language").json()["language"] == ""


def test_a_bot_reads_the_history_and_puts_nothing_back(acme: Account, ana: str, alice_calls: Caller) -> None:
    """An agent's word would be taken back by it; what a bot says stands behind agents'."""
    edit(alice_calls, ana, language="gl")
    calls = bot_caller(acme)
    [entry] = history(calls, ana)
    assert problem_of(put_back(calls, ana, entry, "language")) == (403, "forbidden")


def test_an_entry_of_another_contact_or_another_field_is_not_found(
    acme: Account, ana: str, alice_calls: Caller, charlie: Membership
) -> None:
    edit(alice_calls, ana, language="gl")
    [entry] = history(alice_calls, ana)
    others = write_in(acme, connect(acme, external_id="900190"), "hi", value="ES.55", name="Bea")
    theirs = write_in(charlie.account, connect(charlie.account), "hi")
    for answer in (
        put_back(alice_calls, others, entry, "language"),
        put_back(agent_caller(charlie), theirs, entry, "language"),
        put_back(alice_calls, ana, entry, "email"),
        put_back(alice_calls, ana, {"id": new_id()}, "language"),
    ):
        assert problem_of(answer) == (404, "not_found")
    assert history(alice_calls, others) == []
    with scope(acme):
        assert not AuditEntry.objects.filter(action="contact.revert").exists()


@pytest.mark.parametrize(
    ("content", "field"),
    [({}, "field"), ({"field": ""}, "field"), ({"field": "name", "current": 1, "version": 2}, "version")],
)
def test_what_is_put_back_has_a_name(ana: str, alice_calls: Caller, content: dict[str, Any], field: str) -> None:
    edit(alice_calls, ana, language="gl")
    [entry] = history(alice_calls, ana)
    assert fields_of(alice_calls.post(f"contacts/{ana}/history/{entry['id']}/revert/", content)) == {field}


def test_pages_follow_each_other_under_every_id_of_the_contact(acme: Account, ana: str, alice_calls: Caller) -> None:
    other = write_in(acme, connect(acme, external_id="900190"), "hi", value="ES.55", name="Bea")
    edit(alice_calls, other, language="gl")
    edit(alice_calls, ana, language="es")
    alice_calls.post(f"contacts/{ana}/merge/", {"with": other})
    first = alice_calls.get(f"contacts/{other}/history/", limit=2).json()
    second = alice_calls.get(f"contacts/{other}/history/", limit=2, cursor=first["next"]).json()
    actions = [entry["action"] for page in (first, second) for entry in page["results"]]
    assert actions == ["contact.join", "contact.edit", "contact.edit"]
    assert second["next"] is None


def test_who_has_no_conversation_inside_the_window_has_a_history(acme: Account, alice_calls: Caller) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=3)
    take_in(acme, connect(acme), message("hola", sender=user("ES.55"), at=long_ago), received_at=long_ago)
    with scope(acme):
        rosa = str(Conversation.objects.get().id)
    Account.objects.filter(id=acme.id).update(window_days=1)
    assert problem_of(alice_calls.get(f"conversations/{rosa}/")) == (404, "not_found")
    edit(alice_calls, rosa, language="gl")
    assert [entry["action"] for entry in history(alice_calls, rosa)] == ["contact.edit"]


def test_thirty_changes_take_as_many_queries_as_three(ana: str, alice_calls: Caller) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert alice_calls.get(f"contacts/{ana}/history/").status_code == 200
        return len(queries)

    for n in range(3):
        edit(alice_calls, ana, name=f"Ana {n}")
    few = count()
    for n in range(3, 30):
        edit(alice_calls, ana, name=f"Ana {n}")
    assert count() == few <= 20
