"""Links are looked at and undone in the admin, and conversations follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from identity.models import Contact, Evidence
from inbox.models import Conversation, Message
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.batches import ana, make_channel, message, take_in, user

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(alice: Membership) -> Client:
    """Of a supervisor whose account heard from one person on two numbers of ours."""
    with scope(alice.account):
        channel = make_channel(alice.account)
    sender = ana()
    take_in(alice.account, channel, message("secret words", sender=sender, at=datetime.now(UTC) - timedelta(days=2)))
    take_in(alice.account, channel, message("more", sender=user("ES.77", phone="34600111222")))
    return sign_in(alice)


def test_a_contact_shows_why_its_identities_are_one(alice: Membership, browser: Client) -> None:
    with scope(alice.account):
        contact, evidence = Contact.objects.get(), Evidence.objects.filter(status="linked").first()
    assert evidence
    page = browser.get(f"/admin/identity/contact/{contact.pk}/change/").content.decode()
    assert evidence.rule in page
    assert f"/inbox/c/{contact.pk}/" in page


def test_conversations_are_listed_without_their_words(browser: Client) -> None:
    page = browser.get("/admin/inbox/conversation/").content.decode()
    assert "Ana Prieto" in page
    assert "Open in inbox" in page
    assert "secret words" not in page


def test_undoing_a_link_splits_the_conversation(alice: Membership, browser: Client) -> None:
    with scope(alice.account):
        before = Conversation.objects.count()
        linked = Evidence.objects.filter(status="linked").order_by("-id")[:1].get()
    chosen = {"action": "undo", "_selected_action": [linked.pk]}
    page = browser.post("/admin/identity/evidence/", chosen, follow=True)
    assert "1 link undone" in page.content.decode()
    with scope(alice.account):
        assert Conversation.objects.count() == before + 1
        assert Evidence.objects.get(pk=linked.pk).status != "linked"
    again = browser.post("/admin/identity/evidence/", chosen, follow=True)
    assert "0 links undone" in again.content.decode()


def test_the_evidence_of_one_contact_can_be_listed(alice: Membership, browser: Client) -> None:
    with scope(alice.account):
        contact = Contact.objects.get()
        count = Evidence.objects.count()
    page = browser.get("/admin/identity/evidence/", {"contact": str(contact.pk)})
    assert page.context["cl"].result_count == count
    assert browser.get("/admin/identity/evidence/", {"contact": "nonsense"}).status_code == 200


def test_messages_are_read_and_lead_to_the_inbox(alice: Membership, browser: Client) -> None:
    with scope(alice.account):
        message = Message.objects.get(text="secret words")
    assert "secret words" in browser.get("/admin/inbox/message/").content.decode()
    page = browser.get(f"/admin/inbox/message/{message.pk}/change/").content.decode()
    assert "secret words" in page
    assert "Open in inbox" in page
    assert "_save" not in page
    assert browser.post(f"/admin/inbox/message/{message.pk}/change/", {"text": "forged"}).status_code == 403


def test_messages_leave_the_admin_with_the_window(alice: Membership, browser: Client) -> None:
    Account.objects.filter(pk=alice.account_id).update(window_days=1)
    with scope(alice.account):
        message = Message.objects.get(text="secret words")
    assert "secret words" not in browser.get("/admin/inbox/message/").content.decode()
    answer = browser.get(f"/admin/inbox/message/{message.pk}/change/", follow=True)
    assert "secret words" not in answer.content.decode()
