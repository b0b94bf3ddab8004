"""Visitors of a web or mobile chat, against a real web process and drain: sessions, what they write and hear, who they
are, what they may not see.
"""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

import pytest

from channels_ingest.models import Channel, InboundEvent, InboundState
from channels_ingest.outbox import deliver
from identity.models import Contact, Evidence, Identity
from inbox.models import Message, Thread
from inbox.selectors.messages import get_messages
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Author, MessageShape
from oneview.accounts.models import Account, Membership
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.inbox.visiting import SHOP, Client, wait

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("drain")]

LAST = UUID(int=(1 << 128) - 1)  # an id of a time that no calendar has
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360f8cfc0f01f000502010063b0a1f40000000049454e44ae426082"
)


def reply(account: Account, member: Membership, text: str, *, conversation: UUID | None = None) -> MessageShape:
    with scope(account) as now:
        conversation = conversation or Thread.objects.latest("created_at").conversation_id
        draft = Draft(str(new_id()), text)
        author = Author("agent", member.user_id, str(member.user))
        message, _ = send_reply(account, conversation, draft, author=author, now=now)
    deliver(account.id, message.thread)
    return message


def status_of(account: Account, message: UUID) -> str:
    with scope(account):
        return Message.objects.get(id=message).status


class TestSession:
    def test_each_visitor_has_a_generated_identifier(self, live: str, chat: Channel) -> None:
        one, other = Client(live, chat), Client(live, chat)
        first, second = one.begin(platform="web"), other.begin(platform="ios", locale="pt-BR")
        assert first["visitor"] != second["visitor"]
        assert len(first["visitor"]) == 32
        assert one.begin()["visitor"] == first["visitor"]  # with its token: the same one, for longer

    @pytest.mark.parametrize(
        ("given", "field"),
        [({"platform": "fax"}, "platform"), ({"locale": "<b>"}, "locale"), ({"locale": 7}, "locale")],
    )
    def test_bad_input_is_named(self, live: str, chat: Channel, given: dict[str, Any], field: str) -> None:
        answer = Client(live, chat).call("POST", f"/widget/{chat.public_id}/session/", json=given)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)

    def test_an_address_that_is_no_chat_is_not_there(self, live: str, chat: Channel) -> None:
        client = Client(live, chat)
        assert client.call("POST", "/widget/nothing/session/", json={}).status_code == 404
        assert client.call("GET", "/widget/nothing/").status_code == 404

    def test_the_chat_of_a_free_plan_is_closed(self, live: str, chat: Channel, acme: Account) -> None:
        Account.objects.filter(pk=acme.pk).update(plan="free")
        assert Client(live, chat).call("POST", f"/widget/{chat.public_id}/session/", json={}).status_code == 404

    def test_a_page_of_another_site_gets_nothing(self, live: str, chat: Channel) -> None:
        for origin, status in ((SHOP, 201), (live, 201), ("https://evil.example", 403), ("null", 403)):
            answer = Client(live, chat, origin=origin).call("POST", f"/widget/{chat.public_id}/session/", json={})
            assert answer.status_code == status, origin

    def test_one_address_cannot_be_ten_thousand_visitors(self, live: str, chat: Channel) -> None:
        client = Client(live, chat)
        answers = [client.call("POST", f"{client.base}/session/", json={}).status_code for _ in range(40)]
        assert answers[:20] == [201] * 20
        assert answers[-1] == 429
        assert client.http.get("/health/live/").status_code == 200

    def test_nor_can_one_line_with_ten_thousand_addresses(self, live: str, chat: Channel) -> None:
        client = Client(live, chat)

        def begin_from(address: str) -> int:
            headers = {"X-Forwarded-For": address}
            return client.http.post(f"{client.base}/session/", json={}, headers=headers).status_code

        assert [begin_from(f"2001:db8:1:2::{n:x}") for n in range(40)][-1] == 429
        others = (
            "2001:db8:1:3::1",
            *(f"::ffff:192.0.2.{n}" for n in range(40)),
        )  # an IPv4 address is a line of its own
        assert {begin_from(address) for address in others} == {201}

    def test_who_signed_out_is_out(self, visitor: Client) -> None:
        visitor.write("hello")
        assert visitor.call("DELETE", f"{visitor.base}/session/").status_code == 204
        assert visitor.call("GET", f"{visitor.base}/messages/").status_code == 401
        assert visitor.call("POST", f"{visitor.base}/session/", json={}).status_code == 401
        wait(lambda: visitor.post(type="message", client_id="late", text="late") == 401, seconds=15)

    @pytest.mark.parametrize("token", ["", "x", "a.b.c"])
    def test_without_a_token_nothing_is_shown(self, live: str, chat: Channel, token: str) -> None:
        client = Client(live, chat)
        client.token = token
        assert client.call("GET", f"{client.base}/messages/").status_code == 401
        assert client.post(type="message", client_id="c", text="hi") == 401


class TestMessages:
    def test_a_message_arrives_once_however_often_it_is_posted(self, visitor: Client, acme: Account) -> None:
        for _ in range(3):
            visitor.write("hello", client_id="c1")
        (message,) = visitor.wait_for(1)
        assert (message["text"], message["author"]["kind"], message["client_id"]) == ("hello", "user", "c1")
        time.sleep(0.6)
        with scope(acme):
            assert Message.objects.count() == 1

    def test_the_answer_is_there_and_its_tick_rises(self, visitor: Client, acme: Account, bob: Membership) -> None:
        visitor.write("hello")
        visitor.wait_for(1)
        answer = reply(acme, bob, "Good morning!")
        assert status_of(acme, answer.id) == "sent"
        _, shown = visitor.list_messages()
        assert shown["author"] == {"kind": "agent", "name": str(bob.user)}
        visitor.list_messages(after=str(answer.id))
        assert status_of(acme, answer.id) == "delivered"
        assert visitor.post(type="read", up_to=str(answer.id)) == 202
        wait(lambda: status_of(acme, answer.id) == "read")

    def test_an_id_of_no_time_acknowledges_what_there_is(self, visitor: Client, acme: Account, bob: Membership) -> None:
        visitor.write("hello")
        visitor.wait_for(1)
        answer = reply(acme, bob, "Good morning!")
        visitor.list_messages(after=str(LAST))
        assert status_of(acme, answer.id) == "delivered"

    def test_a_note_is_not_for_visitors(self, visitor: Client, acme: Account, bob: Membership) -> None:
        visitor.write("hello")
        visitor.wait_for(1)
        with scope(acme) as now:
            conversation = Thread.objects.get().conversation_id
            draft = Draft("n", "He sounds angry", private=True)
            send_reply(acme, conversation, draft, author=Author("agent", bob.user_id, "Bob"), now=now)
        assert [message["text"] for message in visitor.list_messages()] == ["hello"]

    def test_an_answer_quotes_what_it_answers_in_the_visitors_own_thread(
        self, visitor: Client, live: str, chat: Channel, acme: Account, bob: Membership
    ) -> None:
        visitor.write("hello")
        visitor.wait_for(1)
        answer = reply(acme, bob, "Is it broken?")
        visitor.write("Yes", reply_to=str(answer.id))
        assert visitor.wait_for(3)[-1]["reply_to"] == str(answer.id)
        stranger = Client(live, chat)
        stranger.begin()
        stranger.write("What did he say?", reply_to=str(answer.id))
        (written,) = stranger.wait_for(1)
        assert written["reply_to"] is None
        with scope(acme) as now:
            shapes = get_messages(acme.id, Message.objects.values_list("id", flat=True), now=now, window=acme.window)
        assert [shape.reply_to.text for shape in shapes if shape.reply_to] == ["Is it broken?", ""]

    def test_a_visitor_sees_their_own_thread_only(self, visitor: Client, live: str, chat: Channel) -> None:
        visitor.write("a secret")
        visitor.wait_for(1)
        other = Client(live, chat)
        other.begin()
        assert other.list_messages() == []

    def test_a_file_comes_along_and_can_be_looked_at(self, visitor: Client) -> None:
        uploaded = visitor.call("POST", f"{visitor.base}/files/", files={"file": ("dent.png", PIXEL, "image/png")})
        assert uploaded.status_code == 201
        visitor.write("", attachments=[uploaded.json()["id"]])
        (message,) = visitor.wait_for(1)
        (file,) = message["attachments"]
        assert (file["name"], file["type"]) == ("dent.png", "image/png")
        shown = visitor.http.get(file["url"])
        assert (shown.status_code, shown.content) == (200, PIXEL)
        changed = file["url"].replace("/widget/files/", "/widget/files/x")
        assert visitor.http.get(changed).status_code == 404

    def test_a_file_of_another_message_cannot_be_taken(self, visitor: Client, live: str, chat: Channel) -> None:
        uploaded = visitor.call("POST", f"{visitor.base}/files/", files={"file": ("dent.png", PIXEL, "image/png")})
        visitor.write("mine", attachments=[uploaded.json()["id"]])
        visitor.wait_for(1)
        thief = Client(live, chat)
        thief.begin()
        thief.write("theirs", attachments=[uploaded.json()["id"]])
        (message,) = thief.wait_for(1)
        assert message["attachments"] == []

    def test_what_says_nothing_goes_to_quarantine_and_holds_up_nobody(self, visitor: Client) -> None:
        assert visitor.post(type="message", client_id="c", text=" ") == 202
        visitor.write("hello")
        assert [message["text"] for message in visitor.wait_for(1)] == ["hello"]

    def test_a_flood_of_one_visitor_is_held_back(self, visitor: Client) -> None:
        answers = [visitor.post(type="message", client_id=f"c{n}", text="x") for n in range(70)]
        assert answers[:50] == [202] * 50
        assert answers[-1] == 429


class TestIdentity:
    def test_who_signed_in_is_the_customer_on_every_device(self, live: str, chat: Channel, acme: Account) -> None:
        for _ in range(2):
            device = Client(live, chat)
            device.begin()
            assert device.identify(name="Ana Prieto").status_code == 201
            device.write("It is me")
            device.wait_for(1)
        with scope(acme):
            assert Thread.objects.count() == 1
            assert Contact.objects.get(id=Thread.objects.get().conversation_id).name == "Ana Prieto"

    def test_what_was_written_before_signing_in_stays_in_view_and_joins(self, visitor: Client, acme: Account) -> None:
        visitor.write("Do you ship to Menorca?")
        visitor.wait_for(1)
        visitor.identify()
        visitor.write("It is Ana")
        assert [message["text"] for message in visitor.wait_for(2)] == ["Do you ship to Menorca?", "It is Ana"]
        with scope(acme):
            wait(lambda: len(set(Thread.objects.values_list("conversation_id", flat=True))) == 1)
            assert Thread.objects.count() == 2

    def test_the_next_user_of_the_same_browser_sees_nothing_of_the_first(self, visitor: Client) -> None:
        visitor.identify()
        visitor.write("my address is 12 Elm Street")
        visitor.wait_for(1)
        visitor.identify(sub="leo-7")
        assert visitor.list_messages() == []

    def test_a_typed_address_joins_nobody_and_shows_nothing(
        self, visitor: Client, live: str, chat: Channel, acme: Account
    ) -> None:
        visitor.identify(email="ana@example.com", email_verified=True)
        visitor.write("the code is 1234")
        visitor.wait_for(1)
        stranger = Client(live, chat)
        stranger.begin()
        stranger.write("hello")
        assert stranger.post(type="details", email="ana@example.com") == 202
        with scope(acme):
            wait(lambda: Evidence.objects.filter(rule="typed").exists())
            threads = set(Thread.objects.values_list("conversation_id", flat=True))
            assert len(threads) == 2
        assert [message["text"] for message in stranger.list_messages()] == ["hello"]

    def test_a_typed_name_does_not_stand_before_the_one_the_site_has_signed(
        self, visitor: Client, acme: Account
    ) -> None:
        visitor.write("hello")
        visitor.wait_for(1)
        anonymous = visitor.token
        visitor.identify(name="Ana Prieto")
        visitor.write("It is Ana")
        visitor.wait_for(2)
        visitor.token = anonymous
        assert visitor.post(type="details", name="The Director") == 202
        with scope(acme):
            wait(lambda: not InboundEvent.objects.filter(state=InboundState.WAITING).exists())
            shown = {
                contact.name for contact in Contact.objects.filter(id__in=Thread.objects.values("conversation_id"))
            }
        assert shown == {"Ana Prieto"}

    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": "other"},
            {"exp": int(time.time()) - 100},
            {"sub": ""},
        ],
    )
    def test_a_jwt_that_is_not_for_this_chat_is_refused(
        self, visitor: Client, acme: Account, claims: dict[str, Any]
    ) -> None:
        answer = visitor.identify(**claims)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "jwt")
        with scope(acme):
            assert not Identity.objects.filter(kind="customer").exists()


def test_a_message_that_was_under_way_when_an_id_was_given_out_is_not_missed(
    visitor: Client, acme: Account, bob: Membership
) -> None:
    """An answer takes its id first and may wait for its turn while a later message is read; it comes along again."""
    visitor.write("hello")
    visitor.wait_for(1)
    under_way = reply(acme, bob, "under way")
    visitor.write("one more thing")
    *_, last = visitor.wait_for(3)
    assert UUID(last["id"]) > under_way.id
    assert str(under_way.id) in {message["id"] for message in visitor.list_messages(after=last["id"])}
