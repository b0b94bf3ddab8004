"""The bot of docs/writing-a-bot.md, as it stands there: told by webhook what users write, it answers and hands over."""

from __future__ import annotations

import base64
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from channels_ingest.models import InboundEvent, InboundState, OutboxMessage, OutboxState
from channels_ingest.services import create_channel
from inbox.models import Conversation, Endpoint, Handover, Message
from inbox.realtime import read_head
from oneview.accounts.models import Account, Membership
from oneview.accounts.services import create_token
from oneview.bootstrap import ROOT
from oneview.common.scope import scope
from tests.inbox.api import Caller, agent_caller

pytestmark = [pytest.mark.django_db, pytest.mark.committed]

NUMBER = "900100200300"
CREDENTIALS = {"app_secret": "s", "verify_token": "v", "access_token": "t", "base_url": "/sandbox/whatsapp/graph"}
PROGRAM = ROOT / "docs/examples/bot.py"


@dataclass(frozen=True)
class Helper:
    """The running example: where it listens, the secret it knows, and a caller with its token."""

    url: str
    secret: str
    calls: Caller

    def tell(self, document: dict[str, Any], *, id: str = "evt_1", secret: str = "", age: int = 0) -> int:
        """A webhook as OneView signs it; the status that the bot answers."""
        body, at = json.dumps(document).encode(), str(int(time.time()) - age)
        key = base64.b64decode((secret or self.secret).removeprefix("whsec_"))
        signature = base64.b64encode(hmac.digest(key, f"{id}.{at}.".encode() + body, "sha256")).decode()
        headers = {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}
        return httpx2.post(self.url, content=body, headers=headers).status_code


@pytest.fixture
def helper(acme: Account, alice: Membership, live: str, tmp_path: Path) -> Iterator[Helper]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url, token = f"http://127.0.0.1:{port}/", create_token(acme, bot="Helper")
    wanted = {"url": url, "events": ["message.created"], "bot": "Helper"}
    secret = agent_caller(alice).post("webhooks/", wanted).json()["secret"]
    with scope(acme):
        create_channel(acme.id, kind="whatsapp", name="Shop", external_id=NUMBER, credentials=CREDENTIALS)
    settings = {"TOKEN": token, "WEBHOOK_SECRET": secret, "ONEVIEW_URL": live, "PORT": str(port)}
    with (tmp_path / "bot.log").open("wb") as log:
        running = subprocess.Popen(
            [sys.executable, PROGRAM], env={**os.environ, **settings}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        wait_until(lambda: is_open(port))
        yield Helper(url, secret, Caller(token))
        wait_until(lambda: is_told(acme))
        time.sleep(0.3)
    finally:
        running.terminate()
        running.wait(5)


def is_open(port: int) -> bool:
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


def is_told(account: Account) -> bool:
    """The tables are emptied after a test: by then the worker and the drain have to be done, with the bot's own answers
    and with what the provider says of them.
    """
    with scope(account):
        waiting = OutboxMessage.objects.exclude(state=OutboxState.SENT).exists()
        unread = Message.objects.filter(direction="outbound", private=False).exclude(status="read").exists()
        unseen = InboundEvent.objects.filter(state=InboundState.WAITING).exists()
        return Endpoint.objects.get().after == read_head(account.id) and not (waiting or unread or unseen)


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def write(live: str, text: str) -> None:
    given = {"from": "US.2025550143", "name": "Nora", "text": text}
    httpx2.post(f"{live}/sandbox/whatsapp/{NUMBER}/messages/", json=given, timeout=20).raise_for_status()


def find_conversation(account: Account) -> Conversation:
    with scope(account):
        return Conversation.objects.get()


@pytest.mark.usefixtures("drain", "worker")
def test_it_answers_what_it_knows_and_hands_over_when_asked(helper: Helper, live: str, acme: Account) -> None:
    def said() -> list[str]:
        told = helper.calls.get(f"conversations/{find_conversation(acme).id}/messages/").json()["results"]
        return [message["text"] for message in told if message["author"]["kind"] == "bot"]

    before = len(sent(live))
    write(live, "Where is my order?")
    wait_until(lambda: len(sent(live)) == before + 1)
    assert find_conversation(acme).turn == "bot"
    write(live, "I want to talk to a person")
    wait_until(lambda: find_conversation(acme).turn == "human")
    assert said() == [
        "Orders arrive within three days.",
        "One moment, I am asking a colleague.",
    ]
    with scope(acme):
        handover = Handover.objects.get()
        assert (handover.bot, handover.reason) == ("Helper", "The bot has no answer")
        assert handover.summary == "Last words: I want to talk to a person"
    write(live, "When are you open?")
    wait_until(lambda: is_told(acme))
    assert len(said()) == 2


@pytest.mark.usefixtures("drain", "worker")
def test_it_says_nothing_twice(helper: Helper, live: str, acme: Account) -> None:
    before = len(sent(live))
    write(live, "Are you open?")
    wait_until(lambda: len(sent(live)) == before + 1 and is_told(acme))
    conversation = str(find_conversation(acme).id)
    messages = f"conversations/{conversation}/messages/"
    [question, _answer] = helper.calls.get(messages).json()["results"]
    again = {"type": "message.created", "data": question}
    assert [helper.tell(again, id="evt_again"), helper.tell(again, id="evt_again")] == [204, 204]
    assert len(helper.calls.get(messages).json()["results"]) == 3


def test_it_takes_nothing_that_was_not_signed_just_now(helper: Helper) -> None:
    document = {"type": "message.created", "data": None}
    assert helper.tell(document) == 204
    assert helper.tell(document, secret="whsec_c29tZWJvZHkgZWxzZQ==") == 401
    assert helper.tell(document, age=301) == 401


def test_the_documentation_shows_it_whole() -> None:
    page = (ROOT / "docs/writing-a-bot.md").read_text()
    assert f"```python\n{PROGRAM.read_text()}```\n" in page


def sent(live: str) -> list[Any]:
    return list(httpx2.get(f"{live}/sandbox/whatsapp/{NUMBER}/sent/").raise_for_status().json()["results"])
