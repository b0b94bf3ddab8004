"""The code of docs/webchat.md and docs/mobile.md, as it stands there, against a real web process and drain."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from channels_ingest.models import Channel, InboundEvent, InboundState
from identity.models import Identity
from inbox.models import Message
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.inbox.listening import run
from tests.inbox.test_visitors import reply, status_of
from tests.inbox.visiting import SECRET, connect_chat, wait

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("drain")]

USER = {"id": "ana-42", "name": "Ana Prieto", "email": "ana@example.com", "email_is_verified": True}


def read_code(name: str) -> dict[str, Any]:
    """What the one program of a document defines."""
    text = (Path(settings.BASE_DIR) / "docs" / name).read_text()
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    defined: dict[str, Any] = {"lines": len([line for line in program.splitlines() if line])}
    exec(program, defined)
    return defined


@pytest.fixture
def chat(acme: Account) -> Iterator[Channel]:
    yield connect_chat(acme)
    with scope(acme):
        wait(lambda: not InboundEvent.objects.filter(state=InboundState.WAITING).exists())


def vouch(chat: Channel) -> str:
    token: str = read_code("webchat.md")["vouch"](USER, public_id=chat.public_id, secret=SECRET)
    return token


async def test_the_client_of_an_app_does_all_it_has_to(
    live: str, chat: Channel, acme: Account, bob: Membership
) -> None:
    """Session, message, socket, signing in, and a re-install that brings the user's conversation back."""
    code = read_code("mobile.md")
    assert code["lines"] <= 40
    phone = code["Chat"](live, chat.public_id)
    await run(phone.begin)
    await run(lambda: phone.identify(vouch(chat)))
    for _ in range(2):
        await run(lambda: phone.write("Where is my order?", client_id="c1"))
    await run(lambda: wait(lambda: len(phone.list_messages()) == 1))
    heard: dict[str, str] = {}

    def show(message: dict[str, Any]) -> bool:
        heard[message["id"]] = message["text"]
        return bool(message["author"]["kind"] != "user")

    listening = asyncio.create_task(phone.listen(show))
    answer = await run(lambda: reply(acme, bob, "On its way."))
    await run(lambda: wait(lambda: status_of(acme, answer.id) == "read"))
    listening.cancel()
    assert list(heard.values()) == ["Where is my order?", "On its way."]

    again = code["Chat"](live, chat.public_id)
    await run(lambda: again.begin(platform="android"))
    assert await run(again.list_messages) == []
    await run(lambda: again.identify(vouch(chat)))
    assert [message["text"] for message in await run(again.list_messages)] == list(heard.values())


def test_what_a_site_vouches_for_is_proven(live: str, chat: Channel, acme: Account) -> None:
    phone = read_code("mobile.md")["Chat"](live, chat.public_id)
    phone.begin()
    phone.identify(vouch(chat))
    phone.write("hello")
    with scope(acme):
        wait(lambda: Message.objects.exists())
        assert set(Identity.objects.filter(kind__in=["customer", "email"]).values_list("kind", "value")) == {
            ("customer", "ana-42"),
            ("email", "ana@example.com"),
        }
