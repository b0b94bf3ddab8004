"""What a supervisor takes out of a message is nowhere any more, and does not come back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from channels_ingest.models import Channel, InboundEvent, InboundState, MediaObject, OutboxMessage, OutboxState
from channels_ingest.reading import StoredRequest, read_request
from channels_ingest.selectors import read_directory
from channels_ingest.services import retry_delivery
from inbox.intake import handle_events
from inbox.models import Conversation, Message, RefusedReply
from inbox.services.labels import label_message
from inbox.services.messages import Draft, send_reply
from inbox.services.redaction import redact_message
from inbox.services.turns import take_over
from inbox.shapes import Agent, Author
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.accounts.services import create_token
from oneview.common.errors import NotPossible
from oneview.common.scope import locked_scope, scope
from tests.channels_ingest.webhooks import body_of, connect, text_message
from tests.fixtures import sign_in
from tests.inbox.api import agent_caller, problem_of
from tests.inbox.storage import find_everywhere

pytestmark = [pytest.mark.django_db, pytest.mark.committed]

SECRET = "4000-0566-5566-5556"
ALICE = Agent(1, "Alice")


@pytest.fixture
def channel(acme: Account) -> Channel:
    return connect(acme)


def bring(account: Account, channel: Channel, *messages: dict[str, Any]) -> None:
    """A webhook request, stored and taken in."""
    body = body_of(*messages)
    with locked_scope(account) as now:
        row = InboundEvent.objects.create(
            account=account, channel=channel, body=body, received_at=now, state=InboundState.DONE
        )
        request = StoredRequest(row.id, channel.id, {}, body, now, attempts=0)
        reading = read_request(request, read_directory(account.id))
        assert not reading.faults
        handle_events(account.id, reading.events, now=now)


def text(words: str, id: str) -> dict[str, Any]:
    return text_message(words, id=id, at=int(time.time()))


def edit(words: str, id: str, *, of: str) -> dict[str, Any]:
    content = {"original_message_id": of, "message": {"context": {"id": of}, "type": "text", "text": {"body": words}}}
    return {"from": "34600111222", "id": id, "timestamp": str(int(time.time()) + 1), "type": "edit", "edit": content}


def find(account: Account, words: str) -> Message:
    with scope(account):
        return Message.objects.select_related("thread").get(text=words)


def redact(account: Account, message: Message) -> None:
    with scope(account) as now:
        redact_message(account, message.id, actor=ALICE, now=now)


def test_nothing_of_a_redacted_message_is_left(acme: Account, channel: Channel, bob: Membership) -> None:
    bring(acme, channel, text(f"my card is {SECRET}", "wamid.card"))
    bring(acme, channel, edit("my card is in the post", "wamid.edit", of="wamid.card"))
    message = find(acme, "my card is in the post")
    folder = f"{acme.id}/20260101"
    path = Path(settings.MEDIA_ROOT, folder, "photo")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"a photo of {SECRET}".encode())
    with scope(acme) as now:
        label_message(acme, message.id, actor=ALICE, fields={"card": SECRET}, now=now)
        MediaObject.objects.create(
            account=acme, message_id=message.id, kind="image", type="image/jpeg", state="stored", path=f"{folder}/photo"
        )
        answer = Draft("c1", "thank you", reply_to=message.id)
        send_reply(acme, Conversation.objects.get().id, answer, author=Author("agent", bob.user_id, "Bob"), now=now)
    assert {"inbox_message", "channels_ingest_inboundevent", str(path)} <= {
        place.split("_2026")[0] for place in find_everywhere(SECRET)
    }
    redact(acme, message)
    assert find_everywhere(SECRET) == []
    assert find_everywhere("in the post") == []
    with scope(acme):
        message.refresh_from_db(from_queryset=Message.objects.select_related("thread"))
        entry = AuditEntry.objects.get(action="message.redact")
        assert (entry.target, entry.actor_name, entry.old, entry.new) == (str(message.id), "Alice", None, None)
    assert (message.redacted_by, message.labels, message.fields) == ("Alice", [], {})
    told = agent_caller(bob).get(f"conversations/{message.thread.conversation_id}/messages/").json()["results"]
    assert [each["redacted_at"] is not None for each in told] == [True, False]


def test_what_a_bot_was_not_let_say_is_taken_out_too(acme: Account, channel: Channel, bob: Membership) -> None:
    create_token(acme, bot="Helper")
    bring(acme, channel, text("hola", "wamid.hola"))
    bot, agent = Author("bot", None, "Helper"), Agent(bob.user_id, "Bob")
    with scope(acme) as now:
        conversation = Conversation.objects.get().id
        for words in (f"your card is {SECRET}", "anything else?"):
            send_reply(acme, conversation, Draft(words[:4], words), author=bot, now=now)
    with scope(acme) as now:
        take_over(acme, conversation, actor=agent, now=now)
    assert "inbox_refusedreply" in find_everywhere(SECRET)
    redact(acme, find(acme, f"your card is {SECRET}"))
    assert find_everywhere(SECRET) == []
    with scope(acme):
        assert sorted(RefusedReply.objects.values_list("text", flat=True)) == ["", "anything else?"]


def test_requests_about_other_messages_stay(acme: Account, channel: Channel) -> None:
    bring(acme, channel, text("keep me", "wamid.other"))
    bring(acme, channel, text(f"my card is {SECRET}", "wamid.card"))
    bring(acme, channel, text("and me", "wamid.card2"))
    redact(acme, find(acme, f"my card is {SECRET}"))
    with scope(acme):
        bodies = [row.body is not None for row in InboundEvent.objects.order_by("received_at")]
    assert bodies == [True, False, True]


def test_a_later_edit_does_not_bring_the_words_back(acme: Account, channel: Channel) -> None:
    bring(acme, channel, text("my card is secret", "wamid.card"))
    message = find(acme, "my card is secret")
    redact(acme, message)
    bring(acme, channel, edit(f"my card is {SECRET}", "wamid.edit", of="wamid.card"))
    bring(acme, channel, text("my card is secret", "wamid.card"))
    assert find_everywhere(SECRET) == find_everywhere("my card is secret") == []
    with scope(acme):
        (stored,) = Message.objects.exclude(author_kind="system")
    assert (stored.text, stored.revisions, stored.search) == ("", [], None)


def test_a_later_answer_that_quotes_it_keeps_its_own_words_alone(acme: Account, channel: Channel) -> None:
    bring(acme, channel, text("my card is secret", "wamid.card"), text("a lamp", "wamid.lamp"))
    redact(acme, find(acme, "my card is secret"))
    bring(acme, channel, {**text("as I said", "wamid.later"), "context": {"id": "wamid.card"}})
    bring(acme, channel, {**text("this one", "wamid.this"), "context": {"id": "wamid.lamp"}})
    assert find(acme, "as I said").reply_to == "wamid.card"
    with scope(acme):
        bodies = [row.body is not None for row in InboundEvent.objects.order_by("received_at")]
    assert bodies == [False, False, True]


def test_a_reply_that_is_on_its_way_waits_and_one_that_failed_is_not_sent_again(
    acme: Account, channel: Channel, bob: Membership
) -> None:
    bring(acme, channel, text("hola", "wamid.hola"))
    with scope(acme) as now:
        id = Conversation.objects.get().id
        send_reply(acme, id, Draft("c1", f"yours is {SECRET}"), author=Author("agent", bob.user_id, "Bob"), now=now)
    reply = find(acme, f"yours is {SECRET}")
    with pytest.raises(NotPossible):
        redact(acme, reply)
    with scope(acme):
        OutboxMessage.objects.update(state=OutboxState.FAILED, reason=f"no place for {SECRET}")
    redact(acme, reply)
    assert find_everywhere(SECRET) == []
    with scope(acme):
        outbox = OutboxMessage.objects.get()
    with pytest.raises(NotPossible):
        retry_delivery(acme.id, outbox.id)


def test_only_supervisors_redact(acme: Account, channel: Channel, alice: Membership, bob: Membership) -> None:
    bring(acme, channel, text(f"my card is {SECRET}", "wamid.card"))
    message = find(acme, f"my card is {SECRET}")
    address = f"/inbox/c/{message.thread.conversation_id}/messages/{message.id}/redact/"
    assert problem_of(sign_in(bob).post(address, headers={"X-Fragment": "answer"})) == (403, "forbidden")
    assert problem_of(agent_caller(bob).post(f"messages/{message.id}/redact/", {})) == (403, "forbidden")
    html = sign_in(alice).post(address, headers={"X-Fragment": "answer"}).content.decode()
    assert "Redacted by Alice" in html
    told = agent_caller(alice).post(f"messages/{message.id}/redact/", {}).json()
    assert (told["text"], told["redacted_at"] is not None) == ("", True)
    row = sign_in(bob).get("/inbox/list/?box=all", headers={"X-Fragment": "part"}).content.decode()
    assert "Message redacted" in row
