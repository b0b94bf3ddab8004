"""A bot and an agent in the same millisecond, again and again: the agent's word goes out, and no bot's after it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID

import pytest
from django.db import connections

from channels_ingest.models import Channel
from channels_ingest.outbox import deliver
from inbox.models import Message, RefusedReply, Thread
from inbox.services.messages import Draft, send_reply
from inbox.services.turns import hand_back, take_over
from inbox.shapes import Agent, Author
from inbox.turns import TurnTaken
from oneview.accounts.models import Account, Membership
from oneview.accounts.services import create_token
from oneview.common.scope import scope
from tests.channels_ingest.provider import Provider
from tests.inbox.api import connect, write_in

pytestmark = [pytest.mark.django_db, pytest.mark.committed]

ROUNDS = 200
HELPER = Author("bot", None, "Helper")


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider().running() as running:
        yield running


@pytest.fixture
def ana(acme: Account, provider: Provider) -> UUID:
    create_token(acme, bot=HELPER.name)
    info = connect(acme)
    with scope(acme):
        channel = Channel.objects.get(id=info.id)
        channel.credentials = {**channel.credentials, "base_url": provider.url}
        channel.save(update_fields=["credentials"])
    return UUID(write_in(acme, info, "hola"))


def meet(pool: ThreadPoolExecutor, *works: Callable[[], None]) -> None:
    """Runs all at once, each on a connection of its own."""
    barrier = Barrier(len(works))

    def run(work: Callable[[], None]) -> None:
        try:
            barrier.wait()
            work()
        finally:
            connections.close_all()

    for done in [pool.submit(run, work) for work in works]:
        done.result()


def test_a_bot_and_an_agent_in_the_same_millisecond(
    acme: Account, bob: Membership, provider: Provider, ana: UUID
) -> None:
    agent = Agent(bob.user_id, "Bob")
    author = Author("agent", agent.id, agent.name)
    with scope(acme):
        thread = Thread.objects.get().id

    def say(who: Author, text: str) -> None:
        """As the API does it: a refusal is answered, and its record stays."""
        with scope(acme) as now:
            try:
                send_reply(acme, ana, Draft(text, text), author=who, now=now)
            except TurnTaken:
                assert who is HELPER

    def interfere(number: int) -> None:
        if number % 3:
            say(author, f"agent {number}")
        else:
            with scope(acme) as now:
                take_over(acme, ana, actor=agent, now=now)

    def work(number: int) -> None:
        time.sleep(number % 5 / 500)
        deliver(acme.id, thread)

    with ThreadPoolExecutor(3) as pool:
        for number in range(ROUNDS):
            with scope(acme) as now:
                hand_back(acme, ana, actor=agent, now=now)
            if number % 2:
                say(HELPER, f"bot {number}")
            meet(
                pool,
                lambda n=number: say(HELPER, f"bot {n}"),  # type: ignore[misc]
                lambda n=number: interfere(n),  # type: ignore[misc]
                lambda n=number: work(n),  # type: ignore[misc]
            )
            deliver(acme.id, thread)

    with scope(acme):
        refused = list(RefusedReply.objects.filter(code="turn_taken").values_list("text", flat=True))
        left = Message.objects.filter(direction="outbound", private=False).exclude(status__in=("sent", "failed"))
        assert not left.exists()
    sent = [text for text in provider.texts if text.startswith("bot")]
    assert [text for text in provider.texts if text.startswith("agent")] == [
        f"agent {number}" for number in range(ROUNDS) if number % 3
    ]
    assert sorted(sent + refused) == sorted(f"bot {number}" for number in range(ROUNDS))
    assert sent
    assert refused
