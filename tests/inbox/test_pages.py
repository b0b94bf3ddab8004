"""The agents' page and its fragments, on the real database."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels_ingest.sink import ChannelInfo
from identity.models import Identity
from inbox.models import Conversation, Message
from oneview.accounts.models import Account, AuditEntry, Membership, Team, TeamMember, User
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.batches import ana, make_channel, message, take_in, user

LIST_QUERIES = 16
TIMELINE_QUERIES = 21


@pytest.fixture
def whatsapp(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


@pytest.fixture
def conversation(acme: Account, whatsapp: ChannelInfo) -> UUID:
    """Ana wrote once, and nobody has it."""
    take_in(acme, whatsapp, message("Where is my lamp?"))
    with scope(acme):
        return Conversation.objects.get().id


@pytest.fixture
def agent(bob: Membership) -> Client:
    return sign_in(bob)


def path(conversation: UUID, part: str = "") -> str:
    return f"/inbox/c/{conversation}/{part}"


def fragment(client: Client, address: str, name: str = "part") -> str:
    response = client.get(address, headers={"X-Fragment": name})
    assert response.status_code == 200, response.content
    return response.content.decode()


def post(client: Client, address: str, **content: Any) -> Any:
    return client.post(address, content, headers={"X-Fragment": "answer"})


def send(client: Client, conversation: UUID, text: str, **more: Any) -> Any:
    return post(client, path(conversation, "messages/"), **{"client_id": str(new_id()), "text": text, **more})


def rows_in(html: str) -> list[str]:
    return re.findall(r'<li class="row" data-id="([^"]+)"', html)


def queries(client: Client, address: str, **headers: str) -> int:
    client.get(address, headers=headers)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address, headers=headers).status_code == 200
    return len(captured)


class TestWhoMayLook:
    def test_a_stranger_is_sent_to_sign_in_and_back(self, db: None) -> None:
        response = Client().get("/inbox/?box=all")
        assert response.headers["Location"] == "/accounts/login/?next=/inbox/%3Fbox%3Dall"

    def test_a_script_of_a_page_that_was_signed_out_hears_401(self, conversation: UUID) -> None:
        response = Client().get(path(conversation), headers={"X-Fragment": "conversation"})
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")

    def test_nothing_of_another_account_is_there(self, conversation: UUID, charlie: Membership) -> None:
        client = sign_in(charlie)
        for address in (path(conversation), path(conversation, "panel/"), path(conversation, "messages/")):
            assert "Where is my lamp?" not in client.get(address).content.decode()
        assert client.get(path(conversation)).status_code == 404
        assert send(client, conversation, "Hello").status_code == 404

    def test_the_free_plan_shows_a_lock(self, acme: Account, agent: Client) -> None:
        Account.objects.filter(pk=acme.pk).update(plan="free")
        response = agent.get("/inbox/")
        assert response.status_code == 403
        assert "paid plans" in response.content.decode()


class TestPage:
    def test_the_whole_page_has_the_list_the_messages_and_the_details(self, agent: Client, conversation: UUID) -> None:
        html = agent.get(path(conversation) + "?box=all").content.decode()
        assert rows_in(html) == [str(conversation)]
        assert html.count("Where is my lamp?") == 2  # the row and the timeline
        assert "+34 600 11 12 22" in html

    def test_there_is_no_inline_script_or_style(self, agent: Client, conversation: UUID) -> None:
        html = agent.get(path(conversation)).content.decode()
        scripts = re.findall(r"<script[^>]*>", html)
        assert all("src=" in script or "application/json" in script for script in scripts)
        assert not re.search(r"\s(style|on[a-z]+)=", html)

    def test_an_identity_finds_its_conversation(self, acme: Account, agent: Client, conversation: UUID) -> None:
        with scope(acme):
            other = Identity.objects.exclude(pk=conversation).get()
        response = agent.get(path(other.pk) + "?box=all")
        assert response.headers["Location"] == path(conversation) + "?box=all"

    def test_a_page_without_conversations_says_so(self, agent: Client, acme: Account) -> None:
        assert "Nothing waiting for you." in agent.get("/inbox/").content.decode()

    def test_the_page_knows_where_the_live_log_stood(self, agent: Client, conversation: UUID) -> None:
        html = agent.get(path(conversation)).content.decode()
        seqs = {int(seq) for seq in re.findall(r'data-seq="(\d+)"', html)}
        assert len(seqs) == 1
        assert seqs.pop() > 0


class TestList:
    def test_boxes(self, acme: Account, bob: Membership, agent: Client, conversation: UUID) -> None:
        assert rows_in(fragment(agent, "/inbox/list/")) == []
        assert rows_in(fragment(agent, "/inbox/list/?box=unassigned")) == [str(conversation)]
        post(agent, path(conversation, "assign/"), assignee=bob.user_id)
        assert rows_in(fragment(agent, "/inbox/list/?box=mine")) == [str(conversation)]
        assert rows_in(fragment(agent, "/inbox/list/?box=unassigned")) == []

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("status=open", True),
            ("status=resolved", False),
            ("status=all", True),
            ("unread=1", True),
            ("q=ana", True),
            ("q=nobody", False),
            ("label=refund", False),
            ("channel=00000000-0000-0000-0000-000000000000", True),  # of nobody: not said
            ("status=nonsense", True),
        ],
    )
    def test_filters(self, agent: Client, conversation: UUID, query: str, found: bool) -> None:
        assert bool(rows_in(fragment(agent, f"/inbox/list/?box=all&{query}"))) is found

    def test_the_channel_of_a_filter_is_named(self, agent: Client, conversation: UUID, whatsapp: ChannelInfo) -> None:
        html = fragment(agent, f"/inbox/list/?box=all&channel={whatsapp.id}")
        assert rows_in(html) == [str(conversation)]
        assert f'data-channel="{whatsapp.id}"' in html

    def test_pages_follow_each_other(self, acme: Account, agent: Client, whatsapp: ChannelInfo) -> None:
        take_in(acme, whatsapp, *(message("Hi", sender=user(f"ES.{n}", name=f"User {n}")) for n in range(45)))
        first = fragment(agent, "/inbox/list/?box=all")
        [cursor] = re.findall(r'data-next="([^"]+)"', first)
        second = fragment(agent, f"/inbox/list/?box=all&cursor={cursor}")
        assert (len(rows_in(first)), len(rows_in(second))) == (30, 15)
        assert not set(rows_in(first)) & set(rows_in(second))

    def test_a_broken_cursor_is_refused(self, agent: Client, acme: Account) -> None:
        assert agent.get("/inbox/list/?cursor=x", headers={"X-Fragment": "list"}).status_code == 400

    def test_queries_do_not_grow_with_the_rows(self, acme: Account, agent: Client, whatsapp: ChannelInfo) -> None:
        take_in(acme, whatsapp, message("Hi"))
        few = queries(agent, "/inbox/list/?box=all")
        take_in(acme, whatsapp, *(message("Hi", sender=user(f"ES.{n}")) for n in range(30)))
        assert queries(agent, "/inbox/list/?box=all") == few <= LIST_QUERIES

    def test_counts(self, agent: Client, conversation: UUID) -> None:
        assert agent.get("/inbox/counts/").json() == {"mine": 0, "unassigned": 1, "all": 1, "badge": 1, "mentions": 0}


class TestTimeline:
    def test_a_fragment_is_only_the_middle_pane(self, agent: Client, conversation: UUID) -> None:
        response = agent.get(path(conversation), headers={"X-Fragment": "conversation"})
        html = response.content.decode()
        assert html.strip().startswith('<div class="conversation"')
        assert "X-Fragment" in response.headers["Vary"]
        assert "<html" not in html

    def test_the_bar_has_no_messages(self, agent: Client, conversation: UUID) -> None:
        html = fragment(agent, path(conversation), "bar")
        assert 'id="head"' in html
        assert "Where is my lamp?" not in html

    def test_pages_both_ways(self, acme: Account, agent: Client, whatsapp: ChannelInfo, conversation: UUID) -> None:
        start = timezone.now() - timedelta(hours=2)
        take_in(acme, whatsapp, *(message(f"Number {n}", at=start + timedelta(seconds=n)) for n in range(50)))
        newest = fragment(agent, path(conversation, "messages/"))
        [before] = re.findall(r'data-before="([^"]+)"', newest)
        older = fragment(agent, path(conversation, f"messages/?before={before}"))
        texts = re.findall(r"Number (\d+)<", older + newest)
        assert texts == [str(n) for n in range(50)]
        [after] = re.findall(r'data-after="([^"]+)"', older)
        assert "Number 49" in fragment(agent, path(conversation, f"messages/?after={after}"))

    def test_single_messages_by_id(
        self, acme: Account, agent: Client, whatsapp: ChannelInfo, conversation: UUID
    ) -> None:
        with scope(acme):
            id = Message.objects.get().id
        take_in(acme, whatsapp, message("Hello", sender=user("ES.45", name="Leo")))
        with scope(acme):
            other = Conversation.objects.exclude(id=conversation).get().id
        assert "Where is my lamp?" not in fragment(agent, path(other, f"messages/?ids={id}"))
        assert "Where is my lamp?" in fragment(agent, path(conversation, f"messages/?ids={id}"))
        assert agent.get(path(new_id(), f"messages/?ids={id}")).status_code == 404
        assert agent.get(path(conversation, "messages/?ids=x"), headers={"X-Fragment": "x"}).status_code == 400

    def test_queries_do_not_grow_with_the_messages(
        self, acme: Account, agent: Client, whatsapp: ChannelInfo, conversation: UUID
    ) -> None:
        few = queries(agent, path(conversation), **{"X-Fragment": "conversation"})
        take_in(acme, whatsapp, *(message(f"Number {n}") for n in range(40)))
        assert queries(agent, path(conversation), **{"X-Fragment": "conversation"}) == few <= TIMELINE_QUERIES

    def test_what_is_older_than_the_window_is_not_shown(
        self, acme: Account, agent: Client, whatsapp: ChannelInfo
    ) -> None:
        take_in(acme, whatsapp, message("Where is my lamp?", at=timezone.now() - timedelta(days=2)))
        with scope(acme):
            id, conversation = Message.objects.get().id, Conversation.objects.get().id
        assert "lamp" in fragment(agent, path(conversation, f"messages/?ids={id}"))
        Account.objects.filter(pk=acme.pk).update(window_days=1)
        assert agent.get(path(conversation)).status_code == 404
        assert agent.get(path(conversation, f"messages/?ids={id}")).status_code == 404
        assert rows_in(fragment(agent, "/inbox/list/?box=all")) == []


class TestText:
    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
            ("javascript:alert(1)", ">javascript:alert(1)<"),
            ('see https://a.example/?q="><img>', 'href="https://a.example/?q="'),
        ],
    )
    def test_a_message_is_text(
        self, acme: Account, agent: Client, whatsapp: ChannelInfo, conversation: UUID, text: str, html: str
    ) -> None:
        take_in(acme, whatsapp, message(text))
        shown = fragment(agent, path(conversation, "messages/"))
        assert html in shown
        assert "<script" not in shown
        assert "<img" not in shown

    def test_a_name_is_text_too(self, acme: Account, agent: Client, whatsapp: ChannelInfo) -> None:
        take_in(acme, whatsapp, message("Hi", sender=ana('"><b onclick=x>')))
        html = agent.get("/inbox/?box=all").content.decode()
        assert "<b onclick" not in html
        assert "&lt;b onclick" in html


class TestSending:
    def test_a_reply_is_shown_and_counts_once(self, acme: Account, agent: Client, conversation: UUID) -> None:
        client_id = str(new_id())
        first = send(agent, conversation, "On its way", client_id=client_id)
        again = send(agent, conversation, "On its way", client_id=client_id)
        assert (first.status_code, again.status_code) == (201, 200)
        assert f'data-client="{client_id}"' in first.content.decode()
        with scope(acme):
            assert Message.objects.filter(direction="outbound").count() == 1

    def test_the_same_client_id_for_something_else_is_refused(self, agent: Client, conversation: UUID) -> None:
        client_id = str(new_id())
        send(agent, conversation, "One", client_id=client_id)
        response = send(agent, conversation, "Two", client_id=client_id)
        assert (response.status_code, response.json()["code"]) == (409, "client_id_reused")

    def test_a_note_says_that_it_is_private(self, agent: Client, conversation: UUID) -> None:
        html = send(agent, conversation, "Ask the warehouse", private="1").content.decode()
        assert "Private note" in html
        assert "msg-note" in html

    def test_an_empty_reply_is_refused(self, agent: Client, conversation: UUID) -> None:
        response = send(agent, conversation, " \n ")
        assert response.status_code == 400
        assert [error["field"] for error in response.json()["errors"]] == ["text"]

    def test_a_closed_window_is_told_and_nothing_is_written(
        self, acme: Account, agent: Client, whatsapp: ChannelInfo
    ) -> None:
        take_in(acme, whatsapp, message("Hi", at=timezone.now() - timedelta(hours=30)))
        with scope(acme):
            conversation = Conversation.objects.get().id
        response = send(agent, conversation, "Too late")
        assert (response.status_code, response.json()["code"]) == (422, "window_closed")
        assert "24 hours have passed" in fragment(agent, path(conversation), "bar")

    def test_a_quoted_reply(self, acme: Account, agent: Client, conversation: UUID) -> None:
        with scope(acme):
            quoted = Message.objects.get().id
        html = send(agent, conversation, "This one?", reply_to=str(quoted)).content.decode()
        assert f'data-go="{quoted}"' in html

    def test_files(self, agent: Client, conversation: UUID) -> None:
        file = SimpleUploadedFile("label.pdf", b"%PDF-1.4", content_type="application/pdf")
        response = send(agent, conversation, "", files=[file])
        assert response.status_code == 201, response.content
        assert "label.pdf" in response.content.decode()

    def test_too_many_files_are_refused_and_none_is_kept(self, agent: Client, conversation: UUID) -> None:
        files = [SimpleUploadedFile(f"{n}.txt", b"x") for n in range(11)]
        assert send(agent, conversation, "", files=files).json()["errors"][0]["code"] == "too_many"


class TestCommands:
    def test_assigning(self, acme: Account, bob: Membership, agent: Client, conversation: UUID) -> None:
        assert post(agent, path(conversation, "assign/"), assignee=bob.user_id).status_code == 204
        assert "Bob took this." in fragment(agent, path(conversation, "messages/"))
        assert post(agent, path(conversation, "assign/"), assignee="").status_code == 204
        with scope(acme):
            assert Conversation.objects.get().assignee_id is None

    def test_assigning_to_a_team_takes_it_from_who_is_not_of_it(
        self, acme: Account, bob: Membership, agent: Client, conversation: UUID
    ) -> None:
        with scope(acme):
            team = Team.objects.create(account=acme, name="Orders")
        post(agent, path(conversation, "assign/"), assignee=bob.user_id)
        assert post(agent, path(conversation, "assign/"), team=team.id).status_code == 204
        with scope(acme):
            found = Conversation.objects.get()
            assert (found.team_id, found.assignee_id) == (team.id, None)
            entry = AuditEntry.objects.latest("id")
            assert (entry.actor_name, entry.action) == ("Bob", "conversation.team")
            assert entry.old == {"team": None, "assignees": ["Bob"]}
            assert entry.new == {"team": "Orders", "assignees": []}
            TeamMember.objects.create(account=acme, team=team, user=bob.user)
        assert "Orders" in fragment(agent, path(conversation, "panel/"))
        assert "Closed until" not in fragment(agent, path(conversation, "panel/"))
        with scope(acme) as now:
            tomorrow = f"{now + timedelta(days=1):%a}".lower()
            Team.objects.update(hours={tomorrow: [["09:00", "17:00"]]})
        assert "Closed until" in fragment(agent, path(conversation, "panel/"))
        assert f'data-team="{team.id}"' in fragment(agent, path(conversation), "bar")
        assert post(agent, path(conversation, "assign/"), team="").status_code == 204
        with scope(acme):
            assert Conversation.objects.get().team_id is None

    def test_a_team_of_another_account_can_be_given_nothing(
        self, zenith: Account, agent: Client, conversation: UUID
    ) -> None:
        with scope(zenith):
            theirs = Team.objects.create(account=zenith, name="Theirs")
        for team in (theirs.id, new_id()):
            assert post(agent, path(conversation, "assign/"), team=team).status_code == 400

    def test_going_away_and_coming_back(self, bob: Membership, agent: Client, conversation: UUID) -> None:
        assert 'id="away" hidden' in agent.get("/inbox/").content.decode()
        for is_away, given in ((True, "true"), (True, "true"), (False, "")):
            assert post(agent, "/inbox/away/", away=given).status_code == 204
            bob.refresh_from_db()
            assert bob.is_away is is_away
            shown = 'id="away">' in agent.get("/inbox/").content.decode()
            assert shown is is_away
        with scope(bob.account):
            told = AuditEntry.objects.filter(action="member.away").order_by("id").values_list("new", flat=True)
            assert list(told) == [{"is_away": True}, {"is_away": False}]

    def test_nobody_of_another_account_can_be_assigned(
        self, agent: Client, conversation: UUID, charlie: Membership
    ) -> None:
        assert post(agent, path(conversation, "assign/"), assignee=charlie.user_id).status_code == 400

    def test_resolving_and_snoozing(self, acme: Account, agent: Client, conversation: UUID) -> None:
        assert post(agent, path(conversation, "status/"), status="resolved").status_code == 204
        assert "Reopen" in fragment(agent, path(conversation), "bar")
        until = (timezone.now() + timedelta(hours=3)).isoformat()
        assert post(agent, path(conversation, "status/"), status="snoozed", snoozed_until=until).status_code == 204
        with scope(acme):
            assert Conversation.objects.get().status == "snoozed"

    @pytest.mark.parametrize(
        "content", [{"status": "gone"}, {"status": "snoozed"}, {"status": "snoozed", "snoozed_until": "tomorrow"}]
    )
    def test_nonsense_is_refused(self, agent: Client, conversation: UUID, content: dict[str, str]) -> None:
        assert post(agent, path(conversation, "status/"), **content).status_code == 400

    def test_reading_and_unreading(self, acme: Account, agent: Client, conversation: UUID) -> None:
        with scope(acme):
            id = Message.objects.get().id
        assert post(agent, path(conversation, "read/"), up_to=str(id)).status_code == 204
        assert agent.get("/inbox/counts/").json()["badge"] == 0
        assert post(agent, path(conversation, "unread/"), since=str(id)).status_code == 204
        assert agent.get("/inbox/counts/").json()["badge"] == 1

    def test_a_command_needs_a_token_of_the_page(self, bob: Membership, conversation: UUID) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(bob.user)
        assert client.post(path(conversation, "assign/"), {"assignee": bob.user_id}).status_code == 403

    def test_preferences(self, bob: Membership, agent: Client) -> None:
        post(agent, "/inbox/preferences/", theme="dark")
        post(agent, "/inbox/preferences/", single_keys="false")
        user = User.objects.get(pk=bob.user_id)
        assert (user.theme, user.single_keys) == ("dark", False)
        assert 'data-theme="dark"' in agent.get("/inbox/").content.decode()
        assert post(agent, "/inbox/preferences/", theme="pink").status_code == 400


class TestDetails:
    @pytest.fixture
    def mine(self, agent: Client, bob: Membership, conversation: UUID) -> UUID:
        post(agent, path(conversation, "assign/"), assignee=bob.user_id)
        return conversation

    def edit(self, client: Client, conversation: UUID, name: str, value: str, *, before: str | None = None) -> Any:
        html = fragment(client, path(conversation, "panel/"))
        [shown] = re.findall(rf'data-field="{name}" data-value="([^"]*)"', html)
        return post(
            client,
            path(conversation, "panel/field/"),
            name=name,
            value=value,
            before=shown if before is None else before,
        )

    def test_an_agent_edits_what_is_theirs(self, agent: Client, mine: UUID) -> None:
        html = self.edit(agent, mine, "email", "ana@example.com").content.decode()
        assert "ana@example.com" in html

    def test_what_is_not_theirs_is_read_only(self, agent: Client, conversation: UUID) -> None:
        assert "fact-edit" not in fragment(agent, path(conversation, "panel/"))
        assert self.edit(agent, conversation, "email", "ana@example.com").status_code == 403

    def test_a_supervisor_edits_everything(self, alice: Membership, conversation: UUID) -> None:
        assert self.edit(sign_in(alice), conversation, "language", "es").status_code == 200

    def test_a_mistake_is_named_at_its_field(self, agent: Client, mine: UUID) -> None:
        response = self.edit(agent, mine, "email", "nonsense")
        assert response.status_code == 400
        assert response.json()["errors"][0]["field"] == "email"

    def test_who_was_slower_is_shown_both_values(self, agent: Client, mine: UUID) -> None:
        self.edit(agent, mine, "name", "Ana P.")
        response = self.edit(agent, mine, "name", "Anita", before="Ana Prieto")
        assert response.status_code == 409
        assert response.json()["current"]["value"] == "Ana P."

    def test_every_identity_says_why_and_a_link_can_be_undone(
        self, acme: Account, agent: Client, conversation: UUID
    ) -> None:
        html = fragment(agent, path(conversation, "panel/"))
        assert html.count('class="identity"') == 2
        assert "vouches for it" in html
        [evidence] = re.findall(r'data-undo="(\d+)"', html)
        assert post(agent, path(conversation, "undo/"), evidence=evidence).status_code == 204
        with scope(acme):
            assert len(set(Identity.objects.values_list("contact_id", flat=True))) == 2


def test_partials_are_the_same_for_everybody(acme: Account, conversation: UUID, alice: Membership) -> None:
    from inbox.reach import EVERYTHING
    from inbox.rendering import render_messages, render_rows
    from inbox.selectors.conversations import get_conversation
    from inbox.selectors.messages import list_messages

    with scope(acme) as now:
        row = get_conversation(acme.pk, conversation, now=now, window=acme.window, reach=EVERYTHING)
        timeline = list_messages(acme.pk, conversation, now=now, window=acme.window)
    html = render_rows([row])[conversation]
    client = sign_in(alice)
    assert html in fragment(client, "/inbox/list/?box=all")
    [shown] = render_messages(timeline.messages).values()
    assert shown in fragment(client, path(conversation, "messages/"))
