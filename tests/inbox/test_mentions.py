"""Members who are called by name in private notes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from channels_ingest.sink import ChannelInfo
from inbox.calls import find_called
from inbox.models import Conversation, LiveEvent, Mention, Message
from inbox.reach import EVERYTHING
from inbox.selectors.conversations import count_boxes
from inbox.services.retention import purge_expired
from inbox.shapes import Called
from inbox.templatetags.inbox import linked_calling
from oneview.accounts.models import Account, Membership
from oneview.common.ids import floor_id, new_id
from oneview.common.scope import scope
from tests.factories import make_member
from tests.fixtures import sign_in
from tests.inbox.batches import make_channel, message, take_in

PEOPLE = {1: "Bob", 2: "Bob Lindqvist", 3: "Ann-Marie", 4: "Ann-Marie", 5: "李雷"}


@pytest.mark.parametrize(
    ("text", "called"),
    [
        ("@Bob can you look?", {1}),
        ("@Bob Lindqvist can you look?", {2}),
        ("@bob, please. And (@Bob Lindqvist)!", {1, 2}),
        ("Bobby: @Bobby", set()),
        ("mail bob@Bob or https://example.com/@Bob", set()),
        ("@Ann-Marie", {3, 4}),
        ("@李雷 看看", {5}),
        ("@", set()),
        ("@@Bob", set()),
    ],
)
def test_names_are_found_as_words_the_longest_first(text: str, called: set[int]) -> None:
    assert find_called(text, PEOPLE) == called


def test_who_was_chosen_tells_namesakes_apart() -> None:
    assert find_called("@Ann-Marie and @Bob", PEOPLE, chosen=[4]) == {4, 1}
    assert find_called("@Bob", PEOPLE, chosen=[2, 4]) == {1}


def test_a_name_in_an_address_stays_part_of_it() -> None:
    html = linked_calling("@Bob see https://example.com/@Bob <b>", [Called(1, "Bob", seen=False)])
    assert html.startswith('<span class="chip called">@Bob</span> see <a href="https://example.com/@Bob"')
    assert html.endswith("&lt;b&gt;")


@pytest.fixture
def whatsapp(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


@pytest.fixture
def conversation(acme: Account, whatsapp: ChannelInfo) -> UUID:
    take_in(acme, whatsapp, message("Where is my lamp?"))
    with scope(acme):
        return Conversation.objects.get().id


def write(client: Client, conversation: UUID, text: str, **more: Any) -> str:
    content = {"client_id": str(new_id()), "text": text, "private": "1", **more}
    response = client.post(f"/inbox/c/{conversation}/messages/", content, headers={"X-Fragment": "answer"})
    assert response.status_code == 201, response.content
    return response.content.decode()


def see(member: Membership, conversation: UUID, note: UUID) -> int:
    address = f"/inbox/c/{conversation}/mentions/"
    return sign_in(member).post(address, {"message": note}, headers={"X-Fragment": "answer"}).status_code


def mentioned(account: Account) -> set[int]:
    with scope(account):
        return set(Mention.objects.values_list("user_id", flat=True))


def count_seen(member: Membership) -> int:
    """As the member's own page says."""
    return int(sign_in(member).get("/inbox/counts/").json()["mentions"])


def count(member: Membership) -> int:
    account = member.account
    with scope(account) as now:
        counts = count_boxes(account.id, now=now, window=account.window, reach=EVERYTHING, viewer_id=member.user_id)
    return counts.mentions


class TestNotes:
    def test_a_note_calls_whom_it_names(
        self, acme: Account, conversation: UUID, alice: Membership, bob: Membership
    ) -> None:
        html = write(sign_in(alice), conversation, "@Bob do you know this lamp?")
        assert '<span class="chip called">@Bob</span>' in html
        assert f'data-mentions="{bob.user_id}" data-unseen="{bob.user_id}"' in html
        assert mentioned(acme) == {bob.user_id}

    def test_of_two_with_one_name_the_chosen_one_is_called(
        self, acme: Account, conversation: UUID, alice: Membership, bob: Membership
    ) -> None:
        other = make_member(acme, "Bobby")
        type(other.user).objects.filter(pk=other.user_id).update(name="Bob")
        write(sign_in(alice), conversation, "@Bob?", mentions=f"{other.user_id} 99 x")
        assert mentioned(acme) == {other.user_id}

    def test_nobody_calls_themselves_or_a_stranger(
        self, acme: Account, conversation: UUID, bob: Membership, charlie: Membership
    ) -> None:
        write(sign_in(bob), conversation, "@Bob @Charlie", mentions=f"{bob.user_id} {charlie.user_id}")
        assert mentioned(acme) == set()

    def test_a_reply_calls_nobody(self, acme: Account, conversation: UUID, alice: Membership, bob: Membership) -> None:
        write(sign_in(alice), conversation, "Ask @Bob", private="")
        assert mentioned(acme) == set()

    def test_a_note_that_is_sent_twice_calls_once(
        self, acme: Account, conversation: UUID, alice: Membership, bob: Membership
    ) -> None:
        client, id = sign_in(alice), str(new_id())
        write(client, conversation, "@Bob", client_id=id)
        content = {"client_id": id, "text": "@Bob", "private": "1"}
        address = f"/inbox/c/{conversation}/messages/"
        assert client.post(address, content, headers={"X-Fragment": "answer"}).status_code == 200
        with scope(acme):
            assert Mention.objects.count() == 1


class TestReach:
    def test_who_writes_hears_of_those_who_do_not_see_it(
        self, acme: Account, conversation: UUID, alice: Membership, bob: Membership
    ) -> None:
        client = sign_in(alice)
        assert "can’t see" not in write(client, conversation, "@Bob?")
        Membership.objects.filter(pk=bob.pk).update(channels=[])
        assert "Bob can’t see this conversation." in write(client, conversation, "@Bob?")
        assert count_seen(bob) == 0


class TestList:
    @pytest.fixture
    def note(self, acme: Account, conversation: UUID, alice: Membership, bob: Membership) -> UUID:
        write(sign_in(alice), conversation, "@Bob do you know this lamp?")
        with scope(acme):
            return Message.objects.get(private=True, author_kind="agent").id

    def test_it_is_in_the_box_of_who_is_called_and_counted(
        self, conversation: UUID, note: UUID, alice: Membership, bob: Membership
    ) -> None:
        for member, listed in ((bob, True), (alice, False)):
            page = sign_in(member).get("/inbox/?box=mentions").content.decode()
            assert (f'<li class="row" data-id="{conversation}"' in page) is listed
            assert count(member) == int(listed)

    def test_it_is_there_when_the_conversation_is_resolved(
        self, conversation: UUID, note: UUID, bob: Membership
    ) -> None:
        client = sign_in(bob)
        client.post(f"/inbox/c/{conversation}/status/", {"status": "resolved"}, headers={"X-Fragment": "answer"})
        page = client.get("/inbox/?box=mentions").content.decode()
        assert f'<li class="row" data-id="{conversation}"' in page
        assert 'href="?box=all"' in page
        assert count(bob) == 1

    def test_who_is_called_has_looked_and_others_tabs_hear_of_it(
        self, acme: Account, conversation: UUID, note: UUID, bob: Membership
    ) -> None:
        with scope(acme):
            before = LiveEvent.objects.count()
        assert see(bob, conversation, note) == see(bob, conversation, note) == 204
        assert count(bob) == 0
        assert f'<li class="row" data-id="{conversation}"' in sign_in(bob).get("/inbox/?box=mentions").content.decode()
        with scope(acme):
            assert LiveEvent.objects.count() == before + 1

    def test_a_look_of_somebody_else_counts_nothing(
        self, conversation: UUID, note: UUID, alice: Membership, bob: Membership, charlie: Membership
    ) -> None:
        assert see(alice, conversation, note) == 204
        assert see(charlie, conversation, note) == 404
        assert count(bob) == 1

    def test_it_leaves_with_the_note(self, acme: Account, note: UUID, bob: Membership) -> None:
        with scope(acme) as now:
            Mention.objects.update(message_id=floor_id(now - timedelta(days=31)))
        assert count(bob) == 0
        purge_expired()
        assert mentioned(acme) == set()
