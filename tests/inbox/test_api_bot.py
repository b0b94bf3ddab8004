"""The bot of docs/api.md, as it stands there: told of a message by a webhook, it answers over the API."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels_ingest.models import Channel, OutboxMessage, OutboxState
from channels_ingest.sink import ChannelInfo
from inbox.models import Endpoint
from inbox.realtime import read_head
from oneview.accounts.models import Account, Membership
from oneview.accounts.services import create_token
from oneview.bootstrap import ROOT
from oneview.common.scope import scope
from tests.channels_ingest.provider import Provider
from tests.inbox.api import Caller, agent_caller, connect, write_in

pytestmark = [pytest.mark.django_db, pytest.mark.committed]


@pytest.fixture
def whatsapp() -> Iterator[Provider]:
    with Provider().running() as running:
        yield running


@pytest.fixture
def channel(acme: Account, whatsapp: Provider) -> ChannelInfo:
    info = connect(acme)
    with scope(acme):
        channel = Channel.objects.get(id=info.id)
        channel.credentials = {**channel.credentials, "base_url": whatsapp.url}
        channel.save(update_fields=["credentials"])
    return info


@pytest.fixture
def bot(acme: Account, alice: Membership, live: str, tmp_path: Path) -> Iterator[Caller]:
    """The example runs and is told of new messages; a caller with its token."""
    [program] = re.findall(r"```python\n(.*?)```", (ROOT / "docs/api.md").read_text(), re.DOTALL)
    assert len([line for line in program.splitlines() if line]) <= 25
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    token = create_token(acme, bot="Echo")
    wanted = {"url": f"http://127.0.0.1:{port}/", "events": ["message.created"], "bot": "Echo"}
    secret = agent_caller(alice).post("webhooks/", wanted).json()["secret"]
    settings = {"TOKEN": token, "WEBHOOK_SECRET": secret, "ONEVIEW_URL": live, "PORT": str(port)}
    with (tmp_path / "bot.log").open("wb") as log:
        running = subprocess.Popen(
            [sys.executable, "-c", program], env={**os.environ, **settings}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until_open(port)
        yield Caller(token)
        wait_until_told(acme)
    finally:
        running.terminate()
        running.wait(5)


def wait_until_told(account: Account) -> None:
    """The tables are emptied after a test: the worker has to be done by then, with the bot's own answer too."""
    deadline = time.monotonic() + 20
    while True:
        with scope(account):
            endpoint = Endpoint.objects.get()
            sending = OutboxMessage.objects.exclude(state=OutboxState.SENT).exists()
            if endpoint.after == read_head(account.id) and not sending:
                break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)


def wait_until_open(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


@pytest.mark.usefixtures("worker")
def test_the_bot_of_the_documentation_answers_once(
    bot: Caller, acme: Account, channel: ChannelInfo, whatsapp: Provider
) -> None:
    ana = write_in(acme, channel, "hola")
    deadline = time.monotonic() + 30
    while not whatsapp.texts:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert whatsapp.texts == ["You said: hola"]
    told = bot.get(f"conversations/{ana}/messages/").json()["results"]
    assert [(message["author"]["kind"], message["text"]) for message in told] == [
        ("user", "hola"),
        ("bot", "You said: hola"),
    ]
    assert told[-1]["author"]["name"] == "Echo"
