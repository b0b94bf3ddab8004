"""How a channel is doing: seen by the door, counted, and asked of its provider by a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connections
from django.test import Client

from channels_ingest import checkup
from channels_ingest.checkup import Condition, perform_check, read_condition, request_check
from channels_ingest.door import Door
from channels_ingest.models import Channel, OutboxMessage, OutboxState, QuarantinedEvent
from channels_ingest.services import create_channel
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.ids import floor_id, new_id
from oneview.common.scope import scope
from tests.channels_ingest.provider import Provider, Say
from tests.channels_ingest.webhooks import Reply, call, connect, path_to
from tests.fixtures import sign_in

pytestmark = pytest.mark.committed

HANDSHAKE = b"hub.mode=subscribe&hub.challenge=42&hub.verify_token="
PAGE = "/admin/channels_ingest/channel/"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider().running() as running:
        yield running


@pytest.fixture
def channel(acme: Account, provider: Provider) -> Channel:
    return connect(acme, base_url=provider.url)


@pytest.fixture
def browser(alice: Membership) -> Client:
    return sign_in(alice)


def reload(channel: Channel) -> Any:
    with scope(channel.account_id):
        return Channel.objects.get()


def ask(channel: Channel) -> Any:
    """A whole check, as a worker makes it."""
    with scope(channel.account_id) as now:
        request_check(channel.account_id, channel.id, now=now)
    perform_check(channel.account_id, channel.id)
    return reload(channel)


def describe(channel: Channel) -> Condition:
    with scope(channel.account_id) as now:
        return read_condition(Channel.objects.get(), now=now, window=timedelta(days=30))


def page_of(channel: Channel, browser: Client) -> str:
    return browser.get(f"{PAGE}{channel.pk}/change/").content.decode()


class TestHandshakes:
    def knock(self, channel: Channel, token: bytes) -> Reply:
        async def shake() -> Reply:
            door = Door()
            await door.start()
            try:
                return await asyncio.wait_for(call(door, path_to(channel), method="GET", query=HANDSHAKE + token), 1)
            finally:
                await door.stop()

        return asyncio.run(shake())

    def test_one_is_remembered(self, channel: Channel) -> None:
        assert self.knock(channel, b"say-friend").body == b"42"
        assert reload(channel).handshake_at is not None

    def test_a_refused_one_is_not(self, channel: Channel) -> None:
        assert self.knock(channel, b"say-foe").status == 401
        assert reload(channel).handshake_at is None

    def test_the_answer_waits_for_nobody_who_holds_the_channel(self, channel: Channel) -> None:
        owner = connections["owner"]
        owner.set_autocommit(False)
        try:
            with owner.cursor() as cursor:
                cursor.execute("SELECT 1 FROM channels_ingest_channel FOR UPDATE")
            assert self.knock(channel, b"say-friend").body == b"42"
        finally:
            owner.rollback()
            owner.set_autocommit(True)


class TestChecks:
    def test_good_credentials_bring_the_name_of_the_account(self, channel: Channel, provider: Provider) -> None:
        provider.next.append(Say(body={"verified_name": "Shop", "display_phone_number": "+1 555-000-1111"}))
        checked = ask(channel)
        assert (checked.check_passed, checked.check_words) == (True, "Shop, +1 555-000-1111")
        (asked,) = provider.asked
        assert (asked.method, asked.headers["authorization"]) == ("GET", "Bearer token-1")
        assert asked.path.endswith("/900100200300?fields=verified_name,display_phone_number")

    def test_refused_ones_bring_the_reason(self, channel: Channel, provider: Provider) -> None:
        provider.next.append(Say(401, {"error": {"code": 190, "message": "expired"}}))
        checked = ask(channel)
        assert checked.check_passed is False
        assert checked.check_words == "The access token is no longer valid. Connect the channel again."
        assert checked.state == Channel.State.CONNECTED

    @pytest.mark.parametrize("say", [Say(500, {}), Say(cut=True)])
    def test_a_provider_that_cannot_tell_proves_nothing(self, channel: Channel, provider: Provider, say: Say) -> None:
        provider.next.append(say)
        checked = ask(channel)
        assert checked.check_passed is None
        assert checked.check_words

    def test_an_answer_about_former_credentials_is_dropped(self, channel: Channel, provider: Provider) -> None:
        def ask_again() -> None:
            with scope(channel.account_id) as now:
                request_check(channel.account_id, channel.id, now=now)
            connections.close_all()

        provider.next.append(Say(body={"verified_name": "Old"}, before=ask_again))
        assert ask(channel).checked_at is None
        assert describe(channel).is_being_checked

    def test_credentials_that_cannot_be_read_are_named(self, channel: Channel, settings: LazySettings) -> None:
        settings.ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
        with scope(channel.account_id) as now:
            request_check(channel.account_id, channel.id, now=now)
        perform_check(channel.account_id, channel.id)
        with scope(channel.account_id):
            checked = Channel.objects.defer("credentials").get()
        assert (checked.check_passed, "Enter them again" in checked.check_words) == (False, True)

    def test_nobody_is_asked_where_there_is_nobody(self, acme: Account) -> None:
        with scope(acme):
            channel = create_channel(
                acme.id, kind="api", name="Shop", external_id="shop", credentials={"secret": "plain words"}
            )
        assert ask(channel).checked_at is None
        assert not describe(channel).can_be_checked

    def test_a_check_that_nobody_makes_is_given_up(self, channel: Channel) -> None:
        with scope(channel.account_id) as now:
            request_check(channel.account_id, channel.id, now=now - checkup.PATIENCE)
        condition = describe(channel)
        assert (condition.is_being_checked, condition.was_not_answered) == (False, True)


class TestPage:
    def test_a_new_channel_shows_what_has_not_been_seen_yet(
        self, channel: Channel, browser: Client, settings: LazySettings
    ) -> None:
        page = page_of(channel, browser)
        assert f'value="{settings.PUBLIC_URL}/webhooks/whatsapp/{channel.public_id}/"' in page
        for words in ("Connected", "Not yet", "None yet", "Not checked yet", "Check now"):
            assert words in page

    def test_what_was_seen_is_shown(self, channel: Channel, browser: Client) -> None:
        with scope(channel.account_id) as now:
            Channel.objects.update(
                handshake_at=now,
                last_event_at=now,
                check_asked_at=now,
                checked_at=now,
                check_passed=True,
                check_words="Shop, +1 555",
            )
        page = page_of(channel, browser)
        for words in ("Seen", "The last one came", "Good, checked", "Shop, +1 555"):
            assert words in page
        assert "Not yet" not in page

    def test_what_waits_and_what_failed_is_counted(self, channel: Channel, browser: Client) -> None:
        with scope(channel.account_id) as now:
            yesterday = now - timedelta(hours=25)
            for at, state in [
                (now, OutboxState.QUEUED),
                (yesterday, OutboxState.SENDING),
                (now, OutboxState.FAILED),
                (yesterday, OutboxState.FAILED),
                (now, OutboxState.SENT),
            ]:
                OutboxMessage.objects.create(
                    account_id=channel.account_id,
                    channel=channel,
                    thread_id=new_id(),
                    message_id=floor_id(at),
                    state=state,
                    next_attempt_at=now,
                )
            for standing in ("quarantined", "replayed"):
                QuarantinedEvent.objects.create(
                    account_id=channel.account_id,
                    channel=channel,
                    inbound_id=new_id(),
                    error="odd",
                    state=standing,
                    received_at=now,
                )
        condition = describe(channel)
        assert (condition.waiting, condition.failed, condition.quarantined) == (2, 1, 1)
        page = page_of(channel, browser)
        for path in ("outboxmessage", "quarantinedevent"):
            assert f"/admin/channels_ingest/{path}/?channel__id__exact={channel.pk}" in page
        listed = browser.get(
            f"/admin/channels_ingest/outboxmessage/?channel__id__exact={channel.pk}&state__exact=failed"
        )
        assert {row.state for row in listed.context["cl"].result_list} == {"failed"}

    def test_check_now_asks_a_worker(self, channel: Channel, browser: Client, provider: Provider) -> None:
        answer = browser.post(f"{PAGE}{channel.pk}/check/", follow=True)
        assert "Being checked" in answer.content.decode()
        assert provider.asked == []
        assert reload(channel).check_asked_at is not None

    def test_looking_at_the_address_of_a_check_asks_nobody(self, channel: Channel, browser: Client) -> None:
        assert browser.get(f"{PAGE}{channel.pk}/check/").status_code == 302
        assert reload(channel).check_asked_at is None

    def test_new_credentials_are_checked_at_once(self, channel: Channel, browser: Client) -> None:
        fields = ("app_secret", "verify_token", "access_token", "portfolio_id")
        entered = {"name": "Shop", **{f"credential_{field}": "" for field in fields}}
        assert browser.post(f"{PAGE}{channel.pk}/change/", entered).status_code == 302
        assert reload(channel).check_asked_at is not None

    def test_a_former_secret_is_dropped(self, channel: Channel, browser: Client) -> None:
        address = f"{PAGE}{channel.pk}/drop/app_secret/"
        assert address not in page_of(channel, browser)
        with scope(channel.account_id):
            Channel.objects.update(credentials={**channel.credentials, "app_secret": ["canary-new", "canary-old"]})
        assert address in page_of(channel, browser)
        browser.get(address)
        assert reload(channel).credentials["app_secret"] == ["canary-new", "canary-old"]
        answer = browser.post(address, follow=True)
        assert "Only the new value is valid now." in answer.content.decode()
        assert "canary" not in answer.content.decode()
        assert reload(channel).credentials["app_secret"] == "canary-new"
        with scope(channel.account_id):
            entry = AuditEntry.objects.get(action="channel.drop_secret")
        assert entry.new == {"fields": ["app_secret"]}

    @pytest.mark.parametrize("field", ["app_secret", "access_token", "base_url", "nothing"])
    def test_the_only_value_of_a_secret_stays(self, channel: Channel, browser: Client, field: str) -> None:
        answer = browser.post(f"{PAGE}{channel.pk}/drop/{field}/", follow=True)
        assert "There is only one value of this secret." in answer.content.decode()
        assert reload(channel).credentials == channel.credentials
