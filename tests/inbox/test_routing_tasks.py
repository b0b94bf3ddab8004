"""Whatever frees a conversation or a person is followed within seconds, without any sweep."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from channels_ingest.models import OutboxMessage
from channels_ingest.sink import ChannelInfo
from inbox.models import Conversation, Thread
from inbox.services.conversations import assign_team, set_status
from inbox.services.turns import hand_over
from oneview.accounts.models import Account, Bot, Membership, Role, Team
from oneview.accounts.services import set_away, update_member
from oneview.common.scope import scope
from tests.inbox.batches import make_channel, message, take_in, user
from tests.inbox.test_routing import agent, find, make_team, owners
from tests.inbox.visiting import wait

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("worker")]

SECONDS = 20  # nothing else would do it, however long one waits


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


@pytest.fixture
def team(acme: Account, channel: ChannelInfo, bob: Membership) -> Team:
    """Bob's, whose the channel is."""
    return make_team(acme, "Orders", bob, channels=[channel.id])


def write(account: Account, channel: ChannelInfo, name: str) -> None:
    take_in(account, channel, message("Hello?", sender=user(name, name=name)))


def soon(found: Callable[[], object]) -> None:
    wait(found, seconds=SECONDS)


def test_who_writes_to_a_team_has_somebody_at_once(
    acme: Account, channel: ChannelInfo, team: Team, bob: Membership
) -> None:
    write(acme, channel, "ana")
    soon(lambda: owners(acme) == {"ana": "Bob"})


def test_what_somebody_leaves_is_given_to_the_next(
    acme: Account, channel: ChannelInfo, team: Team, alice: Membership, bob: Membership
) -> None:
    write(acme, channel, "ana")
    soon(lambda: owners(acme) == {"ana": "Bob"})
    update_member(bob, role=Role.AGENT, is_active=False, actor=alice.user)
    soon(lambda: owners(acme) == {"ana": None})


def test_who_comes_back_is_given_what_waits(acme: Account, channel: ChannelInfo, team: Team, bob: Membership) -> None:
    set_away(bob, is_away=True, actor=bob.user)
    write(acme, channel, "ana")
    set_away(bob, is_away=False, actor=bob.user)
    soon(lambda: owners(acme) == {"ana": "Bob"})


def test_who_has_resolved_something_is_given_the_next(
    acme: Account, channel: ChannelInfo, team: Team, bob: Membership
) -> None:
    Membership.objects.filter(pk=bob.pk).update(capacity=1)
    write(acme, channel, "ana")
    soon(lambda: owners(acme) == {"ana": "Bob"})
    write(acme, channel, "ben")
    with scope(acme) as now:
        set_status(acme, find(acme, "ana"), actor=agent(bob), status="resolved", now=now)
    soon(lambda: owners(acme) == {"ana": "Bob", "ben": "Bob"})


def test_what_is_given_to_a_team_is_given_on(acme: Account, channel: ChannelInfo, bob: Membership) -> None:
    write(acme, channel, "ana")
    care = make_team(acme, "Care", bob)
    with scope(acme) as now:
        assign_team(acme, find(acme, "ana"), actor=agent(bob), team=care.id, now=now)
    soon(lambda: owners(acme) == {"ana": "Bob"})


def test_what_a_bot_hands_over_is_given_on(acme: Account, channel: ChannelInfo, team: Team) -> None:
    with scope(acme):
        Bot.objects.create(account=acme, name="Helper")
    write(acme, channel, "ana")
    assert owners(acme) == {"ana": None}
    with scope(acme) as now:
        hand_over(acme, Conversation.objects.get().id, bot="Helper", reason="asked for it", now=now)
    soon(lambda: owners(acme) == {"ana": "Bob"})


def test_who_writes_to_a_closed_team_is_told_at_once(acme: Account, channel: ChannelInfo, team: Team) -> None:
    with scope(acme):
        Team.objects.update(hours={"mon": []}, closed_text="We are back at nine.")
    write(acme, channel, "ana")

    def told() -> bool:
        with scope(acme):
            return OutboxMessage.objects.exists() and Thread.objects.get().told_closed_at is not None

    soon(told)
    assert owners(acme) == {"ana": None}
