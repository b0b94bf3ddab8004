"""Channels are connected, quarantine is looked at and taken in again, deliveries are retried: in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from channels_ingest.admin import show_bytes
from channels_ingest.models import Channel, OutboxMessage, OutboxState, QuarantinedEvent
from channels_ingest.registry import load_channels
from channels_ingest.services import create_channel
from oneview.accounts.models import AuditEntry, Membership
from oneview.common.ids import floor_id, new_id
from oneview.common.scope import scope
from tests.fixtures import sign_in

pytestmark = pytest.mark.django_db

LIST = "/admin/channels_ingest/channel/"
SECRETS = {"app_secret": "canary-one", "verify_token": "canary-two", "access_token": "canary-three"}


@pytest.fixture
def channel(alice: Membership) -> Channel:
    with scope(alice.account):
        return create_channel(alice.account_id, kind="whatsapp", name="Shop", external_id="900100", credentials=SECRETS)


@pytest.fixture
def browser(alice: Membership) -> Client:
    return sign_in(alice)


def address(channel: Channel) -> str:
    return f"{LIST}{channel.pk}/change/"


def form(name: str = "Shop", **entered: str) -> dict[str, str]:
    return {"name": name, **{f"credential_{field}": entered.get(field, "") for field in (*SECRETS, "portfolio_id")}}


def stored(channel: Channel) -> Any:
    with scope(channel.account_id):
        return Channel.objects.get(pk=channel.pk)


def test_one_chooses_among_all_kinds_first(browser: Client) -> None:
    page = browser.get(f"{LIST}add/").content.decode()
    assert all(f'href="?kind={kind}"' in page for kind in load_channels())


@pytest.mark.parametrize("kind", sorted(load_channels()))
def test_every_kind_asks_for_what_its_adapter_needs(browser: Client, kind: str) -> None:
    page = browser.get(f"{LIST}add/?kind={kind}").content.decode()
    for field in load_channels()[kind].credentials:
        assert f'name="credential_{field.name}"' in page
    assert "base_url" not in page


def test_a_channel_is_connected(browser: Client, alice: Membership, settings: LazySettings) -> None:
    entered = form(**SECRETS) | {"external_id": "900100"}
    assert browser.post(f"{LIST}add/?kind=whatsapp", entered).status_code == 302
    with scope(alice.account):
        made = Channel.objects.get()
        entry = AuditEntry.objects.get(action="channel.add")
    assert (made.kind, made.name, made.external_id) == ("whatsapp", "Shop", "900100")
    assert made.credentials["app_secret"] == "canary-one"
    assert "canary" not in str(entry.new)
    page = browser.get(address(made)).content.decode()
    assert f"{settings.PUBLIC_URL}/webhooks/whatsapp/{made.public_id}/" in page


def test_a_channel_that_somebody_else_connected_is_refused(
    channel: Channel, browser: Client, charlie: Membership
) -> None:
    entered = form(**SECRETS) | {"external_id": "900100"}
    page = sign_in(charlie).post(f"{LIST}add/?kind=whatsapp", entered, follow=True)
    assert "connected already" in page.content.decode()
    with scope(charlie.account):
        assert not Channel.objects.exists()


def test_secrets_never_come_out(channel: Channel, browser: Client) -> None:
    for page in (browser.get(LIST), browser.get(address(channel)), browser.get(f"{LIST}{channel.pk}/history/")):
        assert page.status_code == 200
        assert "canary" not in page.content.decode()
    again = browser.post(address(channel), form(name="", app_secret="canary-typed"))
    assert again.status_code == 200
    assert "canary" not in again.content.decode()


def test_empty_secrets_are_kept(channel: Channel, browser: Client) -> None:
    assert browser.post(address(channel), form(name="Renamed")).status_code == 302
    assert (stored(channel).name, stored(channel).credentials["access_token"]) == ("Renamed", "canary-three")


def test_a_rotating_secret_keeps_the_former_one_beside_it(channel: Channel, browser: Client) -> None:
    rotating = {field.name for field in load_channels()["whatsapp"].credentials if field.rotates}
    assert "app_secret" in rotating
    for secret in ("second", "third"):
        browser.post(address(channel), form(app_secret=secret))
    assert stored(channel).credentials["app_secret"] == ["third", "second"]


def test_a_disconnected_channel_is_connected_again_by_new_credentials(channel: Channel, browser: Client) -> None:
    with scope(channel.account_id):
        Channel.objects.update(state=Channel.State.DISCONNECTED, state_reason="The token was refused.")
    assert "The token was refused." in browser.get(address(channel)).content.decode()
    browser.post(address(channel), form(access_token="fresh"))
    assert (stored(channel).state, stored(channel).credentials["access_token"]) == (Channel.State.CONNECTED, "fresh")


def test_a_channel_whose_key_is_lost_can_be_entered_again(
    channel: Channel, browser: Client, settings: LazySettings
) -> None:
    settings.ENCRYPTION_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    assert browser.get(LIST).status_code == 200
    assert browser.get(address(channel)).status_code == 200
    assert "required" in browser.post(address(channel), form()).content.decode()


def test_quarantine_shows_bytes_as_text_and_hides_signatures(channel: Channel, browser: Client) -> None:
    with scope(channel.account_id) as now:
        event = QuarantinedEvent.objects.create(
            account_id=channel.account_id,
            channel=channel,
            inbound_id=new_id(),
            headers={"content-type": "application/json", "x-hub-signature-256": "canary"},
            body=b'{"text": "<script>alert(1)</script>"}',
            error="unreadable",
            received_at=now,
        )
    page = browser.get(f"/admin/channels_ingest/quarantinedevent/{event.pk}/change/").content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "canary" not in page
    assert "alert(1)" not in browser.get("/admin/channels_ingest/quarantinedevent/").content.decode()


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b"plain\nlines", "<pre>plain\nlines</pre>"),
        (b"\x00\x1b[31m\xff", "<pre>\\x00\\x1b[31m\\xff</pre>"),
        ("a\u202eb".encode(), "<pre>a\\u202eb</pre>"),
        (b"<b>", "<pre>&lt;b&gt;</pre>"),
    ],
)
def test_bytes_act_nowhere(body: bytes, shown: str) -> None:
    assert show_bytes(body) == shown


def test_what_is_older_than_the_window_is_not_shown(channel: Channel, browser: Client) -> None:
    with scope(channel.account_id) as now:
        then = now - timedelta(days=31)
        QuarantinedEvent.objects.create(
            account_id=channel.account_id, channel=channel, inbound_id=new_id(), error="too old", received_at=then
        )
        OutboxMessage.objects.create(
            account_id=channel.account_id,
            channel=channel,
            thread_id=new_id(),
            message_id=floor_id(then),
            reason="too old",
            next_attempt_at=then,
        )
    for model in ("quarantinedevent", "outboxmessage"):
        assert "too old" not in browser.get(f"/admin/channels_ingest/{model}/").content.decode()


def test_a_quarantined_request_is_taken_in_again(channel: Channel, browser: Client) -> None:
    with scope(channel.account_id) as now:
        event = QuarantinedEvent.objects.create(
            account_id=channel.account_id,
            channel=channel,
            inbound_id=new_id(),
            body=b'{"object": "whatsapp_business_account", "entry": []}',
            error="was unknown",
            received_at=now,
        )
    chosen = {"action": "replay", "_selected_action": [str(event.pk)]}
    page = browser.post("/admin/channels_ingest/quarantinedevent/", chosen, follow=True)
    assert "1 taken in again, 0 still in quarantine" in page.content.decode()
    with scope(channel.account_id):
        assert AuditEntry.objects.filter(action="quarantine.replay").exists()


def test_words_of_replies_are_not_shown(channel: Channel, browser: Client) -> None:
    with scope(channel.account_id) as now:
        delivery = OutboxMessage.objects.create(
            account_id=channel.account_id,
            channel=channel,
            thread_id=new_id(),
            message_id=floor_id(now),
            content={"text": "for the customer only"},
            state=OutboxState.FAILED,
            reason="The number does not exist.",
            next_attempt_at=now,
        )
    for path in ("", f"{delivery.pk}/change/"):
        page = browser.get(f"/admin/channels_ingest/outboxmessage/{path}").content.decode()
        assert "The number does not exist." in page
        assert "for the customer only" not in page


def test_a_failed_delivery_is_tried_again(channel: Channel, browser: Client) -> None:
    with scope(channel.account_id) as now:
        delivery = OutboxMessage.objects.create(
            account_id=channel.account_id,
            channel=channel,
            thread_id=new_id(),
            message_id=floor_id(now),
            content={"text": "again"},
            state=OutboxState.FAILED,
            next_attempt_at=now,
        )
    chosen = {"action": "retry", "_selected_action": [str(delivery.pk)]}
    page = browser.post("/admin/channels_ingest/outboxmessage/", chosen, follow=True)
    assert "1 delivery is tried again" in page.content.decode()
    with scope(channel.account_id):
        delivery.refresh_from_db()
    assert delivery.state == OutboxState.QUEUED


def test_a_chat_shows_the_code_for_a_site_instead_of_an_address(browser: Client, alice: Membership) -> None:
    with scope(alice.account):
        chat = create_channel(
            alice.account_id, kind="webchat", name="Shop", external_id="shop", credentials={"jwt_secret": "s" * 32}
        )
    page = browser.get(f"/admin/channels_ingest/channel/{chat.id}/change/").content.decode()
    assert f"/widget/loader.js&quot; data-key=&quot;{chat.public_id}&quot;" in page
    assert "Webhook address" not in page
