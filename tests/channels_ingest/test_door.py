"""The door: refuses without telling why, answers 2xx for nothing but committed bytes, and waits for nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio
from asgiref.sync import sync_to_async
from django.conf import LazySettings
from django.db import connection
from prometheus_client import REGISTRY

from channels_ingest import door as doors
from channels_ingest import link, raw_store, routes
from channels_ingest.bell import bell_name
from channels_ingest.door import Door
from channels_ingest.models import Channel, InboundEvent
from channels_ingest.registry import get_channel
from oneview.accounts.models import Account
from oneview.common.ids import new_id
from oneview.common.scope import scope
from oneview.embedded.redis import Redis
from tests.channels_ingest.relay import Relay
from tests.channels_ingest.webhooks import CREDENTIALS, Reply, body_of, call, connect, path_to, post, sign, text_message

pytestmark = pytest.mark.committed

BODY = body_of(text_message("Hello", id="wamid.1"))
LIMIT = get_channel("whatsapp").capabilities.body_limit


@pytest.fixture
def channel(acme: Account) -> Channel:
    return connect(acme)


@pytest.fixture
async def door() -> AsyncIterator[Door]:
    opened = Door()
    await opened.start()
    yield opened
    await opened.stop()


@pytest.fixture
async def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Relay]:
    """The database as the door sees it: everybody else reaches it directly."""
    opened = Relay(tmp_path, connection.settings_dict["HOST"])
    await opened.open()
    parameters = link.connection_parameters()
    monkeypatch.setattr(link, "connection_parameters", lambda: {**parameters, "host": str(tmp_path)})
    yield opened
    opened.thaw()
    await opened.close()


@sync_to_async
def stored(account: Account) -> list[InboundEvent]:
    with scope(account):
        return list(InboundEvent.objects.order_by("id"))


async def test_a_signed_request_is_stored_byte_for_byte_when_it_is_answered(
    door: Door, channel: Channel, acme: Account
) -> None:
    reply = await post(door, channel, BODY)
    assert (reply.status, reply.body) == (200, b"")
    (row,) = await stored(acme)
    assert (bytes(row.body or b""), row.channel_id, row.state, row.attempts) == (BODY, channel.id, 0, 0)


async def test_nothing_that_proves_the_sender_is_stored(door: Door, channel: Channel, acme: Account) -> None:
    await post(door, channel, BODY)
    (row,) = await stored(acme)
    assert row.headers == {"content-type": "application/json"}


async def test_a_header_that_the_database_would_not_take_is_left_out(
    door: Door, channel: Channel, acme: Account
) -> None:
    headers = [(b"content-type", b"text/\x00\x01"), sign(BODY)]
    assert (await call(door, path_to(channel), chunks=[BODY], headers=headers)).status == 200
    (row,) = await stored(acme)
    assert row.headers == {}


async def test_every_refusal_is_the_same(door: Door, channel: Channel, acme: Account) -> None:
    path = path_to(channel)
    good, bad = sign(BODY), sign(BODY, secret="another")
    name = good[0]
    refused: dict[str, dict[str, Any]] = {
        "unknown kind": {"path": path.replace("whatsapp", "carrier-pigeon"), "headers": [good]},
        "unknown address": {"path": "/webhooks/whatsapp/AAAAAAAAAAAAAAAAAAAAAAAA/", "headers": [good]},
        "address that is none": {"path": "/webhooks/whatsapp/%00\x00/", "headers": [good]},
        "no address": {"path": "/webhooks/", "headers": [good]},
        "more behind the address": {"path": f"{path}more/", "headers": [good]},
        "no signature": {"path": path},
        "signature of another secret": {"path": path, "headers": [bad]},
        "signature of another body": {"path": path, "headers": [sign(BODY + b" ")]},
        "signature in capitals": {"path": path, "headers": [(name, good[1].upper())]},
        "bare digest": {"path": path, "headers": [(name, good[1].removeprefix(b"sha256="))]},
        "empty signature": {"path": path, "headers": [(name, b"")]},
        "right and wrong signature": {"path": path, "headers": [good, bad]},
        "wrong and right signature": {"path": path, "headers": [bad, good]},
        "underscores in the header's name": {"path": path, "headers": [(b"x_hub_signature_256", good[1])]},
        "letters that are none": {"path": path, "headers": [(name, b"sha256=\xff\xfe")]},
        "put": {"path": path, "method": "PUT", "headers": [good]},
        "delete": {"path": path, "method": "DELETE"},
        "handshake without a token": {"path": path, "method": "GET"},
        "handshake with a wrong token": {
            "path": path,
            "method": "GET",
            "query": b"hub.mode=subscribe&hub.verify_token=foe&hub.challenge=1",
        },
    }
    replies = {reason: await call(door, chunks=[BODY], **request) for reason, request in refused.items()}
    seen = {reason: (reply.status, reply.headers, reply.body) for reason, reply in replies.items()}
    assert seen == dict.fromkeys(refused, (401, [(b"content-length", b"0")], b""))
    assert await stored(acme) == []


async def test_an_address_is_good_for_its_own_kind_only(
    door: Door, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "load_channels", lambda: {"other": get_channel("whatsapp")})
    path = path_to(channel).replace("whatsapp", "other")
    assert (await call(door, path, chunks=[BODY], headers=[sign(BODY)])).status == 401


async def test_a_signature_of_another_accounts_channel_is_refused(
    door: Door, channel: Channel, zenith: Account
) -> None:
    theirs = await sync_to_async(connect)(zenith, external_id="900999", app_secret="secret-of-zenith")
    reply = await call(door, path_to(theirs), chunks=[BODY], headers=[sign(BODY)])
    assert reply.status == 401
    assert await stored(zenith) == []


async def test_while_a_secret_rotates_both_are_good(door: Door, acme: Account) -> None:
    channel = await sync_to_async(connect)(acme, app_secret=["new", "old"])
    for secret in ("new", "old"):
        reply = await call(door, path_to(channel), chunks=[BODY], headers=[sign(BODY, secret=secret)])
        assert reply.status == 200


async def test_a_disconnected_channel_still_stores(door: Door, channel: Channel, acme: Account) -> None:
    def disconnect() -> None:
        with scope(acme):
            Channel.objects.update(state=Channel.State.DISCONNECTED)

    await sync_to_async(disconnect)()
    assert (await post(door, channel, BODY)).status == 200


async def test_a_handshake_is_answered_as_plain_text(door: Door, channel: Channel) -> None:
    query = b"hub.mode=subscribe&hub.verify_token=say-friend&hub.challenge=%3Cb%3E1158"
    reply = await call(door, path_to(channel), method="GET", query=query)
    assert (reply.status, reply.body) == (200, b"<b>1158")
    assert (b"content-type", b"text/plain") in reply.headers
    assert (b"x-content-type-options", b"nosniff") in reply.headers


async def test_head_is_answered_for_any_address(door: Door, channel: Channel) -> None:
    known = await call(door, path_to(channel), method="HEAD")
    unknown = await call(door, "/webhooks/whatsapp/nobody/", method="HEAD")
    assert (
        (known.status, known.headers, known.body)
        == (unknown.status, unknown.headers, unknown.body)
        == (
            200,
            [(b"content-length", b"0")],
            b"",
        )
    )


async def test_three_megabytes_are_taken(door: Door, channel: Channel, acme: Account) -> None:
    body = body_of(*(text_message("x" * 2800, id=f"wamid.{n}") for n in range(1000)))
    assert 2.5 * 1024 * 1024 < len(body) < LIMIT
    assert (await post(door, channel, body)).status == 200
    (row,) = await stored(acme)
    assert bytes(row.body or b"") == body


@pytest.mark.parametrize("declared", [str(LIMIT + 1), "9" * 5000])
async def test_a_body_declared_too_large_is_not_read(door: Door, channel: Channel, declared: str) -> None:
    headers = [(b"content-length", declared.encode())]
    reply = await call(door, path_to(channel), chunks=[b"x"], headers=headers)
    assert (reply.status, reply.body, reply.chunks_read) == (413, b"", 0)
    assert (b"connection", b"close") in reply.headers


@pytest.mark.parametrize("headers", [[], [(b"content-length", b"10")]], ids=["chunked", "false length"])
async def test_reading_ends_where_a_body_becomes_too_large(
    door: Door, channel: Channel, headers: list[tuple[bytes, bytes]]
) -> None:
    chunk = b"x" * (LIMIT // 4)
    reply = await call(door, path_to(channel), chunks=[chunk] * 100, headers=headers)
    assert (reply.status, reply.chunks_read) == (413, 5)


async def test_a_body_at_the_limit_is_read_to_its_end(door: Door, channel: Channel) -> None:
    body = b"x" * LIMIT
    assert (await call(door, path_to(channel), chunks=[body], headers=[sign(body)])).status == 200


async def test_a_request_that_breaks_off_leaves_nothing(door: Door, channel: Channel, acme: Account) -> None:
    reply = await call(door, path_to(channel), chunks=[BODY[:20]], headers=[sign(BODY[:20])], cut=True)
    assert reply.status == 0
    assert await stored(acme) == []
    assert door._held == 0


async def test_at_an_unknown_address_nothing_is_read(door: Door, channel: Channel) -> None:
    reply = await call(door, "/webhooks/whatsapp/nobody/", chunks=[b"x"] * 10)
    assert (reply.status, reply.chunks_read) == (401, 0)


async def test_who_sent_a_part_has_to_send_the_rest(
    door: Door, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "BODY_SECONDS", 0.1)
    reply = await call(door, path_to(channel), chunks=[BODY[:20]], headers=[sign(BODY)], stalls=True)
    assert reply.status == 503
    assert door._held == 0


async def test_bodies_that_are_held_have_a_limit_together(
    door: Door, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "HELD_BYTES", 1000)
    assert (await post(door, channel, BODY + b" " * 1000)).status == 503
    assert (await post(door, channel, BODY)).status == 200


async def test_what_queues_during_a_commit_is_one_batch(door: Door, channel: Channel, acme: Account) -> None:
    await post(door, channel, BODY)
    before = REGISTRY.get_sample_value("oneview_webhook_batches_total") or 0
    replies = await asyncio.gather(*(post(door, channel, BODY) for _ in range(300)))
    assert {reply.status for reply in replies} == {200}
    assert len(await stored(acme)) == 301
    assert (REGISTRY.get_sample_value("oneview_webhook_batches_total") or 0) - before <= 5


async def test_a_batch_has_a_limit_in_rows_and_in_bytes(
    door: Door, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post(door, channel, BODY)
    for name, limit in (("BATCH_ROWS", 10), ("BATCH_BYTES", 10 * len(BODY))):
        with monkeypatch.context() as patch:
            patch.setattr(raw_store, name, limit)
            before = REGISTRY.get_sample_value("oneview_webhook_batches_total") or 0
            await asyncio.gather(*(post(door, channel, BODY) for _ in range(100)))
            assert (REGISTRY.get_sample_value("oneview_webhook_batches_total") or 0) - before >= 10


async def test_a_row_that_cannot_be_stored_refuses_no_other(door: Door, channel: Channel, acme: Account) -> None:
    """A channel that was removed a moment ago is still remembered."""
    gone = routes.Route(acme.id, new_id(), "whatsapp", "1", CREDENTIALS)
    door._routes._hits["gone"] = (time.monotonic() + 10, gone)
    await post(door, channel, BODY)
    lost = call(door, "/webhooks/whatsapp/gone/", chunks=[BODY], headers=[sign(BODY)])
    *kept, refused = await asyncio.gather(*(post(door, channel, BODY) for _ in range(20)), lost)
    assert [reply.status for reply in kept] == [200] * 20
    assert refused.status == 503
    assert len(await stored(acme)) == 21


async def test_more_than_the_queue_holds_is_told_to_come_again(
    door: Door, channel: Channel, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post(door, channel, BODY)
    monkeypatch.setattr(raw_store, "QUEUE_ROWS", 20)
    replies = await asyncio.gather(*(post(door, channel, BODY) for _ in range(100)))
    taken = [reply for reply in replies if reply.status == 200]
    assert {reply.status for reply in replies} == {200, 503}
    assert all((b"retry-after", b"5") in reply.headers for reply in replies if reply.status == 503)
    assert len(await stored(acme)) == 1 + len(taken)


async def test_without_the_database_the_door_says_so_and_recovers(
    relay: Relay, door: Door, channel: Channel, acme: Account
) -> None:
    assert (await post(door, channel, BODY)).status == 200
    await relay.close()
    reply = await post(door, channel, BODY)
    assert (reply.status, (b"retry-after", b"5") in reply.headers) == (503, True)
    await relay.open()
    assert (await post(door, channel, BODY)).status == 200
    assert len(await stored(acme)) == 2


async def test_a_database_that_comes_back_costs_not_even_one_request(
    relay: Relay, door: Door, channel: Channel, acme: Account
) -> None:
    assert (await post(door, channel, BODY)).status == 200
    await relay.close()
    await relay.open()
    assert (await post(door, channel, BODY)).status == 200
    assert len(await stored(acme)) == 2


async def test_a_database_that_stands_still_is_waited_for_less_than_three_seconds(
    relay: Relay, door: Door, channel: Channel
) -> None:
    assert (await post(door, channel, BODY)).status == 200
    relay.freeze()

    async def post_after(seconds: float) -> tuple[Reply, float]:
        await asyncio.sleep(seconds)
        began = time.monotonic()
        return await post(door, channel, BODY), time.monotonic() - began

    answers = await asyncio.gather(*(post_after(n / 10) for n in range(40)))
    assert {reply.status for reply, _ in answers} == {503}
    assert raw_store.WAIT_SECONDS < 3
    assert max(seconds for _, seconds in answers) < 2 * raw_store.WAIT_SECONDS
    relay.thaw()
    assert (await post(door, channel, BODY)).status == 200


async def test_an_unknown_address_is_not_refused_while_nobody_can_know_it(relay: Relay, door: Door) -> None:
    relay.freeze()
    async with asyncio.timeout(20):
        assert (await call(door, "/webhooks/whatsapp/nobody/", chunks=[BODY], headers=[sign(BODY)])).status == 503


async def test_an_address_is_remembered_and_so_is_one_that_is_none(relay: Relay, door: Door, channel: Channel) -> None:
    assert (await post(door, channel, BODY)).status == 200
    assert (await call(door, "/webhooks/whatsapp/nobody/", chunks=[BODY])).status == 401
    await relay.close()
    forged = await call(door, path_to(channel), chunks=[BODY])
    unknown = await call(door, "/webhooks/whatsapp/nobody/", chunks=[BODY])
    assert (forged.status, unknown.status) == (401, 401)


async def test_guessed_addresses_push_out_no_real_one(
    door: Door, channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "MOST_MISSES", 5)
    await post(door, channel, BODY)
    for n in range(20):
        await call(door, f"/webhooks/whatsapp/guess{n}/", chunks=[BODY])
    assert len(door._routes._misses) == 5
    assert channel.public_id in door._routes._hits


async def test_a_changed_secret_counts_after_some_seconds(
    door: Door, channel: Channel, acme: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "REMEMBERED_SECONDS", 0.2)

    def change() -> None:
        with scope(acme):
            Channel.objects.filter(id=channel.id).update(credentials={**CREDENTIALS, "app_secret": "other"})

    assert (await post(door, channel, BODY)).status == 200
    await sync_to_async(change)()
    await asyncio.sleep(0.25)
    assert (await post(door, channel, BODY)).status == 401


async def test_each_batch_rings_once_after_its_commit(door: Door, channel: Channel, settings: LazySettings) -> None:
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
    pubsub = client.pubsub()
    await pubsub.subscribe(bell_name())
    assert (await pubsub.get_message(timeout=20))["type"] == "subscribe"
    await post(door, channel, BODY)
    assert (await pubsub.get_message(timeout=20))["type"] == "message"
    await pubsub.aclose()
    await client.aclose()


@pytest.fixture
def own_redis(tmp_path: Path, settings: LazySettings) -> Iterator[Redis]:
    with Redis(tmp_path / "redis") as server:
        settings.REDIS_URL = server.url
        yield server


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=["paused", "killed"])
async def test_no_answer_waits_for_redis(
    own_redis: Redis, channel: Channel, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "REDIS_SECONDS", 10)
    door = Door()
    await door.start()
    assert (await post(door, channel, BODY)).status == 200
    os.kill(own_redis.pid, number)
    try:
        for _ in range(50):
            async with asyncio.timeout(doors.REDIS_SECONDS):
                assert (await post(door, channel, BODY)).status == 200
    finally:
        os.kill(own_redis.pid, signal.SIGCONT)
        await door.stop()


async def test_stopping_commits_and_answers_what_came_before(channel: Channel, acme: Account) -> None:
    door = Door()
    await door.start()
    await post(door, channel, BODY)
    waiting = [asyncio.create_task(post(door, channel, BODY)) for _ in range(100)]
    await asyncio.sleep(0)
    await door.stop()
    statuses = [(await task).status for task in waiting]
    assert statuses == [200] * 100
    assert (await post(door, channel, BODY)).status == 503
    assert len(await stored(acme)) == 101


async def test_the_door_opens_without_database_and_redis(
    relay: Relay, settings: LazySettings, channel: Channel
) -> None:
    await relay.close()
    settings.REDIS_URL = f"unix://{relay.folder}/nothing.sock"
    door = Door()
    await door.start()
    assert (await post(door, channel, BODY)).status == 503
    await relay.open()
    assert (await post(door, channel, BODY)).status == 200
    await door.stop()
