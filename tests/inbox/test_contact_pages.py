"""Details of a contact on the page: two editors, tags and labels, notes, the history and what is put back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from channels_ingest.models import Channel
from channels_ingest.registry import get_channel
from channels_ingest.sink import ChannelInfo
from identity.models import Contact, Decision, Evidence
from inbox.models import AttributeDefinition, ContactNote, Conversation, LiveEvent, Tag, Thread
from inbox.services.contacts import join_contacts, undo_link
from inbox.shapes import Agent
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.scope import scope
from tests.inbox.api import agent_caller, connect, write_in
from tests.inbox.batches import make_channel, message, take_in, user
from tests.security.worlds import dump

pytestmark = pytest.mark.django_db


class Desk:
    """One agent and the page of one conversation."""

    def __init__(self, member: Membership, conversation: str) -> None:
        self.client = Client(headers={"X-Fragment": "part"})
        self.client.force_login(member.user)
        self.path = f"/inbox/c/{conversation}/"

    def post(self, path: str, **content: Any) -> Any:
        return self.client.post(self.path + path, content)

    def panel(self) -> str:
        return self.client.get(self.path + "panel/").content.decode()

    def history(self) -> str:
        return self.client.get(self.path + "panel/history/").content.decode()

    def value(self, field: str) -> str:
        [value] = re.findall(rf'data-field="{field}" data-value="([^"]*)"', self.panel())
        return str(value)

    def edit(self, field: str, value: str, *, before: str | None = None) -> Any:
        seen = self.value(field) if before is None else before
        return self.post("panel/field/", name=field, value=value, before=seen)

    def put_back(self, field: str, *, entry: int = 0, before: str | None = None) -> Any:
        """The newest change but `entry` ones."""
        id = re.findall(r'data-entry="([^"]+)"', self.history())[entry]
        return self.post("revert/", entry=id, field=field, before=self.value(field) if before is None else before)


@pytest.fixture
def ana(acme: Account) -> str:
    with scope(acme):
        AttributeDefinition.objects.create(account=acme, name="since", label="Since", type="date", group="Company")
        Tag.objects.bulk_create(Tag(account=acme, name=name) for name in ("VIP", "Wholesale"))
    return write_in(acme, connect(acme), "hola")


@pytest.fixture
def desk(alice: Membership, ana: str) -> Desk:
    return Desk(alice, ana)


@pytest.fixture
def bobs(bob: Membership, ana: str) -> Desk:
    Desk(bob, ana).post("assign/", assignee=bob.user_id)
    return Desk(bob, ana)


def connected(account: Account) -> ChannelInfo:
    """The channel that Ana wrote to."""
    with scope(account):
        channel = Channel.objects.get()
    capabilities = get_channel("whatsapp").capabilities
    return ChannelInfo(channel.id, "whatsapp", channel.external_id, "whatsapp", "", capabilities)


def join(account: Account, one: str, other: str) -> str:
    with scope(account) as now:
        return str(join_contacts(account, UUID(one), actor=Agent(0, "Alice"), other=UUID(other), now=now).id)


class TestTwoEditors:
    def test_who_edits_another_field_is_no_conflict(self, desk: Desk, bobs: Desk) -> None:
        desk.edit("name", "Ana María")
        assert bobs.edit("email", "ana@example.com", before="").status_code == 200
        assert (desk.value("name"), desk.value("email")) == ("Ana María", "ana@example.com")

    def test_who_edits_the_same_field_is_told_what_stands(self, desk: Desk, bobs: Desk) -> None:
        desk.edit("since", "2025-01-01")
        answer = bobs.edit("since", "2024-01-01", before="")
        assert (answer.status_code, answer.json()["current"]) == (409, {"value": "2025-01-01"})
        assert bobs.edit("since", "2024-01-01", before="2025-01-01").status_code == 200

    def test_two_who_write_the_same_agree(self, desk: Desk, bobs: Desk) -> None:
        desk.edit("name", "Ana María")
        assert bobs.edit("name", "Ana María", before="Ana Prieto").status_code == 200

    def test_tags_and_labels_of_two_come_together(self, acme: Account, desk: Desk, bobs: Desk) -> None:
        desk.post("tags/", add="VIP")
        bobs.post("tags/", add="Wholesale")
        bobs.post("tags/", remove="VIP")
        for who, label in ((desk, "billing"), (bobs, "urgent")):
            assert who.post("labels/", add=label).status_code == 200
        with scope(acme):
            assert Contact.objects.get(id=desk.path.split("/")[3]).tags == ["Wholesale"]
            assert Conversation.objects.get().labels == ["billing", "urgent"]
        assert bobs.post("tags/", add="Nice").status_code == 400


class TestHistory:
    def test_every_change_says_who_and_what(self, desk: Desk, bobs: Desk) -> None:
        bobs.edit("name", "Ana María")
        desk.post("tags/", add="VIP")
        bobs.post("labels/", add="billing")
        told = desk.history()
        assert "Edited · Inbox</p>" in told
        for words in ("Bob", "Alice", "Ana Prieto", "Ana María", "VIP", "billing"):
            assert words in told

    def test_a_change_is_put_back_and_that_too(self, desk: Desk) -> None:
        desk.edit("since", "2025-01-01")
        desk.edit("since", "2026-01-01")
        assert desk.put_back("since").status_code == 200
        assert desk.value("since") == "2025-01-01"
        desk.put_back("since")
        assert desk.value("since") == "2026-01-01"
        desk.put_back("since", entry=3)
        assert desk.value("since") == ""

    def test_undoing_names_the_entry_it_undoes(self, acme: Account, desk: Desk) -> None:
        desk.edit("name", "Anita")
        desk.put_back("name")
        with scope(acme):
            edit, revert = AuditEntry.objects.filter(action__startswith="contact.").order_by("id")
        assert (revert.action, revert.old, revert.new) == (
            "contact.revert",
            {"name": "Anita"},
            {"name": "Ana Prieto", "reverts": str(edit.id)},
        )

    def test_what_a_channel_said_is_the_channels_again(self, acme: Account, desk: Desk) -> None:
        desk.edit("name", "Anita")
        desk.put_back("name")
        later = datetime.now(UTC) + timedelta(minutes=1)
        take_in(
            acme, connected(acme), message("otra", sender=user("ES.44", name="Ana P."), at=later), received_at=later
        )
        assert desk.value("name") == "Ana P."

    def test_who_sees_an_old_value_puts_nothing_back(self, desk: Desk, bobs: Desk) -> None:
        desk.edit("name", "Anita")
        bobs.edit("name", "Annie")
        assert desk.put_back("name", entry=1, before="Anita").status_code == 409
        assert desk.value("name") == "Annie"

    def test_tags_and_labels_are_put_back_beside_what_came_later(self, acme: Account, desk: Desk) -> None:
        desk.post("tags/", add="VIP")
        desk.post("tags/", add="Wholesale")
        desk.put_back("tags", entry=1, before="")
        desk.post("labels/", add="billing")
        desk.put_back("labels", before="")
        with scope(acme):
            assert Contact.objects.get(id=desk.path.split("/")[3]).tags == ["Wholesale"]
            assert Conversation.objects.get().labels == []

    def test_a_merge_brings_both_histories(self, acme: Account, desk: Desk, alice: Membership) -> None:
        other = write_in(acme, connected(acme), "hi", value="ES.55", name="Bea")
        Desk(alice, other).edit("name", "Beatriz")
        desk.edit("name", "Ana María")
        told = Desk(alice, join(acme, desk.path.split("/")[3], other)).history()
        assert "Beatriz" in told
        assert "Ana María" in told

    def test_an_agent_puts_back_only_what_is_theirs(self, desk: Desk, bob: Membership, ana: str) -> None:
        desk.edit("name", "Anita")
        assert Desk(bob, ana).put_back("name").status_code == 403

    def test_an_entry_of_another_contact_or_account_is_not_found(
        self, acme: Account, desk: Desk, alice: Membership, charlie: Membership
    ) -> None:
        desk.edit("name", "Anita")
        [entry] = re.findall(r'data-entry="([^"]+)"', desk.history())
        others = write_in(acme, connected(acme), "hi", value="ES.55", name="Bea")
        theirs = write_in(charlie.account, connect(charlie.account), "hi")
        for other in (Desk(alice, others), Desk(charlie, theirs)):
            assert other.post("revert/", entry=entry, field="name", before="").status_code == 404


class TestNotes:
    def test_the_newest_stands_first(self, desk: Desk, bobs: Desk) -> None:
        bobs.post("notes/", text="Prefers mornings")
        html = desk.post("notes/", text="Allergic to nuts").content.decode()
        assert html.index("Allergic to nuts") < html.index("Prefers mornings")

    def test_who_is_not_assigned_writes_none(self, bob: Membership, ana: str) -> None:
        assert Desk(bob, ana).post("notes/", text="Hm").status_code == 403

    def test_empty_ones_are_refused(self, desk: Desk) -> None:
        assert desk.post("notes/", text="  ").status_code == 400

    def test_an_agent_removes_their_own_and_a_supervisor_all(self, acme: Account, desk: Desk, bobs: Desk) -> None:
        for who in (desk, bobs, bobs):
            who.post("notes/", text="Something")
        with scope(acme):
            first, second, third = ContactNote.objects.order_by("id").values_list("id", flat=True)
        assert bobs.post(f"notes/{first}/remove/").status_code == 403
        assert bobs.post(f"notes/{second}/remove/").status_code == 200
        assert desk.post(f"notes/{third}/remove/").status_code == 200
        assert desk.post(f"notes/{third}/remove/").status_code == 404

    def test_other_screens_hear_of_it_and_the_audit_keeps_no_text(self, acme: Account, desk: Desk, ana: str) -> None:
        desk.post("notes/", text="Prefers mornings")
        with scope(acme):
            last = LiveEvent.objects.order_by("-seq")[0]
            assert (last.type, str(last.conversation_id)) == ("contact.updated", ana)
            assert "mornings" not in str(AuditEntry.objects.get(action="note.add").new)

    def test_they_follow_a_merge_and_the_split(self, acme: Account, desk: Desk, alice: Membership, ana: str) -> None:
        other = write_in(acme, connected(acme), "hi", value="ES.55", name="Bea")
        Desk(alice, other).post("notes/", text="Note on Bea")
        desk.post("notes/", text="Note on Ana")
        merged = Desk(alice, join(acme, ana, other)).panel()
        assert "Note on Bea" in merged
        assert "Note on Ana" in merged
        with scope(acme) as now:
            link = Evidence.objects.get(rule="link")
            undo_link(acme, UUID(ana), actor=Agent(0, "Alice"), evidence=link.id, now=now)
        assert "Note on Bea" not in desk.panel()
        assert "Note on Bea" in Desk(alice, other).panel()


class TestSameNumber:
    @pytest.fixture
    def priya(self, acme: Account, desk: Desk) -> str:
        """Another contact, whose number WhatsApp vouches for."""
        take_in(acme, connected(acme), message("hi", sender=user("IN.7", phone="919800000001", name="Priya Raman")))
        with scope(acme):
            return str(Contact.objects.get(name="Priya Raman").id)

    def test_a_number_that_another_has_is_saved_and_asked_about(
        self, acme: Account, desk: Desk, alice: Membership, priya: str, ana: str
    ) -> None:
        html = desk.edit("phone", "+91 98000 00001").content.decode()
        assert "Priya Raman" in html
        assert "has this number too" in html
        told = agent_caller(alice).get(f"contacts/{ana}/").json()
        assert told["same_as"] == [{"contact": priya, "name": "Priya Raman", "shared": "phone"}]
        with scope(acme):
            assert Conversation.objects.count() == 2

    def test_an_address_that_an_agent_wrote_is_asked_about_too(self, desk: Desk, alice: Membership, priya: str) -> None:
        Desk(alice, priya).edit("email", "shared@example.com")
        assert "has this e-mail address too" in desk.edit("email", "shared@example.com").content.decode()

    def test_joining_makes_them_one(self, acme: Account, desk: Desk, priya: str) -> None:
        desk.edit("phone", "+91 98000 00001")
        assert desk.post("join/", contact=priya).status_code == 204
        with scope(acme):
            assert Conversation.objects.count() == 1

    def test_who_is_not_the_same_is_not_asked_about_again(
        self, acme: Account, desk: Desk, alice: Membership, priya: str
    ) -> None:
        desk.edit("phone", "+91 98000 00001")
        assert desk.post("apart/", contact=priya).status_code == 204
        assert "has this number too" not in desk.panel()
        assert "has this number too" not in Desk(alice, priya).panel()
        with scope(acme):
            assert Decision.objects.get().op == Decision.Op.CANNOT_LINK
        assert desk.post("join/", contact=priya).status_code == 422


def test_the_other_account_with_the_same_number_stays_as_it_is(acme: Account, desk: Desk, charlie: Membership) -> None:
    theirs = write_in(charlie.account, connect(charlie.account), "hola")
    other = Desk(charlie, theirs)
    other.edit("phone", "+34 600 111 222")
    other.post("notes/", text="Theirs")
    before = dump(charlie.account)
    desk.edit("phone", "+34 600 111 222")
    desk.edit("since", "2025-01-01")
    desk.post("tags/", add="VIP")
    desk.post("labels/", add="billing")
    desk.post("notes/", text="Prefers mornings")
    desk.put_back("since", entry=3)
    assert "has this number too" not in desk.panel()
    assert dump(charlie.account) == before


class TestWriting:
    def test_an_address_with_a_thread_is_written_to_on_its_newest(self, desk: Desk, acme: Account) -> None:
        with scope(acme):
            second = make_channel(acme, external_id="900200")
        take_in(acme, second, message("on the other number"))
        with scope(acme):
            newest = Thread.objects.get(channel=second.id)
        assert re.findall(r'data-do="write" data-thread="([^"]+)"', desk.panel()) == [str(newest.id)]

    def test_who_is_blocked_is_not(self, desk: Desk) -> None:
        desk.post("block/")
        assert re.search(r'data-do="write"[^>]* disabled', desk.panel())
        assert "This contact is blocked." in desk.panel()
