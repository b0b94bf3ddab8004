"""Live updates of those who do not see everything: nothing of what is withheld, no hole, and the list as it would be
read anew.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from channels_ingest.sink import ChannelInfo
from identity.models import Identity
from inbox import realtime
from inbox.admission import Admission
from inbox.hub import Hub
from inbox.listeners import Listener, Texts
from inbox.models import Message
from inbox.reach import Reach
from inbox.realtime import read_head
from inbox.rendering import render_rows
from inbox.selectors.conversations import list_conversations
from inbox.services.contacts import join_contacts, part_identity
from inbox.services.conversations import assign, set_status
from inbox.shapes import Agent
from inbox.updates import Update, Wanted, read_update
from oneview.accounts.models import Account, Membership, Team
from oneview.common.errors import Invalid, NotFound, NotPossible
from oneview.common.scope import scope
from tests.inbox.api import agent_caller, write_in
from tests.inbox.listening import (
    next_frame,
    open_page,
    open_program,
    read_scoped_head,
    run,
)
from tests.inbox.mapping import give, make_team, map_channels
from tests.inbox.test_socket import opened, page_socket

write_to_sales = partial(write_in, value="ES.1", name="Rosa Diez")
write_to_support = partial(write_in, value="ES.2", name="Luis Gil")


@pytest.mark.committed
@pytest.mark.usefixtures("bell_is_heard")
class TestSockets:
    async def listen(self, hub: Hub, listener: Listener, account: Account) -> None:
        await hub.resume(listener, after=await run(lambda: read_scoped_head(account)))

    async def test_withheld_events_leave_no_hole(
        self, hub: Hub, bob: Membership, sales: ChannelInfo, support: ChannelInfo
    ) -> None:
        await run(lambda: map_channels(bob, sales))
        for listener in (await open_page(bob), await open_program(bob)):
            after = await run(lambda: read_scoped_head(bob.account))
            await hub.resume(listener, after=after)
            hidden = await run(lambda: write_to_support(bob.account, support, "a secret complaint"))
            frame = await next_frame(listener)
            assert (frame["from"], frame["to"]) == (after + 1, await run(lambda: read_scoped_head(bob.account)))
            assert frame["events"] == []
            assert not frame.get("rows")
            assert set(frame.get("gone", [])) <= {hidden}
            seen = await run(lambda: write_to_sales(bob.account, sales, "a question"))
            frame = await next_frame(listener)
            assert {event["conversation"] for event in frame["events"]} == {seen}
            hub.leave(listener)

    async def test_what_goes_to_another_team_vanishes_and_comes_back(
        self, hub: Hub, acme: Account, alice: Membership, bob: Membership, sales: ChannelInfo
    ) -> None:
        conversation = await run(lambda: write_to_sales(acme, sales, "a question"))
        owls, page, hers = await run(lambda: make_team(acme, "Owls")), await open_page(bob), await open_page(alice)
        for listener in (page, hers):
            await self.listen(hub, listener, acme)
        hub.view(page, UUID(conversation))
        await run(lambda: give(acme, conversation, team=owls))
        frame, whole = await next_frame(page), await next_frame(hers)
        assert (frame["rows"], frame["gone"], frame["events"]) == ({}, [conversation], [])
        assert list(whole["rows"]) == [conversation]
        assert page.opened is None
        await run(lambda: give(acme, conversation, team=None))
        assert list((await next_frame(page))["rows"]) == [conversation]

    async def test_agents_from_whom_nothing_is_withheld_share_one_text(
        self, hub: Hub, acme: Account, alice: Membership, bob: Membership, sales: ChannelInfo, support: ChannelInfo
    ) -> None:
        await run(lambda: map_channels(bob, sales))
        pages = [await open_page(alice), await open_page(bob)]
        for page in pages:
            await self.listen(hub, page, acme)
        await run(lambda: write_to_sales(acme, sales, "a question"))
        texts = [await page.next() for page in pages]
        assert texts[0] is texts[1]

    async def test_who_asks_to_see_what_they_may_not_sees_nothing(
        self, hub: Hub, acme: Account, alice: Membership, bob: Membership, sales: ChannelInfo, support: ChannelInfo
    ) -> None:
        await run(lambda: map_channels(bob, sales))
        hidden = await run(lambda: write_to_support(acme, support, "a secret complaint"))
        hers, his = await page_socket(hub, alice), await page_socket(hub, bob)
        for socket in (hers, his):
            greeting = await opened(socket)
            await socket.send_json_to({"t": "resume", "after": greeting["seq"]})
            await socket.send_json_to({"t": "viewing", "conversation": hidden})
        assert [agent["name"] for agent in (await hers.receive_json_from())["agents"]] == ["Alice"]
        author = {"kind": "user", "id": None, "name": "Luis Gil"}
        publish = partial(realtime.publish_typing, acme.id, conversation=UUID(hidden), author=author, on=True)
        await run(publish)
        assert (await hers.receive_json_from())["t"] == "typing"
        await his.send_json_to({"t": "typing", "conversation": hidden, "on": True})
        await run(lambda: write_to_support(acme, support, "another secret"))
        told = await his.receive_json_from()
        assert (told["t"], told["events"], told["rows"], "messages" in told) == ("events", [], {}, False)
        frame = await hers.receive_json_from()
        assert "another secret" in json.dumps(frame["messages"])
        assert await hers.receive_nothing(0.3)
        for socket in (hers, his):
            await socket.disconnect()

    @pytest.mark.usefixtures("quick_reviews")
    async def test_a_changed_mapping_is_noticed_and_the_page_starts_over(
        self, hub: Hub, acme: Account, bob: Membership, sales: ChannelInfo, support: ChannelInfo
    ) -> None:
        conversation = await run(lambda: write_to_support(acme, support, "a complaint"))
        page = await open_page(bob)
        await self.listen(hub, page, acme)
        hub.view(page, UUID(conversation))
        await run(lambda: map_channels(bob, sales))
        reset = await next_frame(page, "reset")
        assert (page.opened, page.position) == (None, None)
        await hub.resume(page, after=reset["seq"])
        await run(lambda: write_to_support(acme, support, "a secret complaint"))
        assert (await next_frame(page))["rows"] == {}
        assert not await hub.sees(page, UUID(conversation))
        owls = await run(lambda: make_team(acme, "Owls", bob))
        assert await next_frame(page, "reset")
        assert page.admission.reach == Reach(frozenset({sales.id}), frozenset({owls.id}), bob.user_id)


def test_events_over_rest_leave_out_what_is_withheld(
    acme: Account, bob: Membership, sales: ChannelInfo, support: ChannelInfo
) -> None:
    map_channels(bob, sales)
    caller = agent_caller(bob)
    start = caller.get("events/").json()["to"]
    write_to_support(acme, support, "a secret complaint")
    seen = write_to_sales(acme, sales, "a question")
    answer = caller.get("events/", after=start)
    assert b"secret" not in answer.content
    assert b"Luis" not in answer.content
    assert {event["conversation"] for event in answer.json()["results"]} == {seen}
    assert answer.json()["to"] == read_scoped_head(acme)


class World:
    """Three users on two channels, two teams, and what an agent with some reach is told."""

    def __init__(
        self, account: Account, bob: Membership, *, reach: Reach, channels: list[ChannelInfo], teams: list[Team]
    ) -> None:
        self.account, self.bob, self.reach, self.channels, self.teams = account, bob, reach, channels, teams
        self.written = 0
        self.rows: dict[str, str] = {}
        self.after = 0

    def write(self, user: int) -> None:
        self.written += 1
        write_in(
            self.account, self.channels[user % 2], f"canary{self.written}.", value=f"ES.{user}", name=f"Person{user}."
        )

    def conversations(self) -> list[UUID]:
        with scope(self.account):
            return sorted(set(Message.objects.values_list("thread__conversation_id", flat=True)))

    def command(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        kind = draw(st.sampled_from(["write", "assign", "give", "status", "join", "part"]))
        if kind == "write":
            return self.write(draw(st.integers(0, 2)))
        one, other = (draw(st.sampled_from(self.conversations())) for _ in range(2))
        alice = Agent(self.bob.user_id, "Alice")
        if kind == "give":
            return give(self.account, one, team=draw(st.sampled_from([None, *self.teams])))
        with scope(self.account) as now:
            if kind == "assign":
                assignee = draw(st.sampled_from([None, self.bob.user_id]))
                assign(self.account, one, actor=alice, assignee=assignee, now=now)
            elif kind == "status":
                status = draw(st.sampled_from(["open", "resolved"]))
                set_status(self.account, one, actor=alice, status=status, now=now)
        try:
            with scope(self.account) as now:
                if kind == "join":
                    join_contacts(self.account, one, actor=alice, other=other, now=now)
                elif kind == "part":
                    identities = Identity.objects.filter(contact_id=one).values_list("id", flat=True)
                    identity = draw(st.sampled_from(sorted(identities)))
                    part_identity(self.account, one, actor=alice, identity=identity, now=now)
        except (NotPossible, NotFound, Invalid):
            pass
        return None

    def tell(self) -> None:
        """Reads what came since, gives it to a page and to a program, and lets the page's list follow."""
        with scope(self.account) as now:
            opened = frozenset(self.conversations())
            wanted = Wanted(rows=True, opened=opened, objects=True, whereabouts=True)
            after = self.after
            update = read_update(self.account.id, after=after, wanted=wanted, now=now, window=timedelta(days=30))
            asked: dict[str, Any] = {"now": now, "window": timedelta(days=30), "reach": self.reach}
            fresh = list_conversations(self.account.id, status="all", limit=100, **asked).rows
            seen = Message.objects.filter(thread__conversation_id__in=[row.id for row in fresh])
            known = words_of(" ".join([*seen.values_list("text", flat=True), *(row.name for row in fresh)]))
            heads = read_head(self.account.id)
        texts = asyncio.run(frames_of(update, self.admissions(), opened))
        for text in texts:
            assert words_of(text) <= known
        page = json.loads(texts[0])
        assert (page["from"], page["to"]) == (self.after + 1, heads)
        self.after = heads
        for id in page["gone"]:
            self.rows.pop(id, None)
        self.rows |= page["rows"]
        assert self.rows == {str(id): html for id, html in render_rows(fresh).items()}

    def admissions(self) -> list[Admission]:
        mine = self.account.id, self.bob.user_id, "Bob", timedelta(days=30)
        return [Admission(*mine, session="s", reach=self.reach), Admission(*mine, token="t", reach=self.reach)]


def words_of(text: str) -> set[str]:
    return set(re.findall(r"(?:canary|Person)\d+\.", text))


async def frames_of(update: Update, admissions: list[Admission], opened: frozenset[UUID]) -> list[str]:
    """A page's frame, a program's, and those of pages that have each of the conversations open."""
    listeners = [Listener(admission) for admission in admissions]
    for conversation in opened:
        looking = Listener(admissions[0])
        looking.opened = conversation
        listeners.append(looking)
    texts = Texts(update)
    return [texts.get(listener) for listener in listeners]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_happens_the_list_is_the_one_that_would_be_read_anew_and_no_word_of_others_is_told(
    acme: Account, bob: Membership, sales: ChannelInfo, support: ChannelInfo, data: st.DataObject
) -> None:
    with transaction.atomic():
        teams = [make_team(acme, name) for name in ("One", "Two")]
        reach = Reach(
            data.draw(st.none() | st.frozensets(st.sampled_from([sales.id, support.id]))),
            data.draw(st.frozensets(st.sampled_from([team.id for team in teams]))),
            bob.user_id,
        )
        world = World(acme, bob, reach=reach, channels=[sales, support], teams=teams)
        for user in range(3):
            world.write(user)
        world.tell()
        for _ in range(data.draw(st.integers(1, 6))):
            for _ in range(data.draw(st.integers(1, 2))):
                world.command(data.draw)
            world.tell()
        transaction.set_rollback(True)
