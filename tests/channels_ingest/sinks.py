"""Sinks for tests. `use` puts one behind CHANNELS_INGEST_SINK."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction

from channels_ingest.events import Event, MessageReceived
from channels_ingest.sink import Intake, Received, Sink
from inbox.intake import handle_events

POISON = "poison"

sink: Sink = handle_events


def use(chosen: Sink, *, settings: LazySettings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.sink", chosen)
    settings.CHANNELS_INGEST_SINK = f"{__name__}.sink"


class Recorder:
    """Remembers the batches that were committed. `check` may raise for a batch."""

    def __init__(self) -> None:
        self.batches: list[Sequence[Received]] = []
        self.calls = 0
        self.check: Callable[[Sequence[Received]], Any] = lambda batch: None

    def __call__(self, account_id: int, batch: Sequence[Received], *, now: datetime) -> Intake:
        self.calls += 1
        self.check(batch)
        transaction.on_commit(lambda: self.batches.append(batch))
        return Intake(messages=sum(isinstance(received.event, MessageReceived) for received in batch))

    @property
    def events(self) -> list[Event]:
        return [received.event for batch in self.batches for received in batch]

    @property
    def texts(self) -> list[str]:
        return [event.content.text for event in self.events if isinstance(event, MessageReceived)]


def texts_of(batch: Sequence[Received]) -> list[str]:
    return [received.event.content.text for received in batch if isinstance(received.event, MessageReceived)]


def die_of_poison(account_id: int, batch: Sequence[Received], *, now: datetime) -> Intake:
    """Takes everything in, and takes the process with it when the batch held the poison."""
    intake = handle_events(account_id, batch, now=now)
    if POISON in texts_of(batch):
        os.kill(os.getpid(), signal.SIGKILL)
    return intake


def take_nothing(account_id: int, batch: Sequence[Received], *, now: datetime) -> Intake:
    return Intake()
