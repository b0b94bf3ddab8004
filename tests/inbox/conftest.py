"""A hub that runs, a bell that is heard, and a visitor of a chat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from django.conf import settings

from channels_ingest.models import Channel, InboundEvent, InboundState
from channels_ingest.sink import ChannelInfo
from inbox import hub as hubs
from inbox import realtime
from inbox.hub import Hub
from oneview.accounts.models import Account
from oneview.common.scope import scope
from tests.inbox.batches import make_channel
from tests.inbox.listening import count_ears, wait_for_ears
from tests.inbox.visiting import Client, connect_chat, wait


@pytest.fixture
def bell_is_heard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(realtime, "_silent_until", 0.0)
    realtime._bell.cache_clear()
    yield
    realtime._bell.cache_clear()


@pytest.fixture
def quick_reviews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "REVIEW_SECONDS", 0.1)
    monkeypatch.setattr(hubs, "REVIEWS_PER_BEAT", 2)


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    """It hears what is said from now on."""
    before = await count_ears(settings.REDIS_URL)
    started = Hub()
    await started.start()
    await wait_for_ears(settings.REDIS_URL, besides=before)
    yield started
    await started.stop()


@pytest.fixture
def chat(acme: Account) -> Iterator[Channel]:
    """Ends when the drain has nothing left: the tables are emptied after a test."""
    yield connect_chat(acme)
    with scope(acme):
        wait(lambda: not InboundEvent.objects.filter(state=InboundState.WAITING).exists())


@pytest.fixture
def visitor(live: str, chat: Channel) -> Iterator[Client]:
    client = Client(live, chat)
    client.begin(platform="web", locale="en")
    yield client
    client.http.close()


@pytest.fixture
def sales(acme: Account) -> ChannelInfo:
    """One of two numbers of ours that agents may be mapped to."""
    with scope(acme):
        return make_channel(acme, external_id="900201")


@pytest.fixture
def support(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme, external_id="900202")
