"""Channels are connected with what their kind asks for; commands and checks around them."""

from __future__ import annotations

import io
import json
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from channels_ingest.models import Channel
from channels_ingest.selectors import get_channel_info, list_channels, read_directory
from channels_ingest.services import create_channel, update_channel
from oneview.accounts.models import Account
from oneview.common.errors import Conflict, Invalid, NotFound
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.channels_ingest.webhooks import CREDENTIALS, NUMBER, connect


def create(account: Account, **changes: Any) -> Channel:
    given = {"kind": "whatsapp", "name": "Support", "external_id": NUMBER, "credentials": CREDENTIALS, **changes}
    with scope(account):
        return create_channel(account.id, **given)


def test_a_channel_is_connected_with_its_credentials(acme: Account) -> None:
    channel = create(acme, credentials={**CREDENTIALS, "portfolio_id": "55"})
    with scope(acme):
        assert list_channels(acme.id) == (channel,)
        info = get_channel_info(acme.id, kind="whatsapp", external_id=NUMBER)
    assert (info.id, info.identity_kind, info.identity_scope) == (channel.id, "whatsapp", "55")
    assert len(channel.public_id) == 24


def test_credentials_lie_encrypted(acme: Account) -> None:
    create(acme)
    with scope(acme), connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM channels_ingest_channel")
        (stored,) = cursor.fetchone()
    assert not any(secret.encode() in bytes(stored) for secret in CREDENTIALS.values())
    with scope(acme):
        assert Channel.objects.get().credentials == CREDENTIALS


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"kind": "pigeon"}, ["kind"]),
        ({"name": " "}, ["name"]),
        ({"external_id": ""}, ["external_id"]),
        ({"credentials": {}}, ["app_secret", "verify_token", "access_token"]),
        ({"credentials": {**CREDENTIALS, "app_secret": []}}, ["app_secret"]),
        ({"credentials": {**CREDENTIALS, "app_secret": [7]}}, ["app_secret", "app_secret"]),
        ({"credentials": {**CREDENTIALS, "access_token": ["a", "b"]}}, ["access_token"]),
        ({"credentials": {**CREDENTIALS, "password": "x"}}, ["password"]),
    ],
)
def test_what_is_missing_or_wrong_is_named(acme: Account, changes: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(Invalid) as raised:
        create(acme, **changes)
    assert [error.field for error in raised.value.errors] == fields


def test_a_local_address_is_taken_only_where_it_may(acme: Account, settings: LazySettings) -> None:
    settings.ALLOW_LOCAL_PROVIDERS = False
    with pytest.raises(Invalid):
        create(acme, credentials={**CREDENTIALS, "base_url": "http://127.0.0.1:1"})


def test_a_provider_account_is_connected_once_in_the_installation(acme: Account, zenith: Account) -> None:
    create(acme)
    for account in (acme, zenith):
        with pytest.raises(Conflict):
            create(account)
    with scope(zenith):
        assert list_channels(zenith.id) == ()


def test_an_account_finds_its_own_channels_only(acme: Account, zenith: Account) -> None:
    channel = create(acme)
    with scope(zenith):
        assert read_directory(zenith.id).by_id == {}
        with pytest.raises(NotFound):
            get_channel_info(zenith.id, kind="whatsapp", external_id=NUMBER)
        with pytest.raises(NotFound):
            update_channel(zenith.id, channel.id, name="Mine", credentials=CREDENTIALS)


def test_connecting_again_takes_the_blame_away(acme: Account) -> None:
    channel = create(acme)
    with scope(acme):
        Channel.objects.update(state=Channel.State.DISCONNECTED, state_reason="Dead.")
        update_channel(acme.id, channel.id, name="Again", credentials={**CREDENTIALS, "access_token": "new"})
        again = Channel.objects.get()
    assert (again.name, again.state, again.state_reason) == ("Again", Channel.State.CONNECTED, "")
    assert again.credentials["access_token"] == "new"


# Commands


def run(command: str, *arguments: str) -> dict[str, Any]:
    output = io.StringIO()
    call_command(command, *arguments, stdout=output)
    answer: dict[str, Any] = json.loads(output.getvalue())
    return answer


def test_create_channel_prints_the_webhook_address(acme: Account) -> None:
    options = ("--account", "acme", "--kind", "whatsapp", "--name", "Support", "--external-id", NUMBER)
    answer = run("create_channel", *options, "--credentials", json.dumps(CREDENTIALS))
    with scope(acme):
        channel = Channel.objects.get(id=UUID(answer["channel"]))
    assert answer == {
        "channel": str(channel.id),
        "public_id": channel.public_id,
        "webhook_url": f"/webhooks/whatsapp/{channel.public_id}/",
    }


def test_create_channel_reads_credentials_from_standard_input(acme: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(CREDENTIALS)))
    options = ("--account", "acme", "--kind", "whatsapp", "--name", "Support", "--external-id", NUMBER)
    run("create_channel", *options, "--credentials", "-")
    with scope(acme):
        assert Channel.objects.get().credentials == CREDENTIALS


@pytest.mark.parametrize(
    ("account", "credentials", "said"),
    [
        ("nobody", "{}", "nobody"),
        ("acme", "{}", "app_secret: This is needed."),
        ("acme", "secret-123", "credentials: This must be a JSON object."),
        ("acme", '["secret-123"]', "credentials: This must be a JSON object."),
    ],
)
def test_create_channel_says_what_is_wrong_and_repeats_no_secret(
    acme: Account, account: str, credentials: str, said: str
) -> None:
    options = ("--account", account, "--kind", "whatsapp", "--name", "Support", "--external-id", NUMBER)
    with pytest.raises(CommandError) as raised:
        run("create_channel", *options, "--credentials", credentials)
    assert said in str(raised.value)
    assert "secret-123" not in str(raised.value)


def test_replay_events_counts_over_all_accounts_or_one_channel(acme: Account, zenith: Account) -> None:
    channel = connect(acme)
    nothing = {"replayed": 0, "messages": 0, "quarantined": 0}
    assert run("replay_events") == nothing
    assert run("replay_events", "--channel", str(channel.id), "--state", "quarantined") == nothing
    with pytest.raises(CommandError):
        run("replay_events", "--channel", str(new_id()))


# Checks


def test_checks_name_what_keeps_an_installation_from_working(settings: LazySettings) -> None:
    def ids() -> set[str]:
        found = run_checks(include_deployment_checks=True)
        return {message.id for message in found if message.id and message.id.startswith("channels_ingest")}

    settings.PUBLIC_URL = "https://inbox.example.com"
    settings.ALLOW_LOCAL_PROVIDERS = False
    assert ids() == set()
    settings.PUBLIC_URL = "http://inbox.example.com"
    settings.ALLOW_LOCAL_PROVIDERS = True
    settings.ENCRYPTION_KEYS = ["short"]
    settings.CHANNELS_INGEST_SINK = "nowhere.at.all"
    assert ids() == {f"channels_ingest.{id}" for id in ("E001", "E002", "W001", "W002")}
