"""Who sees what: in the list, in the numbers beside it, and in the one conversation."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_ingest.sink import ChannelInfo
from inbox.folds import fold_conversations
from inbox.models import Conversation, Thread
from inbox.reach import EVERYTHING, Reach
from inbox.selectors.conversations import count_boxes, get_conversation, list_conversations
from inbox.selectors.reach import read_reach
from inbox.services.conversations import assign
from inbox.shapes import Agent
from oneview.accounts.models import Account, Membership, Team, TeamMember
from oneview.common.errors import NotFound
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.api import agent_caller, bot_caller, write_in
from tests.inbox.mapping import give, ids, make_team, map_channels, reach_of


@pytest.fixture
def of_sales(acme: Account, sales: ChannelInfo) -> str:
    return write_in(acme, sales, "a question", value="ES.1", name="Rosa Diez")


@pytest.fixture
def of_support(acme: Account, support: ChannelInfo) -> str:
    return write_in(acme, support, "a complaint", value="ES.2", name="Luis Gil")


def sees(member: Membership, *, box: str = "all") -> set[str]:
    with scope(member.account) as now:
        asked: dict[str, Any] = {"now": now, "window": member.account.window, "reach": reach_of(member)}
        page = list_conversations(member.account_id, viewer_id=member.user_id, box=box, **asked)
        counts = count_boxes(member.account_id, viewer_id=member.user_id, **asked)
    assert len(page.rows) == {"all": counts.all, "mine": counts.mine, "unassigned": counts.unassigned}[box]
    return ids(row.id for row in page.rows)


def take(member: Membership, conversation: str) -> None:
    with scope(member.account) as now:
        actor = Agent(member.user_id, "Bob")
        assign(member.account, UUID(conversation), actor=actor, assignee=member.user_id, now=now)


def test_an_agent_who_is_mapped_to_nothing_in_particular_sees_every_channel(
    bob: Membership, of_sales: str, of_support: str
) -> None:
    assert sees(bob) == {of_sales, of_support}


def test_an_agent_sees_the_channels_they_are_mapped_to(
    bob: Membership, sales: ChannelInfo, of_sales: str, of_support: str
) -> None:
    map_channels(bob, sales)
    assert sees(bob) == {of_sales}
    assert sees(bob, box="unassigned") == {of_sales}


def test_an_agent_mapped_to_no_channel_sees_what_is_assigned_to_them(
    bob: Membership, of_sales: str, of_support: str
) -> None:
    map_channels(bob)
    assert sees(bob) == set()
    take(bob, of_support)
    assert sees(bob) == sees(bob, box="mine") == {of_support}


def test_what_belongs_to_a_team_is_for_its_members(
    acme: Account, alice: Membership, bob: Membership, of_sales: str, of_support: str
) -> None:
    give(acme, of_support, team=make_team(acme, "Night owls"))
    assert sees(bob) == {of_sales}
    give(acme, of_support, team=make_team(acme, "Bob's", bob))
    assert sees(bob) == {of_sales, of_support}


def test_a_team_does_not_open_a_channel(
    acme: Account, bob: Membership, sales: ChannelInfo, of_sales: str, of_support: str
) -> None:
    map_channels(bob, sales)
    give(acme, of_support, team=make_team(acme, "Bob's", bob))
    assert sees(bob) == {of_sales}


def test_a_supervisor_sees_everything_and_what_nobody_is_mapped_to_waits_with_them(
    acme: Account, alice: Membership, bob: Membership, of_sales: str, of_support: str
) -> None:
    map_channels(bob)
    map_channels(alice)
    give(acme, of_support, team=make_team(acme, "Empty"))
    assert sees(bob) == set()
    assert sees(alice) == sees(alice, box="unassigned") == {of_sales, of_support}


def test_whoever_may_see_one_thread_sees_the_whole_conversation(
    acme: Account, bob: Membership, sales: ChannelInfo, of_sales: str, of_support: str
) -> None:
    map_channels(bob, sales)
    with scope(acme):
        Thread.objects.filter(account=acme, conversation_id=of_support).update(conversation_id=of_sales)
        fold_conversations(acme.id, [UUID(of_sales), UUID(of_support)])
    answer = agent_caller(bob).get(f"conversations/{of_sales}/messages/").json()
    assert [message["text"] for message in answer["results"]] == ["a question", "a complaint"]


def test_out_of_reach_answers_as_what_never_existed(
    acme: Account, bob: Membership, sales: ChannelInfo, of_support: str
) -> None:
    map_channels(bob, sales)
    never = f"{of_support[:-4]}beef"
    for path in ("conversations/{}/", "contacts/{}/", "contacts/{}/identities/"):
        hidden, missing = (agent_caller(bob).get(path.format(id)) for id in (of_support, never))
        assert hidden.status_code == missing.status_code == 404
        known = [{**answer.json(), "request_id": ""} for answer in (hidden, missing)]
        assert known[0] == known[1]


def test_who_gives_a_conversation_out_of_their_reach_is_answered_once_more(bob: Membership, of_support: str) -> None:
    map_channels(bob)
    take(bob, of_support)
    calls = agent_caller(bob)
    given = calls.patch(f"conversations/{of_support}/", {"assignee": None})
    assert (given.status_code, given.json()["assignee"]) == (200, None)
    assert calls.get(f"conversations/{of_support}/").status_code == 404


def test_a_bot_sees_everything(acme: Account, bob: Membership, of_sales: str, of_support: str) -> None:
    listed = bot_caller(acme).get("conversations/").json()["results"]
    assert ids(row["id"] for row in listed) == {of_sales, of_support}


def test_a_contact_without_a_conversation_is_for_supervisors_and_bots(
    acme: Account, alice: Membership, bob: Membership, of_sales: str
) -> None:
    with scope(acme):
        Conversation.objects.all().delete()
    callers = (agent_caller(alice), bot_caller(acme), agent_caller(bob))
    assert [caller.get(f"contacts/{of_sales}/").status_code for caller in callers] == [200, 200, 404]


def test_two_are_joined_by_who_sees_both(
    acme: Account, bob: Membership, sales: ChannelInfo, support: ChannelInfo, of_sales: str, of_support: str
) -> None:
    map_channels(bob, sales)
    refused = agent_caller(bob).post(f"contacts/{of_sales}/merge/", {"with": of_support})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "with")
    assert agent_caller(bob).post(f"contacts/{of_support}/merge/", {"with": of_sales}).status_code == 404
    map_channels(bob, sales, support)
    assert agent_caller(bob).post(f"contacts/{of_sales}/merge/", {"with": of_support}).status_code == 200


def test_a_conversation_says_whose_team_it_is(acme: Account, alice: Membership, of_sales: str) -> None:
    team = make_team(acme, "Sales")
    assert agent_caller(alice).get(f"conversations/{of_sales}/").json()["team"] is None
    give(acme, of_sales, team=team)
    told = agent_caller(alice).get(f"conversations/{of_sales}/").json()["team"]
    assert told == {"id": str(team.id), "name": "Sales"}


def test_the_list_is_narrowed_to_a_team(acme: Account, alice: Membership, of_sales: str, of_support: str) -> None:
    team = make_team(acme, "Sales")
    give(acme, of_sales, team=team)
    narrowed = agent_caller(alice).get("conversations/", team=str(team.id)).json()["results"]
    assert [row["id"] for row in narrowed] == [of_sales]
    page = sign_in(alice).get("/inbox/", {"box": "all", "team": str(team.id)}).content.decode()
    assert "Rosa Diez" in page
    assert "Luis Gil" not in page


def test_the_page_offers_the_channels_and_teams_of_the_agent(
    acme: Account, alice: Membership, bob: Membership, sales: ChannelInfo, support: ChannelInfo
) -> None:
    map_channels(bob, sales)
    own, other = make_team(acme, "Bob's", bob), make_team(acme, "Night owls")

    def offered(who: Membership) -> list[object]:
        """In the menu; everybody may give a conversation to any team."""
        menu, _, _ = sign_in(who).get("/inbox/").content.decode().partition("<main")
        return [each for each in (sales, support, own, other) if str(each.id) in menu]

    assert offered(alice) == [sales, support, own, other]
    assert offered(bob) == [sales, own]
    listed = agent_caller(bob).get("channels/").json()["results"]
    assert [channel["id"] for channel in listed] == [str(sales.id)]


def test_reach_costs_an_agent_one_query_and_a_supervisor_none(
    acme: Account, alice: Membership, bob: Membership, sales: ChannelInfo
) -> None:
    map_channels(bob, sales)
    make_team(acme, "Bob's", bob)
    for member, queries in ((alice, 0), (bob, 1)):
        found = Membership.objects.get(pk=member.pk)
        with scope(acme), CaptureQueriesContext(connection) as captured:
            read_reach(found)
        assert len(captured) == queries


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_rule_in_python_and_in_the_database_are_one(
    acme: Account,
    bob: Membership,
    sales: ChannelInfo,
    support: ChannelInfo,
    of_sales: str,
    of_support: str,
    data: st.DataObject,
) -> None:
    with scope(acme) as now:
        teams = [Team.objects.get_or_create(account=acme, name=name)[0] for name in ("One", "Two")]
        TeamMember.objects.filter(account=acme).delete()
        for conversation in (of_sales, of_support):
            threads = Thread.objects.filter(account=acme, conversation_id=conversation)
            threads.update(
                team=data.draw(st.sampled_from([None, *teams])), assignee=data.draw(st.sampled_from([None, bob.user]))
            )
        fold_conversations(acme.id, [UUID(of_sales), UUID(of_support)])
        reach = Reach(
            data.draw(st.none() | st.frozensets(st.sampled_from([sales.id, support.id]))),
            data.draw(st.none() | st.frozensets(st.sampled_from([team.id for team in teams]))),
            bob.user_id,
        )
        asked: dict[str, Any] = {"now": now, "window": acme.window}
        listed = {row.id for row in list_conversations(acme.id, reach=reach, **asked).rows}
        everything = list_conversations(acme.id, reach=EVERYTHING, **asked).rows
        assert listed == {row.id for row in everything if reach.sees(row)}
        assert count_boxes(acme.id, reach=reach, viewer_id=bob.user_id, **asked).all == len(listed)
        for row in everything:
            if row.id not in listed:
                with pytest.raises(NotFound):
                    get_conversation(acme.id, row.id, reach=reach, **asked)
