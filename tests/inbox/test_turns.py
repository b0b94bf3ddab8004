"""Whose turn it is: bots answer first, people take over whenever they want, and nothing waits unseen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channels_ingest.models import Channel, OutboxMessage
from channels_ingest.outbox import deliver
from channels_ingest.sink import ChannelInfo
from inbox.models import Conversation, Handover, Mention, Message, RefusedReply, Thread
from inbox.models.message import AuthorKind
from inbox.realtime import read_changes, read_head
from inbox.selectors.messages import list_messages
from inbox.services.conversations import assign_team
from inbox.services.escalations import escalate_handovers, relieve_silent_bots
from inbox.services.turns import hand_back
from inbox.shapes import Agent
from oneview.accounts.models import Account, AuditEntry, Bot, Membership, Team, TeamMember
from oneview.common.scope import scope
from tests.channels_ingest.provider import Provider, Say
from tests.factories import make_member
from tests.fixtures import sign_in
from tests.inbox.api import Caller, agent_caller, bot_caller, connect, fields_of, problem_of, write_in
from tests.inbox.batches import echo, message, take_in, user

pytestmark = [pytest.mark.django_db, pytest.mark.committed]


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider().running() as running:
        yield running


@pytest.fixture
def channel(acme: Account, provider: Provider) -> ChannelInfo:
    info = connect(acme)
    with scope(acme):
        channel = Channel.objects.get(id=info.id)
        channel.credentials = {**channel.credentials, "base_url": provider.url}
        channel.save(update_fields=["credentials"])
    return info


@pytest.fixture
def bot(acme: Account) -> Caller:
    return bot_caller(acme)


@pytest.fixture
def ana(bot: Caller, acme: Account, channel: ChannelInfo) -> str:
    """The conversation of Ana, whom the bot answers."""
    return write_in(acme, channel, "hola")


@pytest.fixture
def agent(bob: Membership) -> Caller:
    return agent_caller(bob)


def reply(calls: Caller, conversation: str, text: str, *, client_id: str = "", **more: Any) -> Any:
    content = {"client_id": client_id or text[:20], "text": text, **more}
    return calls.post(f"conversations/{conversation}/messages/", content)


def take(calls: Caller, conversation: str) -> Any:
    return calls.post(f"conversations/{conversation}/take_over/", {})


def hand_over(bot: Caller, conversation: str, **more: Any) -> Any:
    return bot.post(f"conversations/{conversation}/handover/", {"reason": "Wants a refund", **more})


def turn_of(calls: Caller, conversation: str) -> str:
    return str(calls.get(f"conversations/{conversation}/").json()["turn"])


def lines(account: Account, conversation: str) -> list[str]:
    """The lines of the system in the timeline."""
    with scope(account) as now:
        timeline = list_messages(account.id, UUID(conversation), now=now, window=account.window)
    return [each.text for each in timeline.messages if each.author.kind == "system"]


def refused(account: Account) -> list[tuple[str, str, bool]]:
    with scope(account):
        rows = RefusedReply.objects.order_by("at", "id")
        return [(row.text, row.code, row.message_id is not None) for row in rows]


def statuses(account: Account, kind: AuthorKind = AuthorKind.BOT) -> list[str]:
    with scope(account):
        return list(Message.objects.filter(author_kind=kind).order_by("id").values_list("status", flat=True))


def send_all(account: Account) -> None:
    with scope(account):
        threads = list(Thread.objects.values_list("id", flat=True))
    for thread in threads:
        deliver(account.id, thread)


def types_since(account: Account, head: int) -> list[str]:
    with scope(account):
        return [logged.change.type for logged in read_changes(account.id, after=head).changes]


# Who has it


def test_a_conversation_begins_with_the_bot_of_its_channel(
    acme: Account, channel: ChannelInfo, agent: Caller, ana: str
) -> None:
    assert turn_of(agent, ana) == "bot"


@pytest.mark.parametrize("values", [{"is_active": False}, {"channels": []}], ids=["inactive", "elsewhere"])
def test_where_no_bot_answers_it_begins_with_people(
    acme: Account, channel: ChannelInfo, agent: Caller, bot: Caller, values: dict[str, Any]
) -> None:
    with scope(acme):
        Bot.objects.update(**values)
    assert turn_of(agent, write_in(acme, channel, "hola")) == "human"


def test_a_new_thread_goes_to_the_team_of_its_channel(acme: Account, channel: ChannelInfo, agent: Caller) -> None:
    with scope(acme):
        for name in ("Sales", "Care", "All"):
            Team.objects.create(account=acme, name=name, channels=[] if name == "All" else [channel.id])
    conversation = write_in(acme, channel, "hola")
    with scope(acme):
        assert Thread.objects.get(conversation_id=conversation).team.name == "Care"  # type: ignore[union-attr]


def test_who_writes_again_after_the_end_is_answered_by_the_bot(
    acme: Account, channel: ChannelInfo, agent: Caller, bob: Membership, ana: str
) -> None:
    take(agent, ana)
    agent.patch(f"conversations/{ana}/", {"status": "resolved"})
    write_in(acme, channel, "one more thing")
    told = agent.get(f"conversations/{ana}/").json()
    assert (told["turn"], told["status"], told["assignee"]["id"]) == ("bot", "open", bob.user_id)


def test_a_message_into_an_open_conversation_changes_no_turn(
    acme: Account, channel: ChannelInfo, agent: Caller, ana: str
) -> None:
    take(agent, ana)
    write_in(acme, channel, "are you there?")
    assert turn_of(agent, ana) == "human"


# Taking it


def test_an_agent_takes_over_once(acme: Account, agent: Caller, bob: Membership, ana: str) -> None:
    with scope(acme):
        head = read_head(acme.id)
    first = take(agent, ana).json()
    assert (first["turn"], first["assignee"]["id"]) == ("human", bob.user_id)
    assert types_since(acme, head) == ["message.created", "conversation.taken_over", "conversation.updated"]
    with scope(acme):
        head = read_head(acme.id)
    assert take(agent, ana).json()["turn"] == "human"
    assert types_since(acme, head) == []
    assert lines(acme, ana) == ["Bob took over."]


def test_taking_over_leaves_a_conversation_whose_it_is(
    acme: Account, alice: Membership, agent: Caller, ana: str
) -> None:
    agent.patch(f"conversations/{ana}/", {"assignee": alice.user_id})
    assert take(agent, ana).json()["assignee"]["id"] == alice.user_id


def test_a_bot_that_is_late_is_refused_once_and_on_record(acme: Account, agent: Caller, bot: Caller, ana: str) -> None:
    assert reply(agent, ana, "I am Bob").status_code == 201
    for _ in range(2):
        assert problem_of(reply(bot, ana, "I am a bot")) == (409, "turn_taken")
    assert refused(acme) == [("I am a bot", "turn_taken", False)]
    assert statuses(acme) == []
    assert lines(acme, ana) == ["Bob took over."]


def test_a_bot_may_always_write_a_private_note(acme: Account, agent: Caller, bot: Caller, ana: str) -> None:
    take(agent, ana)
    assert reply(bot, ana, "They asked twice", private=True).status_code == 201
    assert refused(acme) == []


def test_a_repeat_of_what_was_accepted_is_still_accepted(acme: Account, agent: Caller, bot: Caller, ana: str) -> None:
    first = reply(bot, ana, "Hello")
    take(agent, ana)
    again = reply(bot, ana, "Hello")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])


def test_what_a_bot_has_not_sent_yet_stays_unsent(
    acme: Account, agent: Caller, bot: Caller, provider: Provider, ana: str
) -> None:
    reply(bot, ana, "I am a bot")
    reply(agent, ana, "I am Bob")
    send_all(acme)
    assert provider.texts == ["I am Bob"]
    assert statuses(acme) == ["failed"]
    assert refused(acme) == [("I am a bot", "turn_taken", True)]
    [told] = [
        each for each in agent.get(f"conversations/{ana}/messages/").json()["results"] if each["status"] == "failed"
    ]
    assert told["status_reason"] == "Somebody of the team took over before this was sent."


def test_an_answer_from_the_phone_takes_the_turn(
    acme: Account, channel: ChannelInfo, agent: Caller, bot: Caller, provider: Provider, ana: str
) -> None:
    reply(bot, ana, "I am a bot")
    take_in(acme, channel, echo("I am at the till", sender=user("ES.44", name="Ana Prieto")))
    send_all(acme)
    assert provider.texts == []
    assert turn_of(agent, ana) == "human"
    assert refused(acme) == [("I am a bot", "turn_taken", True)]
    assert lines(acme, ana) == ["Somebody took over in the channel's own app."]


def test_what_is_being_sent_is_left_alone(
    acme: Account, agent: Caller, bot: Caller, provider: Provider, ana: str
) -> None:
    provider.next.append(Say(body={"messages": [{"id": "wamid.1"}]}, before=lambda: take(agent, ana)))
    reply(bot, ana, "I am a bot")
    send_all(acme)
    assert (provider.texts, statuses(acme)) == (["I am a bot"], ["sent"])
    assert refused(acme) == []


def test_what_comes_back_unsent_is_not_tried_again(
    acme: Account, agent: Caller, bot: Caller, provider: Provider, ana: str
) -> None:
    provider.next.append(Say(429, before=lambda: take(agent, ana)))
    reply(bot, ana, "I am a bot")
    send_all(acme)
    reply(agent, ana, "I am Bob")
    send_all(acme)
    assert provider.texts == ["I am a bot", "I am Bob"]
    assert statuses(acme) == ["failed"]
    assert refused(acme) == [("I am a bot", "turn_taken", True)]
    with scope(acme):
        row = OutboxMessage.objects.get(withdrawn="turn_taken")
    assert (row.state, row.code) == ("failed", "turn_taken")


def test_an_answer_of_a_bot_is_seen_by_no_person(acme: Account, bot: Caller, agent: Caller, ana: str) -> None:
    reply(bot, ana, "Hello")
    assert agent.get(f"conversations/{ana}/").json()["unread"] == 1
    reply(agent, ana, "Hello from me")
    assert agent.get(f"conversations/{ana}/").json()["unread"] == 0


# Handing over and back


def test_a_bot_hands_over_once_with_its_reasons(acme: Account, bot: Caller, agent: Caller, ana: str) -> None:
    with scope(acme):
        head = read_head(acme.id)
    for _ in range(2):
        assert hand_over(bot, ana, summary="Order 4711 is broken").json()["turn"] == "human"
    changed = ["message.created", "conversation.handed_over", "conversation.updated"]
    assert types_since(acme, head) == changed
    with scope(acme):
        [handover] = Handover.objects.all()
        [told] = [each.change for each in read_changes(acme.id, after=head).changes if each.change.type == changed[1]]
    assert told.detail == {"handover": str(handover.id)}
    assert (handover.bot, handover.reason, handover.summary) == ("Helper", "Wants a refund", "Order 4711 is broken")
    assert lines(acme, ana) == ["Helper handed this over: Wants a refund"]


def test_the_words_of_a_handover_are_in_the_page_until_somebody_takes_it(
    acme: Account, bob: Membership, bot: Caller, agent: Caller, ana: str
) -> None:
    hand_over(bot, ana, summary="Order 4711 is broken")
    browser = sign_in(bob)
    page = browser.get(f"/inbox/c/{ana}/").content.decode()
    assert "Order 4711 is broken" in page
    assert "Waiting for somebody to take over" in page
    assert "Handed over" in browser.get("/inbox/list/?box=all").content.decode()
    assert browser.post(f"/inbox/c/{ana}/take_over/").status_code == 204
    page = browser.get(f"/inbox/c/{ana}/").content.decode()
    assert "Taken by Bob" in page
    assert "Waiting for somebody" not in page
    assert "Handed over" not in browser.get("/inbox/list/?box=all").content.decode()


@pytest.mark.parametrize(
    "act",
    [
        lambda calls, ana, _: take(calls, ana),
        lambda calls, ana, _: reply(calls, ana, "I am here"),
        lambda calls, ana, me: calls.patch(f"conversations/{ana}/", {"assignee": me}),
        lambda calls, ana, _: calls.patch(f"conversations/{ana}/", {"status": "resolved"}),
        lambda calls, ana, _: calls.post(f"conversations/{ana}/hand_back/", {}),
    ],
    ids=["take", "reply", "assign", "resolve", "hand back"],
)
def test_a_handover_is_claimed(acme: Account, bob: Membership, bot: Caller, agent: Caller, ana: str, act: Any) -> None:
    hand_over(bot, ana)
    assert act(agent, ana, bob.user_id).status_code in (200, 201)
    with scope(acme):
        handover = Handover.objects.get()
    assert handover.claimed_at is not None
    assert handover.claimed_by_id == bob.user_id


def test_a_handover_may_name_a_team_of_the_account(
    acme: Account, zenith: Account, bot: Caller, agent: Caller, ana: str
) -> None:
    with scope(zenith):
        theirs = Team.objects.create(account=zenith, name="Care")
    with scope(acme):
        ours = Team.objects.create(account=acme, name="Care")
    assert fields_of(hand_over(bot, ana, team=str(theirs.id))) == {"team"}
    hand_over(bot, ana, team=str(ours.id))
    with scope(acme):
        assert Conversation.objects.get().team_id == ours.id


@pytest.mark.parametrize("is_member", [True, False])
def test_a_handover_to_a_team_leaves_it_with_whoever_is_of_the_team(
    acme: Account, bob: Membership, bot: Caller, agent: Caller, ana: str, is_member: bool
) -> None:
    take(agent, ana)
    agent.post(f"conversations/{ana}/hand_back/", {})
    with scope(acme):
        team = Team.objects.create(account=acme, name="Care")
        if is_member:
            TeamMember.objects.create(account=acme, team=team, user=bob.user)
    hand_over(bot, ana, team=str(team.id))
    with scope(acme):
        assert Conversation.objects.get().assignees == ([bob.user_id] if is_member else [])


def test_handing_back_lets_the_bot_answer_again(acme: Account, bot: Caller, agent: Caller, ana: str) -> None:
    take(agent, ana)
    for _ in range(2):
        assert agent.post(f"conversations/{ana}/hand_back/", {}).json()["turn"] == "bot"
    assert reply(bot, ana, "Here I am again").status_code == 201
    assert lines(acme, ana) == ["Bob took over.", "Bob handed this back to the bot."]


def test_where_no_bot_answers_nothing_is_handed_back(acme: Account, bot: Caller, agent: Caller, ana: str) -> None:
    take(agent, ana)
    with scope(acme):
        Bot.objects.update(is_active=False)
    assert problem_of(agent.post(f"conversations/{ana}/hand_back/", {})) == (422, "not_possible")


def test_bots_take_no_turn_and_people_hand_nothing_over(bot: Caller, agent: Caller, ana: str) -> None:
    assert problem_of(take(bot, ana)) == (403, "forbidden")
    assert problem_of(bot.post(f"conversations/{ana}/hand_back/", {})) == (403, "forbidden")
    assert problem_of(hand_over(agent, ana)) == (403, "forbidden")


def test_another_account_finds_nothing_to_take(charlie: Membership, ana: str) -> None:
    assert problem_of(take(agent_caller(charlie), ana)) == (404, "not_found")
    assert problem_of(hand_over(bot_caller(charlie.account), ana)) == (404, "not_found")


# On record


def recorded(account: Account, conversation: str) -> list[tuple[str, str, Any, Any]]:
    """What was done with the conversation, and who did it."""
    with scope(account):
        entries = AuditEntry.objects.filter(target=conversation).order_by("at", "id")
        return [(entry.action.partition(".")[2], entry.actor_name, entry.old, entry.new) for entry in entries]


def test_who_changed_the_turn_is_on_record_and_no_word_of_it(
    acme: Account, bob: Membership, bot: Caller, agent: Caller, ana: str
) -> None:
    with scope(acme):
        team = Team.objects.create(account=acme, name="Care")
        TeamMember.objects.create(account=acme, team=team, user=bob.user)
    for _ in range(2):
        hand_over(bot, ana, summary="Order 4711 is broken", team=str(team.id))
    for _ in range(2):
        take(agent, ana)
    for _ in range(2):
        agent.post(f"conversations/{ana}/hand_back/", {})
    reply(agent, ana, "I am here")
    assert recorded(acme, ana) == [
        ("hand_over", "Helper", None, {"team": "Care"}),
        ("take_over", "Bob", None, None),
        ("assign", "Bob", {"assignees": []}, {"assignees": ["Bob"]}),
        ("hand_back", "Bob", None, None),
        ("take_over", "Bob", None, None),
    ]


def test_who_gave_a_conversation_to_whom_is_on_record(
    acme: Account, bob: Membership, alice: Membership, agent: Caller, ana: str
) -> None:
    for member in (bob, alice, alice):
        agent.patch(f"conversations/{ana}/", {"assignee": member.user_id})
    with scope(acme) as now:
        team = Team.objects.create(account=acme, name="Care")
        assign_team(acme, UUID(ana), actor=Agent(bob.user_id, "Bob"), team=team.id, now=now)
    agent_caller(alice).patch(f"conversations/{ana}/", {"status": "resolved"})
    assert recorded(acme, ana) == [
        ("assign", "Bob", {"assignees": []}, {"assignees": ["Bob"]}),
        ("assign", "Bob", {"assignees": ["Bob"]}, {"assignees": ["Alice"]}),
        ("team", "Bob", {"team": None, "assignees": ["Alice"]}, {"team": "Care", "assignees": []}),
        ("status", "Alice", {"status": "open"}, {"status": "resolved"}),
    ]


# What waits too long


def sweep(account: Account, *, minutes: float) -> tuple[int, int]:
    """Escalated handovers and silent bots, so many minutes from now."""
    with scope(account) as now:
        later: datetime = now + timedelta(minutes=minutes)
        return escalate_handovers(account, now=later), relieve_silent_bots(account, now=later)


def test_supervisors_are_called_once_to_a_handover_that_nobody_takes(
    acme: Account, alice: Membership, bob: Membership, bot: Caller, ana: str
) -> None:
    make_member(acme, "Dora")
    hand_over(bot, ana)
    assert [sweep(acme, minutes=minutes) for minutes in (4, 6, 20)] == [(0, 0), (1, 0), (0, 0)]
    with scope(acme):
        [mention] = Mention.objects.all()
        line = Message.objects.get(id=mention.message_id)
        assert (mention.user_id, mention.thread_id) == (alice.user_id, line.thread_id)
        assert Handover.objects.get().escalated_at is not None
    assert "Nobody has taken this over for 5 minutes. Supervisors were told." in lines(acme, ana)


def test_a_handover_that_was_taken_calls_nobody(
    acme: Account, alice: Membership, bot: Caller, agent: Caller, ana: str
) -> None:
    hand_over(bot, ana)
    take(agent, ana)
    assert sweep(acme, minutes=60) == (0, 0)


def test_what_a_silent_bot_leaves_is_for_people(
    acme: Account, alice: Membership, bot: Caller, agent: Caller, ana: str
) -> None:
    assert [sweep(acme, minutes=minutes) for minutes in (4, 6)] == [(0, 0), (0, 1)]
    assert turn_of(agent, ana) == "human"
    with scope(acme):
        assert Handover.objects.get().bot == ""
    assert lines(acme, ana) == ["The bot did not answer for 5 minutes. This is for people now."]
    assert sweep(acme, minutes=12) == (1, 0)


def test_a_bot_that_answered_is_not_silent(acme: Account, bot: Caller, ana: str) -> None:
    reply(bot, ana, "Hello")
    reply(bot, ana, "They sound happy", private=True)
    assert sweep(acme, minutes=60) == (0, 0)


def test_an_answer_that_failed_is_none(acme: Account, bot: Caller, provider: Provider, ana: str) -> None:
    provider.next.append(Say(400, {"error": {"code": 100, "message": "no"}}))
    reply(bot, ana, "Hello")
    send_all(acme)
    assert statuses(acme) == ["failed"]
    assert sweep(acme, minutes=6) == (0, 1)


def test_a_bot_to_whom_a_conversation_comes_back_has_as_much_time_again(
    acme: Account, bob: Membership, bot: Caller, agent: Caller, ana: str
) -> None:
    take(agent, ana)
    with scope(acme) as now:
        bob_himself = Agent(bob.user_id, "Bob")
        hand_back(acme, UUID(ana), actor=bob_himself, now=now + timedelta(minutes=10))
    assert [sweep(acme, minutes=minutes) for minutes in (12, 16)] == [(0, 0), (0, 1)]


def test_a_batch_with_answers_from_the_phone_takes_as_many_queries_for_ten_as_for_one(
    acme: Account, channel: ChannelInfo, bot: Caller
) -> None:
    counts = []
    for size in (1, 10):
        senders = [user(f"ES.{size}{number}", name="Luz") for number in range(size)]
        take_in(acme, channel, *(message("hola", sender=sender) for sender in senders))
        with CaptureQueriesContext(connection) as queries:
            take_in(acme, channel, *(echo("I am here", sender=sender) for sender in senders))
        counts.append(len(queries))
    assert counts[0] == counts[1]
