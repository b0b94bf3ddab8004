"""A hub that runs, and a bell that is heard."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from inbox import hub as hubs
from inbox import realtime
from inbox.hub import Hub


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
    started = Hub()
    await started.start()
    yield started
    await started.stop()
