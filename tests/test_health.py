"""What probes are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from channels_ingest.models import Channel, InboundEvent
from oneview import health
from oneview.accounts.models import Account
from oneview.common.beats import Beat
from oneview.common.scope import scope

pytestmark = pytest.mark.django_db


@pytest.fixture
def _drain_beats() -> None:
    beat = Beat("drain")
    beat.give()
    beat.close()


def refuse() -> None:
    raise OperationalError("connection refused")


def ask(client: Client) -> tuple[int, Any]:
    answer = client.get("/health/ready/")
    return answer.status_code, answer.json()


@pytest.mark.usefixtures("_drain_beats")
def test_all_is_well(client: Client) -> None:
    status, content = ask(client)
    assert (status, content["ready"], content["broken"]) == (200, True, [])
    assert content["checks"] == dict.fromkeys(("database", "redis", "partitions", "drain", "worker"), "ok")


@pytest.mark.usefixtures("_drain_beats")
def test_without_redis_requests_are_still_served(client: Client, settings: LazySettings) -> None:
    settings.REDIS_URL = "unix:///nowhere/redis.sock"
    status, content = ask(client)
    assert (status, content["ready"], content["broken"]) == (200, True, ["redis"])


def test_without_a_database_nothing_is(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "check_database", refuse)
    status, content = ask(client)
    assert (status, content["ready"]) == (503, False)
    assert content["checks"]["database"] == "connection refused"
    assert client.get("/health/live/").status_code == 200


def test_days_that_run_out_are_named_before_they_have(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "DAYS_AHEAD", 30)
    status, content = ask(client)
    assert status == 200
    assert "partitions" in content["broken"]


def test_without_a_day_for_today_nothing_can_be_stored(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PARTITIONED", ("inbox_nothing",))
    status, content = ask(client)
    assert (status, content["ready"]) == (503, False)
    assert "partitions" in content["broken"]


def test_a_drain_without_a_sign_of_life_is_named(client: Client, settings: LazySettings) -> None:
    settings.REDIS_PREFIX = "silent:"
    status, content = ask(client)
    assert (status, content["broken"]) == (200, ["drain"])


@pytest.mark.usefixtures("_drain_beats")
def test_a_request_that_waits_too_long_is_named_whoever_s_it_is(client: Client, acme: Account) -> None:
    with scope(acme):
        channel = Channel.objects.create(account=acme, kind="telegram", name="T", external_id="1", credentials={})
        InboundEvent.objects.create(account=acme, channel=channel, received_at=timezone.now() - timedelta(minutes=5))
    status, content = ask(client)
    assert (status, content["broken"]) == (200, ["drain"])
    assert "oneview_oldest_waiting_seconds" in client.get("/metrics").content.decode()


def test_numbers_are_given_while_the_database_is_away(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "read_waits", refuse)
    answer = client.get("/metrics")
    assert (answer.status_code, b"oneview_partition_days_ahead NaN" in answer.content) == (200, True)
