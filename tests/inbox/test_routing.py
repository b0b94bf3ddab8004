"""Queues of teams: who is given what waits, when, and that nothing is given twice or lost."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connections
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_ingest.sink import ChannelInfo
from identity.models import Contact
from inbox.models import Conversation, Message, Thread
from inbox.reach import EVERYTHING
from inbox.selectors.conversations import get_conversation
from inbox.selectors.lines import describe_line
from inbox.selectors.waiting import Taker, Waiting
from inbox.services.contacts import join_contacts
from inbox.services.conversations import assign, assign_team, set_status
from inbox.services.routing import route_waiting, share_out, take_back
from inbox.shapes import Agent
from oneview.accounts.models import Account, AuditEntry, Membership, Role, Team, TeamMember
from oneview.accounts.services import set_away, update_member
from oneview.common.errors import Invalid
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.factories import make_member
from tests.inbox.batches import make_channel, message, take_in, user

LAST_WEEK = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=7)
WEDNESDAY = LAST_WEEK - timedelta(days=(LAST_WEEK.weekday() - 2) % 7)


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


@pytest.fixture
def team(acme: Account, channel: ChannelInfo, bob: Membership) -> Team:
    """Bob's, which gives out in turn."""
    return make_team(acme, "Orders", bob)


def make_team(account: Account, name: str, *members: Membership, **fields: Any) -> Team:
    with scope(account):
        team = Team.objects.create(account=account, name=name, **{"routing": Team.Routing.ROUND_ROBIN, **fields})
        for member in members:
            TeamMember.objects.create(account=account, team=team, user=member.user)
    return team


def write(account: Account, channel: ChannelInfo, *names: str, team: Team | None, at: datetime | None = None) -> None:
    """Users who write to the team for the first time, one after the other."""
    for name in names:
        take_in(account, channel, message(f"I am {name}", sender=user(name, name=name), at=at))
    with scope(account):
        Thread.objects.filter(identity__value__in=names).update(team=team)
        Conversation.objects.filter(id__in=Thread.objects.filter(team=team).values("conversation_id")).update(team=team)


def route(account: Account) -> int:
    with scope(account) as now:
        return route_waiting(account, now=now)


def find(account: Account, name: str) -> UUID:
    with scope(account):
        return Thread.objects.get(identity__value=name).conversation_id


def owners(account: Account) -> dict[str, str | None]:
    """Who has which user's conversation."""
    with scope(account):
        return {
            thread.identity.value: thread.assignee.name if thread.assignee else None
            for thread in Thread.objects.select_related("identity", "assignee")
        }


def names_of(account: Account, conversation: UUID) -> set[str]:
    """Whose it is, as everybody reads it."""
    with scope(account) as now:
        found = get_conversation(account.id, conversation, reach=EVERYTHING, now=now, window=account.window)
    return {assignee.name for assignee in found.assignees}


def lines(account: Account) -> list[str]:
    with scope(account):
        rows = Message.objects.filter(author_kind="system", private=True).order_by("id")
        return [describe_line(row.data) for row in rows]


def write_to_both(account: Account, channel: ChannelInfo, *members: Membership) -> UUID:
    """Conversations of two members turn out to be one, which both have."""
    names = [f"ana of {member.user}" for member in members]
    write(account, channel, *names, team=None)
    with scope(account) as now:
        for name, member in zip(names, members, strict=True):
            assign(account, find(account, name), actor=agent(member), assignee=member.user_id, now=now)
        first, second = (find(account, name) for name in names)
        join_contacts(account, first, actor=agent(members[0]), other=second, now=now)
    return find(account, names[0])


def agent(member: Membership) -> Agent:
    return Agent(member.user_id, str(member.user))


class TestWhoIsGivenWhat:
    def test_what_waits_with_a_team_is_given_to_a_member_of_it(
        self, acme: Account, channel: ChannelInfo, team: Team
    ) -> None:
        write(acme, channel, "ana", team=team)
        assert route(acme) == 1
        assert owners(acme) == {"ana": "Bob"}
        assert lines(acme) == ["Given to Bob by itself."]
        with scope(acme):
            assert Conversation.objects.get().assignee_id == TeamMember.objects.get().user_id
            assert TeamMember.objects.get().given_at is not None
        assert route(acme) == 0

    def test_in_turn_goes_round(self, acme: Account, channel: ChannelInfo, team: Team) -> None:
        members = [make_member(acme, name) for name in ("Dora", "Emil")]
        with scope(acme):
            for member in members:
                TeamMember.objects.create(account=acme, team=team, user=member.user)
        write(acme, channel, "u1", "u2", "u3", "u4", team=team)
        route(acme)
        write(acme, channel, "u5", "u6", team=team)
        route(acme)
        assert Counter(owners(acme).values()) == {"Bob": 2, "Dora": 2, "Emil": 2}

    def test_the_least_busy_are_given_first(self, acme: Account, channel: ChannelInfo, bob: Membership) -> None:
        dora = make_member(acme, "Dora")
        team = make_team(acme, "Care", bob, dora, routing=Team.Routing.LEAST_BUSY)
        write(acme, channel, "u1", "u2", team=None)
        with scope(acme) as now:
            for id in Conversation.objects.values_list("id", flat=True):
                assign(acme, id, actor=agent(bob), assignee=bob.user_id, now=now)
        write(acme, channel, "u3", "u4", "u5", team=team)
        route(acme)
        assert Counter(owners(acme).values()) == {"Bob": 3, "Dora": 2}
        assert owners(acme)["u3"] == owners(acme)["u4"] == "Dora"

    def test_who_waits_longest_is_first(self, acme: Account, channel: ChannelInfo, team: Team, bob: Membership) -> None:
        """Writing again does not cost a place."""
        Membership.objects.filter(pk=bob.pk).update(capacity=1)
        at = datetime.now(UTC) - timedelta(hours=1)
        write(acme, channel, "early", team=team, at=at)
        write(acme, channel, "late", team=team, at=at + timedelta(minutes=1))
        take_in(acme, channel, message("Still there?", sender=user("early"), at=at + timedelta(minutes=2)))
        route(acme)
        assert owners(acme) == {"early": "Bob", "late": None}

    def test_nobody_is_given_more_than_their_capacity(
        self, acme: Account, channel: ChannelInfo, team: Team, bob: Membership
    ) -> None:
        Membership.objects.filter(pk=bob.pk).update(capacity=2)
        write(acme, channel, "u1", "u2", "u3", team=team)
        assert route(acme) == 2
        with scope(acme) as now:
            set_status(acme, find(acme, "u1"), actor=agent(bob), status="resolved", now=now)
        assert route(acme) == 1
        assert owners(acme)["u3"] == "Bob"

    def test_who_does_not_see_the_channel_is_given_nothing_of_it(
        self, acme: Account, channel: ChannelInfo, team: Team, bob: Membership
    ) -> None:
        Membership.objects.filter(pk=bob.pk).update(channels=[new_id()])
        write(acme, channel, "ana", team=team)
        assert route(acme) == 0
        Membership.objects.filter(pk=bob.pk).update(channels=[channel.id])
        assert route(acme) == 1

    @pytest.mark.parametrize("state", [{"is_active": False}, {"is_away": True}])
    def test_who_is_away_or_gone_is_given_nothing(
        self, acme: Account, channel: ChannelInfo, team: Team, bob: Membership, state: dict[str, bool]
    ) -> None:
        Membership.objects.filter(pk=bob.pk).update(**state)
        write(acme, channel, "ana", team=team)
        assert route(acme) == 0

    def test_a_team_that_gives_by_hand_gives_nothing_by_itself(
        self, acme: Account, channel: ChannelInfo, team: Team
    ) -> None:
        with scope(acme):
            Team.objects.update(routing=Team.Routing.MANUAL)
        write(acme, channel, "ana", team=team)
        assert route(acme) == 0

    def test_what_came_while_the_team_was_closed_is_given_out_when_it_opens(
        self, acme: Account, channel: ChannelInfo, team: Team
    ) -> None:
        with scope(acme):
            Team.objects.update(hours={"wed": [["13:00", "14:00"]]})
        write(acme, channel, "ana", team=team, at=WEDNESDAY)
        with scope(acme):
            assert route_waiting(acme, now=WEDNESDAY) == 0
            assert route_waiting(acme, now=WEDNESDAY + timedelta(hours=1)) == 1

    @pytest.mark.parametrize("state", [{"turn": "bot"}, {"status": "resolved"}, {"status": "snoozed"}])
    def test_what_is_not_for_people_now_stays(
        self, acme: Account, channel: ChannelInfo, team: Team, state: dict[str, str]
    ) -> None:
        write(acme, channel, "ana", team=team)
        with scope(acme):
            Conversation.objects.update(**state)
        assert route(acme) == 0

    def test_who_is_blocked_waits_for_nobody(self, acme: Account, channel: ChannelInfo, team: Team) -> None:
        write(acme, channel, "ana", team=team)
        with scope(acme):
            Contact.objects.update(blocked=True)
        assert route(acme) == 0

    def test_another_account_is_left_alone(
        self, acme: Account, channel: ChannelInfo, team: Team, zenith: Account, charlie: Membership
    ) -> None:
        write(acme, channel, "ana", team=team)
        make_team(zenith, "Theirs", charlie)
        assert route(zenith) == 0
        assert owners(acme) == {"ana": None}


def taker(number: int, *, capacity: int | None, load: int = 0, team: UUID, reach: frozenset[UUID] | None) -> Taker:
    return Taker(UUID(int=number), team, number, f"Agent {number}", None, reach, capacity, load)


CHANNELS = [UUID(int=number) for number in range(1, 4)]
TEAM = UUID(int=99)
reaches = st.none() | st.frozensets(st.sampled_from(CHANNELS))
staff = st.lists(st.tuples(st.none() | st.integers(0, 3), st.integers(0, 4), reaches), max_size=4)
queues = st.lists(st.frozensets(st.sampled_from(CHANNELS), min_size=1), max_size=12)


@given(staff=staff, queue=queues, routing=st.sampled_from(["round_robin", "least_busy"]))
@settings(max_examples=200)
def test_a_share_is_within_reach_and_capacity_and_leaves_nothing_that_somebody_could_take(
    staff: list[Any], queue: list[frozenset[UUID]], routing: str
) -> None:
    takers = [
        taker(number, capacity=capacity, load=load, team=TEAM, reach=reach)
        for number, (capacity, load, reach) in enumerate(staff, 1)
    ]
    waiting = [Waiting(new_id(), TEAM, channels) for channels in queue]
    shared = share_out(waiting, takers, teams={TEAM: Team(id=TEAM, routing=routing)}, now=WEDNESDAY)
    loads = Counter({each.user: each.load for each in takers})
    loads.update(each.user for _, each, _ in shared)
    for each in takers:
        assert each.capacity is None or loads[each.user] <= max(each.capacity, each.load)
    assert all(each.channels is None or each.channels & what.channels for what, each, _ in shared)
    assert len({at for _, _, at in shared}) == len({what.id for what, _, _ in shared}) == len(shared)
    for left in (each for each in waiting if each.id not in {what.id for what, _, _ in shared}):
        for each in takers:
            is_full = each.capacity is not None and loads[each.user] >= each.capacity
            assert is_full or not each.reaches(left)


@given(size=st.integers(1, 5), count=st.integers(0, 20))
def test_in_turn_differs_by_one_at_most(size: int, count: int) -> None:
    takers = [taker(number, capacity=None, team=TEAM, reach=None) for number in range(1, size + 1)]
    waiting = [Waiting(new_id(), TEAM, frozenset(CHANNELS)) for _ in range(count)]
    shared = share_out(waiting, takers, teams={TEAM: Team(id=TEAM, routing="round_robin")}, now=WEDNESDAY)
    shares = [sum(each.user == other.user for _, other, _ in shared) for each in takers]
    assert max(shares) - min(shares) <= 1


@pytest.mark.django_db(transaction=True)
def test_several_at_once_give_nothing_twice_and_nobody_too_much(
    acme: Account, channel: ChannelInfo, team: Team, bob: Membership
) -> None:
    """Two teams share Bob, and each round begins with some more that wait."""
    care = make_team(acme, "Care", bob)
    Membership.objects.filter(pk=bob.pk).update(capacity=7)
    begin = threading.Barrier(4)
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            begin.wait(timeout=20)
            for turn in range(3):
                mine = care if number % 2 else team
                write(acme, channel, f"u{number}-{turn}", team=mine)
                route(acme)
        except Exception as error:  # noqa: BLE001 - the test tells it
            failures.append(error)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    assert Counter(owners(acme).values()) == {"Bob": 7, None: 5}
    assert lines(acme) == ["Given to Bob by itself."] * 7


@pytest.mark.django_db(transaction=True)
def test_who_is_in_two_teams_is_not_given_too_much_by_both_at_once(
    acme: Account, channel: ChannelInfo, bob: Membership
) -> None:
    """Each queue is looked at by one of both alone: what they share is Bob."""
    Membership.objects.filter(pk=bob.pk).update(capacity=1)
    later = WEDNESDAY + timedelta(hours=2)
    for name, hours in (("early", ["12:00", "13:00"]), ("late", ["14:00", "15:00"])):
        write(acme, channel, name, team=make_team(acme, name, bob, hours={"wed": [hours]}), at=WEDNESDAY)
    given: list[int] = []

    def work() -> None:
        with scope(acme):
            given.append(route_waiting(acme, now=later))
        connections.close_all()

    worker = threading.Thread(target=work)
    with scope(acme):
        assert route_waiting(acme, now=WEDNESDAY) == 1
        worker.start()
        worker.join(timeout=0.5)
    worker.join()
    assert given == [0]
    assert owners(acme) == {"early": "Bob", "late": None}


class TestTeams:
    def test_a_conversation_is_given_to_a_team_and_taken_out_again(
        self, acme: Account, channel: ChannelInfo, team: Team, bob: Membership
    ) -> None:
        write(acme, channel, "ana", team=None)
        with scope(acme) as now:
            for given in (team.id, None):
                assign_team(acme, find(acme, "ana"), actor=agent(bob), team=given, now=now)
                assert Conversation.objects.get().team_id == given
        assert lines(acme) == ["Bob gave this to the team Orders.", "Bob took this out of its team."]

    def test_who_is_not_of_the_team_has_it_no_more(
        self, acme: Account, channel: ChannelInfo, team: Team, alice: Membership, bob: Membership
    ) -> None:
        write(acme, channel, "hers", "his", team=None)
        with scope(acme) as now:
            for name, member in (("hers", alice), ("his", bob)):
                assign(acme, find(acme, name), actor=agent(alice), assignee=member.user_id, now=now)
                assign_team(acme, find(acme, name), actor=agent(alice), team=team.id, now=now)
        assert owners(acme) == {"hers": None, "his": "Bob"}
        assert [line for line in lines(acme) if "team" in line] == [
            "Alice gave this to the team Orders; Alice had it.",
            "Alice gave this to the team Orders.",
        ]

    def test_of_two_who_have_it_the_team_keeps_its_own(
        self, acme: Account, channel: ChannelInfo, team: Team, alice: Membership, bob: Membership
    ) -> None:
        ana = write_to_both(acme, channel, alice, bob)
        with scope(acme) as now:
            assign_team(acme, ana, actor=agent(alice), team=team.id, now=now)
            entry = AuditEntry.objects.latest("id")
        assert lines(acme)[-1] == "Alice gave this to the team Orders; Alice had it."
        assert entry.old == {"team": None, "assignees": ["Bob", "Alice"]}
        assert entry.new == {"team": "Orders", "assignees": ["Bob"]}

    def test_a_team_of_another_account_is_none(
        self, acme: Account, channel: ChannelInfo, zenith: Account, charlie: Membership, bob: Membership
    ) -> None:
        theirs = make_team(zenith, "Theirs", charlie)
        write(acme, channel, "ana", team=None)
        with scope(acme) as now, pytest.raises(Invalid):
            assign_team(acme, find(acme, "ana"), actor=agent(bob), team=theirs.id, now=now)


class TestWhoLeaves:
    def test_what_they_did_keeps_their_name(
        self, acme: Account, channel: ChannelInfo, alice: Membership, bob: Membership
    ) -> None:
        ana = write_to_both(acme, channel, alice, bob)
        with scope(acme) as now:
            set_status(acme, ana, actor=agent(bob), status="resolved", now=now)
        update_member(bob, role=Role.AGENT, is_active=False, actor=alice.user)
        assert names_of(acme, ana) == {"Alice", "Bob"}
        Membership.objects.filter(pk=bob.pk).delete()
        assert names_of(acme, ana) == {"Alice", "Former agent"}

    def test_what_they_had_is_nobodys_again_and_given_to_others(
        self, acme: Account, channel: ChannelInfo, team: Team, alice: Membership, bob: Membership
    ) -> None:
        write(acme, channel, "open", "snoozed", "done", team=team)
        route(acme)
        with scope(acme) as now:
            set_status(acme, find(acme, "done"), actor=agent(bob), status="resolved", now=now)
            later = now + timedelta(hours=2)
            set_status(acme, find(acme, "snoozed"), actor=agent(bob), status="snoozed", snoozed_until=later, now=now)
        update_member(bob, role=Role.AGENT, is_active=False, actor=alice.user)
        with scope(acme) as now:
            assert take_back(acme, now=now) == 2
            assert take_back(acme, now=now) == 0
        assert owners(acme) == {"open": None, "snoozed": None, "done": "Bob"}
        assert lines(acme).count("Bob has left; this is nobody's again.") == 2
        with scope(acme):
            TeamMember.objects.create(account=acme, team=team, user=alice.user)
        assert route(acme) == 1
        assert owners(acme)["open"] == "Alice"

    def test_who_is_only_away_keeps_what_they_have(
        self, acme: Account, channel: ChannelInfo, team: Team, bob: Membership
    ) -> None:
        write(acme, channel, "ana", team=team)
        route(acme)
        set_away(bob, is_away=True, actor=bob.user)
        with scope(acme) as now:
            assert take_back(acme, now=now) == 0
        assert owners(acme) == {"ana": "Bob"}
