"""Who writes while a team is away is told so: once, on the channel they wrote on, and never when somebody is there."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connections

from channels_ingest.models import Channel, OutboxMessage
from channels_ingest.sink import ChannelInfo
from identity.models import Contact
from inbox.models import Conversation, Message, Thread
from inbox.rendering import render_messages
from inbox.selectors.messages import list_messages
from inbox.selectors.visitors import list_visitor_messages
from inbox.services.closing import tell_closed
from inbox.services.conversations import assign, set_status
from inbox.services.messages import Draft, send_reply
from inbox.services.turns import hand_over
from inbox.shapes import Agent, Author
from oneview.accounts.models import Account, Membership, Team
from oneview.common.scope import scope
from tests.inbox.batches import echo, make_channel, message, take_in, user
from tests.inbox.test_routing import make_team

TEXT = "We are back at nine."
ALWAYS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
NEVER: dict[str, Any] = {"mon": []}


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


@pytest.fixture
def closed(acme: Account, channel: ChannelInfo, bob: Membership) -> Team:
    return make_team(acme, "Orders", bob, hours=NEVER, closed_text=TEXT)


def write(
    account: Account, channel: ChannelInfo, text: str, team: Team, *, name: str = "ana", at: datetime | None = None
) -> None:
    take_in(account, channel, message(text, sender=user(name, name=name), at=at), received_at=at)
    with scope(account):
        Thread.objects.update(team=team)
        Conversation.objects.update(team=team)


def tell(account: Account) -> int:
    with scope(account) as now:
        return tell_closed(account, now=now)


def sent(account: Account) -> list[str]:
    with scope(account):
        return [(row.content or {})["text"] for row in OutboxMessage.objects.order_by("id")]


def of(member: Membership) -> Agent:
    return Agent(member.user_id, str(member.user))


def test_who_writes_while_the_team_is_away_is_told_once(acme: Account, channel: ChannelInfo, closed: Team) -> None:
    write(acme, channel, "Hello?", closed)
    assert tell(acme) == 1
    write(acme, channel, "Anybody?", closed)
    assert tell(acme) == 0
    assert sent(acme) == [TEXT]


def test_it_goes_on_waiting_for_people(acme: Account, channel: ChannelInfo, closed: Team) -> None:
    """Unread, in its place of the list, with the user's own words as preview."""
    write(acme, channel, "Hello?", closed)
    with scope(acme):
        before = Conversation.objects.values().get()
    tell(acme)
    with scope(acme):
        assert Conversation.objects.values().get() == before
        assert Thread.objects.get().unread == 1


def test_agents_see_an_automatic_reply_and_users_a_message_of_the_team(
    acme: Account, channel: ChannelInfo, closed: Team
) -> None:
    write(acme, channel, "Hello?", closed)
    tell(acme)
    with scope(acme) as now:
        window = acme.window
        conversation = Conversation.objects.get()
        shape = list_messages(acme.id, conversation.id, now=now, window=window).messages[-1]
        assert (shape.author.kind, shape.author.name, shape.text, shape.private) == ("system", "Orders", TEXT, False)
        [html] = render_messages([shape]).values()
        assert "Automatic reply" in html
        assert "msg-system" not in html
        theirs: dict[str, Any] = {"channel_id": channel.id, "identities": [Thread.objects.get().identity_id]}
        seen = list_visitor_messages(acme.id, **theirs, after=None, now=now, window=window, limit=9)
        assert [each.text for each in seen] == ["Hello?", TEXT]


def test_lines_of_the_timeline_are_still_for_agents_alone(
    acme: Account, channel: ChannelInfo, closed: Team, bob: Membership
) -> None:
    write(acme, channel, "Hello?", closed)
    with scope(acme) as now:
        assign(acme, Conversation.objects.get().id, actor=of(bob), assignee=bob.user_id, now=now)
        theirs: dict[str, Any] = {"channel_id": channel.id, "identities": [Thread.objects.get().identity_id]}
        seen = list_visitor_messages(acme.id, **theirs, after=None, now=now, window=acme.window, limit=9)
        assert [each.text for each in seen] == ["Hello?"]


@pytest.mark.parametrize("state", [{"hours": ALWAYS}, {"hours": {}}, {"closed_text": ""}])
def test_a_team_that_is_there_or_has_no_words_tells_nothing(
    acme: Account, channel: ChannelInfo, closed: Team, state: dict[str, Any]
) -> None:
    with scope(acme):
        Team.objects.update(**state)
    write(acme, channel, "Hello?", closed)
    assert tell(acme) == 0


@pytest.mark.parametrize("state", [{"turn": "bot"}, {"status": "resolved"}, {"status": "snoozed"}])
def test_what_is_not_for_people_now_is_not_told(
    acme: Account, channel: ChannelInfo, closed: Team, state: dict[str, str]
) -> None:
    write(acme, channel, "Hello?", closed)
    with scope(acme):
        Conversation.objects.update(**state)
    assert tell(acme) == 0


def test_an_assignee_who_is_there_answers_and_one_who_is_away_does_not(
    acme: Account, channel: ChannelInfo, closed: Team, bob: Membership
) -> None:
    write(acme, channel, "Hello?", closed)
    with scope(acme) as now:
        assign(acme, Conversation.objects.get().id, actor=of(bob), assignee=bob.user_id, now=now)
    assert tell(acme) == 0
    Membership.objects.filter(pk=bob.pk).update(is_away=True)
    assert tell(acme) == 1


def test_who_wrote_in_time_is_not_told_when_the_team_closes(acme: Account, channel: ChannelInfo, closed: Team) -> None:
    write(acme, channel, "Hello?", closed)
    with scope(acme) as now:
        Team.objects.update(hours={f"{now:%a}".lower(): [["00:00", f"{now + timedelta(minutes=1):%H:%M}"]]})
        assert tell_closed(acme, now=now + timedelta(minutes=2)) == 0


def test_who_talked_to_a_bot_first_is_told_when_it_hands_over(
    acme: Account, channel: ChannelInfo, closed: Team
) -> None:
    write(acme, channel, "Hello?", closed)
    with scope(acme) as now:
        conversation = Conversation.objects.get().id
        Thread.objects.update(turn="bot")
        Conversation.objects.update(turn="bot")
        send_reply(acme, conversation, Draft("b", "I ask a colleague."), author=Author("bot", None, "Helper"), now=now)
        hand_over(acme, conversation, bot="Helper", reason="asked for it", now=now)
    assert tell(acme) == 1


def test_what_is_old_is_not_answered_any_more(acme: Account, channel: ChannelInfo, closed: Team) -> None:
    """Whoever gives a team its first hours must not write to everybody who ever waited."""
    with scope(acme) as now:
        pass
    write(acme, channel, "Hello?", closed, at=now - timedelta(hours=3))
    assert tell(acme) == 0


def answer(account: Account, channel: ChannelInfo, member: Membership) -> None:
    with scope(account) as now:
        author, draft = Author("agent", member.user_id, "Bob"), Draft("c", "Here I am")
        send_reply(account, Conversation.objects.get().id, draft, author=author, now=now)


def resolve(account: Account, channel: ChannelInfo, member: Membership) -> None:
    with scope(account) as now:
        set_status(account, Conversation.objects.get().id, actor=of(member), status="resolved", now=now)


def answer_by_phone(account: Account, channel: ChannelInfo, member: Membership) -> None:
    take_in(account, channel, echo("Here I am", sender=user("ana")))


@pytest.mark.parametrize("end", [answer, resolve, answer_by_phone])
def test_once_somebody_has_answered_or_resolved_it_the_next_night_is_told_again(
    acme: Account, channel: ChannelInfo, closed: Team, bob: Membership, end: Any
) -> None:
    write(acme, channel, "Hello?", closed)
    tell(acme)
    end(acme, channel, bob)
    assert tell(acme) == 0
    with scope(acme) as now:
        pass
    write(acme, channel, "And another thing", closed, at=now + timedelta(seconds=2))
    assert tell(acme) == 1


def test_who_is_blocked_is_not_answered(acme: Account, channel: ChannelInfo, closed: Team) -> None:
    write(acme, channel, "Hello?", closed)
    with scope(acme):
        Contact.objects.update(blocked=True)
    assert tell(acme) == 0


def test_a_channel_that_is_disconnected_is_told_nothing(acme: Account, channel: ChannelInfo, closed: Team) -> None:
    write(acme, channel, "Hello?", closed)
    with scope(acme):
        Channel.objects.update(state=Channel.State.DISCONNECTED)
    assert tell(acme) == 0
    with scope(acme):
        assert Thread.objects.get().told_closed_at is None


@pytest.mark.django_db(transaction=True)
def test_several_at_once_tell_it_once(acme: Account, channel: ChannelInfo, closed: Team) -> None:
    for name in ("ana", "ben", "cleo"):
        write(acme, channel, "Hello?", closed, name=name)
    begin = threading.Barrier(4)
    told: list[int] = []

    def work() -> None:
        begin.wait(timeout=20)
        told.append(tell(acme))
        connections.close_all()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(told) == 3
    assert sent(acme) == [TEXT] * 3
    with scope(acme):
        assert Message.objects.filter(author_kind="system").count() == 3
