"""Teams and members as supervisors keep them in the admin."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from channels_ingest.sink import ChannelInfo
from inbox.models import Conversation, Thread
from oneview.accounts.models import Account, AuditEntry, Membership, Team, TeamMember, User
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.batches import make_channel, message, take_in
from tests.inbox.test_routing import make_team

pytestmark = pytest.mark.django_db

TEAMS = "/admin/accounts/team/"
NIGHT = {"name": "Night", "routing": "round_robin", "time_zone": "Europe/Madrid"}


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


@pytest.fixture
def browser(alice: Membership) -> Client:
    return sign_in(alice)


def find(account: Account) -> Team:
    with scope(account):
        return Team.objects.get()


def seated(account: Account) -> set[int]:
    with scope(account):
        return set(TeamMember.objects.values_list("user", flat=True))


def errors(answer: Any) -> dict[str, list[str]]:
    return dict(answer.context["adminform"].form.errors)


def test_a_supervisor_makes_a_team_with_people_channels_and_hours(
    acme: Account, browser: Client, alice: Membership, bob: Membership, channel: ChannelInfo
) -> None:
    people = {"members": [alice.user_id, bob.user_id], "channels": [channel.id]}
    hours = {"mon": "9:00-12:30, 13:30-17:00", "sat": "10:00-14:00", "closed_text": "We are back at nine."}
    answer = browser.post(f"{TEAMS}add/", {**NIGHT, **people, **hours})
    assert answer.status_code == 302
    team = find(acme)
    assert team.hours == {"mon": [["09:00", "12:30"], ["13:30", "17:00"]], "sat": [["10:00", "14:00"]]}
    assert (team.channels, team.time_zone, team.closed_text) == ([channel.id], "Europe/Madrid", "We are back at nine.")
    assert seated(acme) == {alice.user_id, bob.user_id}
    page = browser.get(f"{TEAMS}{team.pk}/change/").content.decode()
    assert "09:00-12:30, 13:30-17:00" in page
    listed = browser.get(TEAMS).content.decode()
    assert "Alice, Bob" in listed
    assert "Mon 09:00" in listed


def test_changes_are_recorded_with_what_stood_before(
    acme: Account, browser: Client, alice: Membership, bob: Membership
) -> None:
    browser.post(f"{TEAMS}add/", {**NIGHT, "members": [bob.user_id]})
    browser.post(f"{TEAMS}{find(acme).pk}/change/", {**NIGHT, "members": [alice.user_id], "sun": "10:00-24:00"})
    assert seated(acme) == {alice.user_id}
    with scope(acme):
        entry = AuditEntry.objects.filter(action="team.save").latest("id")
        assert entry.old
        assert entry.new
        assert (entry.old["members"], entry.new["members"]) == (["Bob"], ["Alice"])
        assert (entry.old["hours"], entry.new["hours"]) == ({}, {"sun": [["10:00", "24:00"]]})


def test_times_that_cannot_be_read_are_refused_beside_their_day(acme: Account, browser: Client) -> None:
    answer = browser.post(f"{TEAMS}add/", {**NIGHT, "wed": "nine to five", "thu": "09:00-10:00"})
    assert list(errors(answer)) == ["wed"]
    assert "Wednesday" in errors(answer)["wed"][0]
    with scope(acme):
        assert not Team.objects.exists()


def test_teams_have_different_names(acme: Account, browser: Client) -> None:
    assert browser.post(f"{TEAMS}add/", NIGHT).status_code == 302
    assert "already" in browser.post(f"{TEAMS}add/", NIGHT, follow=True).content.decode()
    find(acme)


@pytest.mark.parametrize("forged", [{"time_zone": "Mars/Olympus"}, {"routing": "by_lot"}, {"channels": ["x"]}])
def test_what_is_not_offered_is_refused(acme: Account, browser: Client, forged: dict[str, Any]) -> None:
    assert list(errors(browser.post(f"{TEAMS}add/", {**NIGHT, **forged}))) == list(forged)


def test_people_and_channels_of_another_account_are_refused(
    browser: Client, zenith: Account, charlie: Membership
) -> None:
    with scope(zenith):
        theirs = make_channel(zenith)
    answer = browser.post(f"{TEAMS}add/", {**NIGHT, "members": [charlie.user_id], "channels": [theirs.id]})
    assert set(errors(answer)) == {"members", "channels"}
    assert seated(zenith) == set()


def test_who_is_not_active_stays_in_the_team_that_is_changed(acme: Account, browser: Client, bob: Membership) -> None:
    team = make_team(acme, "Night", bob)
    Membership.objects.filter(pk=bob.pk).update(is_active=False)
    browser.post(f"{TEAMS}{team.pk}/change/", NIGHT)
    assert seated(acme) == {bob.user_id}


def test_a_team_goes_when_nothing_waits_in_its_queue(
    acme: Account, browser: Client, bob: Membership, channel: ChannelInfo
) -> None:
    team = make_team(acme, "Night", bob)
    take_in(acme, channel, message("Hello?"))
    with scope(acme):
        Thread.objects.update(team=team)
        Conversation.objects.update(team=team)
    address = f"{TEAMS}{team.pk}/delete/"
    refused = browser.post(address, {"post": "yes"}, follow=True).content.decode()
    assert "1 conversation of this team is not resolved" in refused
    with scope(acme):
        assert Team.objects.exists()
        Thread.objects.update(status="resolved")
        Conversation.objects.update(status="resolved")
    assert browser.post(address, {"post": "yes"}).status_code == 302
    with scope(acme):
        assert not Team.objects.exists()
        assert not TeamMember.objects.exists()
        assert Conversation.objects.get().team_id is None
        assert AuditEntry.objects.filter(action="team.remove", target="Night").exists()


MEMBER = {"role": "agent", "is_active": "on"}


def member_page(member: Membership) -> str:
    return f"/admin/accounts/membership/{member.pk}/change/"


def test_a_supervisor_says_what_an_agent_sees_and_is_given(
    acme: Account, browser: Client, bob: Membership, channel: ChannelInfo
) -> None:
    team = make_team(acme, "Night")
    wanted = {"capacity": 5, "is_away": "on", "channels": [channel.id], "teams": [team.pk]}
    assert browser.post(member_page(bob), {**MEMBER, **wanted}).status_code == 302
    bob.refresh_from_db()
    assert (bob.capacity, bob.is_away, bob.channels) == (5, True, [channel.id])
    assert seated(acme) == {bob.user_id}
    browser.post(member_page(bob), MEMBER)
    bob.refresh_from_db()
    assert (bob.capacity, bob.is_away, bob.channels) == (None, False, None)
    assert seated(acme) == set()
    with scope(acme):
        entry = AuditEntry.objects.filter(action="member.change").latest("id")
        assert entry.old
        assert entry.new
        assert (entry.old["channels"], entry.new["channels"]) == ([str(channel.id)], None)
        assert AuditEntry.objects.filter(action="member.teams").latest("id").old == {"teams": ["Night"]}


def test_a_member_is_given_nothing_of_another_account(
    browser: Client, bob: Membership, zenith: Account, charlie: Membership
) -> None:
    theirs = make_team(zenith, "Theirs")
    answer = browser.post(member_page(bob), {**MEMBER, "channels": [new_id()], "teams": [theirs.pk]})
    assert set(errors(answer)) == {"channels", "teams"}
    assert seated(zenith) == set()


def test_an_operator_changes_a_member_of_no_account_of_theirs(operator: User, bob: Membership) -> None:
    answer = sign_in(operator).post(member_page(bob), {**MEMBER, "is_active": "", "capacity": 3})
    assert answer.status_code == 302
    bob.refresh_from_db()
    assert (bob.is_active, bob.capacity) == (False, 3)
