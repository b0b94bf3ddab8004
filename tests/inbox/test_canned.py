"""Canned replies: who keeps which, what is offered while one writes, and how they are filled in."""

from __future__ import annotations

import re
import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from uuid import UUID

import pytest
from django.db import connection, connections
from django.test import Client

from identity.services import describe
from inbox.models import AttributeDefinition, CannedReply, Conversation
from inbox.services.canned import save_canned
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.errors import Invalid
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.batches import make_channel, message, take_in


@pytest.fixture
def conversation(acme: Account) -> UUID:
    with scope(acme):
        channel = make_channel(acme)
    take_in(acme, channel, message("Where is my lamp?"))
    with scope(acme):
        return Conversation.objects.get().id


def keep(member: Membership, shortcut: str, text: str, *, title: str = "", shared: bool = False) -> CannedReply:
    owner = None if shared else member.user
    with scope(member.account):
        return save_canned(
            member.account, owner=owner, shortcut=shortcut, title=title or shortcut, text=text, actor=member.user
        )


def wait_until_somebody_waits() -> None:
    """For a lock of this connection's transaction."""
    with connection.cursor() as cursor:
        for _ in range(500):
            cursor.execute("SELECT FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))")
            if cursor.fetchone() is not None:
                return
            time.sleep(0.01)
    raise AssertionError("Nobody waits.")


def offered(client: Client, conversation: UUID, q: str = "") -> list[str]:
    """The texts, as they would be put in."""
    response = client.get(f"/inbox/c/{conversation}/canned/", {"q": q}, headers={"X-Fragment": "part"})
    assert response.status_code == 200
    return [unescape(text) for text in re.findall(r'data-text="([^"]*)"', response.content.decode())]


class TestOffering:
    def test_a_reply_is_filled_in_for_the_conversation(self, conversation: UUID, bob: Membership) -> None:
        names = "{{ contact.first_name }} {{ contact.name }} {{ contact.phone }}"
        keep(bob, "hi", f"{names} / {{{{ agent.name }}}} / {{{{ account.name }}}} / {{{{ channel.name }}}}")
        assert offered(sign_in(bob), conversation) == ["Ana Ana Prieto +34 600 11 12 22 / Bob / Acme / WhatsApp"]

    def test_what_is_not_known_of_the_contact_stays_visible(self, conversation: UUID, bob: Membership) -> None:
        with scope(bob.account):
            AttributeDefinition.objects.create(account=bob.account, name="company", label="Company")
        keep(bob, "hi", "Dear {{ contact.company }}")
        assert offered(sign_in(bob), conversation) == ["Dear ⟦contact.company⟧"]

    def test_the_shortcut_comes_before_the_title_and_the_title_before_the_text(
        self, conversation: UUID, bob: Membership
    ) -> None:
        keep(bob, "a", "we ship abroad")
        keep(bob, "b", "B", title="How we ship")
        keep(bob, "shipping", "C")
        keep(bob, "d", "nothing of it")
        assert offered(sign_in(bob), conversation, "SHIP") == ["C", "B", "we ship abroad"]

    def test_at_most_eight_are_offered(self, conversation: UUID, bob: Membership) -> None:
        for number in range(10):
            keep(bob, f"r{number}", "text")
        assert len(offered(sign_in(bob), conversation)) == 8

    def test_personal_ones_are_their_owners_alone(self, conversation: UUID, alice: Membership, bob: Membership) -> None:
        keep(alice, "mine", "of Alice")
        keep(alice, "ours", "of Acme", shared=True)
        keep(bob, "ours", "of Bob")
        assert offered(sign_in(alice), conversation) == ["of Alice", "of Acme"]
        assert offered(sign_in(bob), conversation) == ["of Bob", "of Acme"]

    def test_nothing_of_another_account_is_offered(
        self, conversation: UUID, bob: Membership, charlie: Membership
    ) -> None:
        keep(charlie, "theirs", "of Zenith", shared=True)
        assert offered(sign_in(bob), conversation) == []
        answer = sign_in(charlie).get(f"/inbox/c/{conversation}/canned/", headers={"X-Fragment": "part"})
        assert answer.status_code == 404

    def test_markup_in_a_reply_is_text(self, conversation: UUID, bob: Membership) -> None:
        keep(bob, "x", '"><script>alert(1)</script>')
        response = sign_in(bob).get(f"/inbox/c/{conversation}/canned/", headers={"X-Fragment": "part"})
        assert "<script>" not in response.content.decode()


class TestKeeping:
    @pytest.mark.parametrize("name", ["contact.frist_name", "agent.password", "contact.__class__", "x", ""])
    def test_a_variable_that_nobody_knows_is_refused(self, bob: Membership, name: str) -> None:
        with pytest.raises(Invalid) as refused:
            keep(bob, "hi", f"Dear {{{{ {name} }}}}")
        assert [error.code for error in refused.value.errors] == ["unknown_variable"]

    def test_an_attribute_is_known_once_somebody_said_it(self, conversation: UUID, bob: Membership) -> None:
        with pytest.raises(Invalid):
            keep(bob, "hi", "Dear {{ contact.order }}")
        with scope(bob.account) as now:
            describe(bob.account_id, conversation, {"order": "A-17"}, now=now)
        keep(bob, "hi", "About {{ contact.order }}")
        assert offered(sign_in(bob), conversation) == ["About A-17"]

    def test_one_owner_has_a_shortcut_once(self, alice: Membership, bob: Membership) -> None:
        keep(bob, "hi", "one")
        keep(alice, "hi", "two")
        keep(alice, "hi", "three", shared=True)
        with pytest.raises(Invalid):
            keep(bob, "HI", "four")

    @pytest.mark.committed
    def test_one_of_two_who_save_a_shortcut_at_once_is_told(self, alice: Membership, bob: Membership) -> None:
        def save() -> None:
            try:
                keep(bob, "hi", "Hello", shared=True)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(1) as threads:
            with scope(alice.account):
                keep(alice, "hi", "Hello", shared=True)
                second = threads.submit(save)
                wait_until_somebody_waits()
            with pytest.raises(Invalid) as refused:
                second.result(timeout=10)
        assert [(error.field, error.code) for error in refused.value.errors] == [("shortcut", "taken")]

    def test_an_agent_adds_changes_and_removes_their_own(self, bob: Membership) -> None:
        client = sign_in(bob)
        new = {"shortcut": "/Hello", "title": "Hello", "text": "Hi {{ contact.name }}"}
        assert client.post("/inbox/canned/add/", new).status_code == 302
        with scope(bob.account):
            [reply] = CannedReply.objects.all()
        assert (reply.shortcut, reply.owner_id) == ("hello", bob.user_id)
        assert "Hi {{ contact.name }}" in client.get(f"/inbox/canned/{reply.id}/").content.decode()
        client.post(f"/inbox/canned/{reply.id}/", {**new, "title": "Greeting"})
        assert "Greeting" in client.get("/inbox/canned/").content.decode()
        client.post(f"/inbox/canned/{reply.id}/remove/")
        with scope(bob.account):
            assert not CannedReply.objects.exists()
            actions = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
        assert actions == ["canned.add", "canned.change", "canned.remove"]

    def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_lost(self, bob: Membership) -> None:
        new = {"shortcut": "two words", "title": "T", "text": "Dear {{ contact.nobody }}"}
        response = sign_in(bob).post("/inbox/canned/add/", new)
        page = unescape(response.content.decode())
        assert response.status_code == 400
        assert "There is no variable {{ contact.nobody }}." in page
        assert "A shortcut has letters" in page
        assert "two words" in page

    def test_nobody_changes_those_of_others(self, alice: Membership, bob: Membership) -> None:
        client = sign_in(bob)
        new = {"shortcut": "x", "title": "X", "text": "X"}
        for reply in (keep(alice, "mine", "of Alice"), keep(alice, "ours", "of Acme", shared=True)):
            assert client.get(f"/inbox/canned/{reply.id}/").status_code == 404
            assert client.post(f"/inbox/canned/{reply.id}/", new).status_code == 404
            assert client.post(f"/inbox/canned/{reply.id}/remove/").status_code == 404
        with scope(alice.account):
            assert set(CannedReply.objects.values_list("text", flat=True)) == {"of Alice", "of Acme"}


class TestAdmin:
    PATH = "/admin/inbox/cannedreply/"

    def test_a_supervisor_keeps_those_of_the_account(self, alice: Membership) -> None:
        client = sign_in(alice)
        new = {"shortcut": "hours", "title": "Hours", "text": "We are here from 9 to 5."}
        assert client.post(f"{self.PATH}add/", new).status_code == 302
        with scope(alice.account):
            [reply] = CannedReply.objects.all()
        assert reply.owner_id is None
        client.post(f"{self.PATH}{reply.id}/change/", {**new, "title": "Opening hours"})
        with scope(alice.account):
            assert CannedReply.objects.get().title == "Opening hours"
        client.post(f"{self.PATH}{reply.id}/delete/", {"post": "yes"})
        with scope(alice.account):
            assert not CannedReply.objects.exists()

    def test_a_variable_that_nobody_knows_is_told_beside_the_text(self, alice: Membership) -> None:
        new = {"shortcut": "hours", "title": "Hours", "text": "{{ contact.nobody }}"}
        response = sign_in(alice).post(f"{self.PATH}add/", new)
        assert response.status_code == 200
        assert "There is no variable" in response.content.decode()

    def test_personal_ones_are_not_there(self, alice: Membership, bob: Membership) -> None:
        reply = keep(bob, "mine", "of Bob", title="Private joke")
        client = sign_in(alice)
        assert "Private joke" not in client.get(self.PATH).content.decode()
        assert client.get(f"{self.PATH}{reply.id}/change/", follow=True).redirect_chain

    def test_an_agent_may_not(self, bob: Membership) -> None:
        assert sign_in(bob).get(self.PATH, follow=True).status_code == 403
