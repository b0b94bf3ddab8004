"""Notes on contacts over the API: the same as on the page, for programs."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inbox.models import ContactNote
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.scope import scope
from tests.inbox.api import Caller, agent_caller, bot_caller, connect, fields_of, problem_of, write_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def ana(acme: Account) -> str:
    return write_in(acme, connect(acme), "hola")


@pytest.fixture
def alice_calls(alice: Membership) -> Caller:
    return agent_caller(alice)


@pytest.fixture
def bob_calls(bob: Membership, ana: str, alice_calls: Caller) -> Caller:
    """Ana is Bob's."""
    alice_calls.patch(f"conversations/{ana}/", {"assignee": bob.user_id})
    return agent_caller(bob)


def write(calls: Caller, contact: str, *texts: str) -> list[str]:
    """The ids."""
    written = [calls.post(f"contacts/{contact}/notes/", {"text": text}) for text in texts]
    assert {answer.status_code for answer in written} == {201}
    return [answer.json()["id"] for answer in written]


def test_a_note_is_written_and_told(ana: str, bob: Membership, bob_calls: Caller, alice_calls: Caller) -> None:
    answer = bob_calls.post(f"contacts/{ana}/notes/", {"text": "  Prefers mornings\n"})
    assert answer.status_code == 201
    [told] = alice_calls.get(f"contacts/{ana}/notes/").json()["results"]
    assert answer.json() == told
    assert told["text"] == "Prefers mornings"
    assert told["author"] == {"kind": "agent", "id": bob.user_id, "name": "Bob"}
    assert set(told) == {"id", "author", "text", "created_at"}


def test_the_newest_comes_first_and_pages_follow_each_other(ana: str, bob_calls: Caller, alice_calls: Caller) -> None:
    written = write(bob_calls, ana, "one", "two") + write(alice_calls, ana, "three")
    first = bob_calls.get(f"contacts/{ana}/notes/", limit=2).json()
    second = bob_calls.get(f"contacts/{ana}/notes/", limit=2, cursor=first["next"]).json()
    assert [note["id"] for page in (first, second) for note in page["results"]] == written[::-1]
    assert second["next"] is None


def test_notes_are_told_under_every_id_of_the_contact(acme: Account, ana: str, alice_calls: Caller) -> None:
    other = write_in(acme, connect(acme, external_id="900190"), "hi", value="ES.55", name="Bea")
    write(alice_calls, ana, "Note on Ana")
    write(alice_calls, other, "Note on Bea")
    alice_calls.post(f"contacts/{ana}/merge/", {"with": other})
    for id in (ana, other):
        told = alice_calls.get(f"contacts/{id}/notes/").json()["results"]
        assert [note["text"] for note in told] == ["Note on Bea", "Note on Ana"]


def test_an_agent_removes_their_own_and_a_supervisor_all(ana: str, bob_calls: Caller, alice_calls: Caller) -> None:
    [hers] = write(alice_calls, ana, "hers")
    his, another = write(bob_calls, ana, "his", "another")
    assert problem_of(bob_calls.delete(f"contacts/{ana}/notes/{hers}/")) == (403, "forbidden")
    alice_calls.patch(f"conversations/{ana}/", {"assignee": None})
    assert bob_calls.delete(f"contacts/{ana}/notes/{his}/").status_code == 204
    assert alice_calls.delete(f"contacts/{ana}/notes/{another}/").status_code == 204
    assert problem_of(alice_calls.delete(f"contacts/{ana}/notes/{another}/")) == (404, "not_found")
    assert [note["text"] for note in bob_calls.get(f"contacts/{ana}/notes/").json()["results"]] == ["hers"]


def test_who_is_not_assigned_writes_none_and_reads_all(ana: str, bob: Membership, alice_calls: Caller) -> None:
    write(alice_calls, ana, "Prefers mornings")
    calls = agent_caller(bob)
    assert problem_of(calls.post(f"contacts/{ana}/notes/", {"text": "Hm"})) == (403, "forbidden")
    assert len(calls.get(f"contacts/{ana}/notes/").json()["results"]) == 1


def test_a_bot_reads_them_and_writes_none(acme: Account, ana: str, alice_calls: Caller) -> None:
    [note] = write(alice_calls, ana, "Prefers mornings")
    calls = bot_caller(acme)
    assert [each["id"] for each in calls.get(f"contacts/{ana}/notes/").json()["results"]] == [note]
    assert problem_of(calls.post(f"contacts/{ana}/notes/", {"text": "Hm"})) == (403, "forbidden")
    assert problem_of(calls.delete(f"contacts/{ana}/notes/{note}/")) == (403, "forbidden")


@pytest.mark.parametrize("text", ["", "  ", "a\x00b", "x" * 10_001])
def test_what_is_no_note_is_refused(ana: str, alice_calls: Caller, text: str) -> None:
    assert fields_of(alice_calls.post(f"contacts/{ana}/notes/", {"text": text})) == {"text"}


def test_a_note_of_another_contact_is_not_found(acme: Account, ana: str, alice_calls: Caller) -> None:
    other = write_in(acme, connect(acme, external_id="900190"), "hi", value="ES.55", name="Bea")
    [note] = write(alice_calls, other, "Note on Bea")
    assert problem_of(alice_calls.delete(f"contacts/{ana}/notes/{note}/")) == (404, "not_found")
    with scope(acme):
        assert ContactNote.objects.count() == 1


def test_others_hear_of_it_and_the_audit_says_that_it_came_by_the_api(
    acme: Account, ana: str, alice_calls: Caller
) -> None:
    start = alice_calls.get("events/").json()["to"]
    [note] = write(alice_calls, ana, "Prefers mornings")
    [event] = alice_calls.get("events/", after=start).json()["results"]
    assert (event["type"], event["data"]["id"]) == ("contact.updated", ana)
    with scope(acme):
        entry = AuditEntry.objects.get(action="note.add")
    assert (entry.new, entry.source) == ({"note": note}, "api")


def test_thirty_notes_take_as_many_queries_as_three(ana: str, alice_calls: Caller) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert alice_calls.get(f"contacts/{ana}/notes/").status_code == 200
        return len(queries)

    write(alice_calls, ana, *("one", "two", "three"))
    few = count()
    write(alice_calls, ana, *(f"note {n}" for n in range(27)))
    assert count() == few <= 20
