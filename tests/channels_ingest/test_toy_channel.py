"""A channel is one file: the one in docs/adding-a-channel.md receives, answers and is connected by being there."""

from __future__ import annotations

import asyncio
import importlib
import io
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from channels_ingest import channels
from channels_ingest.base import ChannelAdapter
from channels_ingest.door import Door
from channels_ingest.drain import Drain
from channels_ingest.models import Channel
from channels_ingest.outbox import deliver
from channels_ingest.registry import load_channels
from channels_ingest.signing import hmac_sha256_hex
from inbox.models import Message, Thread
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Author
from oneview.accounts.models import Membership
from oneview.bootstrap import ROOT
from oneview.common.scope import scope
from tests.channels_ingest.provider import Provider, Say
from tests.channels_ingest.webhooks import call, path_to
from tests.fixtures import sign_in

pytestmark = pytest.mark.committed

LIST = "/admin/channels_ingest/channel/"
SECRET, KEY = "canary-secret", "canary-key"


@pytest.fixture(autouse=True)
def letters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChannelAdapter]:
    """The documented file, put beside the channels for one test."""
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "adding-a-channel.md").read_text(), re.DOTALL)
    (tmp_path / "letters.py").write_text(code)
    monkeypatch.setattr(channels, "__path__", [*channels.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    load_channels.cache_clear()
    yield load_channels()["letters"]
    del sys.modules["channels_ingest.channels.letters"], channels.letters  # type: ignore[attr-defined]
    load_channels.cache_clear()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with Provider().running() as running:
        yield running


@pytest.fixture
def channel(alice: Membership) -> Channel:
    """Connected in the admin, by a supervisor."""
    entered = {
        "name": "Front desk",
        "external_id": "box-7",
        "credential_signing_secret": SECRET,
        "credential_api_key": KEY,
    }
    answer = sign_in(alice).post(f"{LIST}add/?kind=letters", entered)
    assert answer.status_code == 302, answer.context["errors"]
    with scope(alice.account):
        return Channel.objects.get()


def post(channel: Channel, letter: dict[str, Any], *, secret: str = SECRET) -> int:
    """The status of the door's answer."""
    body = json.dumps({"postbox": "box-7", "at": int(time.time()), **letter}).encode()
    signature = b"x-letters-signature", hmac_sha256_hex(secret, body).encode()

    async def knock() -> int:
        door = Door()
        await door.start()
        try:
            return (await call(door, path_to(channel), chunks=[body], headers=[signature])).status
        finally:
            await door.stop()

    return asyncio.run(knock())


def drain() -> None:
    worker = Drain()
    while worker.work():
        pass


def receive(channel: Channel, text: str) -> Message:
    """A letter on its whole way in."""
    assert post(channel, {"id": "l-1", "from": "u-9", "name": "Ana", "text": text}) == 200
    drain()
    with scope(channel.account_id):
        return Message.objects.get()


def answer(channel: Channel, text: str, *, alice: Membership) -> Message:
    with scope(alice.account) as now:
        thread = Thread.objects.get()
        draft, author = Draft(client_id="c-1", text=text), Author("agent", alice.user_id, "Alice")
        send_reply(alice.account, thread.conversation_id, draft, author=author, now=now)
    deliver(channel.account_id, thread.id)
    with scope(alice.account):
        return Message.objects.exclude(external_id="l-1").get()


def test_the_admin_asks_for_what_it_needs(alice: Membership, letters: ChannelAdapter) -> None:
    browser = sign_in(alice)
    assert "Letters" in browser.get(f"{LIST}add/").content.decode()
    page = browser.get(f"{LIST}add/?kind=letters").content.decode()
    assert all(f'name="credential_{field.name}"' in page for field in letters.credentials)
    assert "Postbox" in page


def test_it_is_connected_and_its_secrets_stay_inside(channel: Channel, alice: Membership) -> None:
    assert (channel.kind, channel.external_id) == ("letters", "box-7")
    assert channel.credentials == {"signing_secret": SECRET, "api_key": KEY}
    page = sign_in(alice).get(f"{LIST}{channel.pk}/change/").content.decode()
    assert f"/webhooks/letters/{channel.public_id}/" in page
    assert "canary" not in page


def test_a_letter_becomes_a_message(channel: Channel) -> None:
    assert receive(channel, "Hello from afar").text == "Hello from afar"


def test_a_forged_letter_does_not(channel: Channel) -> None:
    assert post(channel, {"id": "l-1", "from": "u-9", "text": "Hello"}, secret="another") == 401
    drain()
    with scope(channel.account_id):
        assert not Message.objects.exists()


def test_an_answer_goes_out(channel: Channel, alice: Membership, provider: Provider) -> None:
    receive(channel, "Hello from afar")
    with scope(alice.account):
        Channel.objects.update(credentials={**channel.credentials, "base_url": provider.url})
    provider.next.append(Say(body={"id": "l-2"}))
    message = answer(channel, "Hello back", alice=alice)
    (asked,) = provider.asked
    assert (asked.method, asked.path, asked.headers["authorization"]) == ("POST", "/letters", f"Bearer {KEY}")
    assert json.loads(asked.body) == {"postbox": "box-7", "to": "u-9", "text": "Hello back"}
    assert (message.external_id, message.status) == ("l-2", "sent")


def test_agents_see_it_in_the_inbox(channel: Channel, alice: Membership) -> None:
    message = receive(channel, "Hello from afar")
    with scope(alice.account):
        thread = Thread.objects.get()
    page = sign_in(alice).get(f"/inbox/c/{thread.conversation_id}/").content.decode()
    assert str(message.id) in page
    assert "Hello from afar" in page
    assert "Letters" in page


def test_it_needs_no_migration() -> None:
    call_command("makemigrations", check=True, dry_run=True, stdout=io.StringIO())
