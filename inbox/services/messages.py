"""What agents and bots write: replies, which go out, and private notes, which do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.search import SearchVector
from django.db import connection
from django.db.models import F, Value
from django.utils.translation import gettext as _

from channels_ingest.base import Capabilities
from channels_ingest.registry import get_channel
from channels_ingest.services import claim_uploads, enqueue_message
from inbox.arrivals import find_known_keys, insert_keys
from inbox.folds import fold_conversations, lock_conversations
from inbox.models import Conversation, Message, RefusedReply, Thread
from inbox.models.message import AuthorKind, Direction, make_message_id
from inbox.models.thread import Status, Turn
from inbox.realtime import Change, append_changes
from inbox.selectors.channels import get_channels
from inbox.selectors.conversations import allow, is_blocked
from inbox.selectors.messages import get_message, get_messages
from inbox.services.mentions import record_mentions
from inbox.shapes import Agent, Allowed, Author, ChannelShape, MessageShape
from inbox.snapshots import ContextRequest, store_snapshots
from inbox.turns import TURN_TAKEN, TurnTaken, take_turns
from oneview.accounts.models import Account
from oneview.common.errors import Conflict, FieldError, Invalid, NotFound, NotPossible
from oneview.common.text import tokenise

MAX_NOTE = 10_000
MAX_CLIENT_ID = 64


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be written. `client_id` makes a repeated call harmless; `attachments` are ids of uploaded files,
    `mentions` of members whom a note calls, to tell namesakes apart; `template` is the provider's own document, sent
    instead of the text.
    """

    client_id: str
    text: str
    thread: UUID | None = None
    private: bool = False
    reply_to: UUID | None = None
    attachments: tuple[UUID, ...] = ()
    mentions: tuple[int, ...] = ()
    template: Mapping[str, Any] | None = None


def send_reply(
    account: Account, conversation_id: UUID, draft: Draft, *, author: Author, now: datetime
) -> tuple[MessageShape, bool]:
    """Writes a reply and puts it into the outbox, or writes a private note; (message, whether it is new).

    What the channel cannot carry in one message becomes several, of which the first is returned. The same client id
    and content again returns the first message. A person's reply takes the turn; a bot's needs it. Raises NotFound,
    Invalid, NotPossible (window_closed, channel disconnected), Conflict (client_id_reused) and TurnTaken.
    """
    lock_conversations(account.id, [conversation_id])
    threads = list(
        Thread.objects.filter(account=account, conversation_id=conversation_id).order_by(
            F("last_inbound_at").desc(nulls_last=True), "id"
        )
    )
    if not threads:
        raise NotFound(_("This conversation does not exist."))
    text = _check_text(draft)
    key = f"client:{author.kind}:{author.id or author.name}:{_check_client_id(draft.client_id)}"
    if existing := _find_existing(account.id, threads, key, parts=1 + len(draft.attachments)):
        return _repeat(account, conversation_id, existing, draft, text=text, now=now), False
    channels = get_channels(account.id)
    blocked = is_blocked(account.id, conversation_id)
    if blocked and not draft.private:
        raise NotPossible(_("This contact is blocked."))
    thread = _choose_thread(threads, draft, channels=channels, now=now)
    channel = channels[thread.channel_id]
    allowed = allow(thread, channel, blocked=blocked, now=now)
    capabilities = get_channel(channel.kind).capabilities
    taken: list[Change] = []
    if not draft.private:
        if author.kind == AuthorKind.BOT:
            _check_turn(account.id, thread, draft, author=author, now=now)
        _check_sendable(text, draft, allowed, capabilities)
        if author.kind == AuthorKind.AGENT:
            taken = take_turns(account, [conversation_id], taker=Agent(author.id or 0, author.name), now=now)
    parts = [(text, draft.attachments)] if draft.private else split_message(text, draft.attachments, capabilities)
    written: list[UUID] = []
    for number, (words, files) in enumerate(parts):
        part = replace(draft, attachments=files, reply_to=None if number else draft.reply_to)
        part_key = name_part(key, number) if number else key
        message = _write(account, thread, channel, part, text=words, key=part_key, author=author, now=now)
        if files:
            claim_uploads(account.id, files, message_id=message.id, channel_id=channel.id)
        if draft.private:
            record_mentions(account.id, message, chosen=draft.mentions)
        else:
            _enqueue(account.id, thread, message, part, allowed=allowed, now=now)
        written.append(message.id)
    fold_conversations(account.id, [conversation_id])
    changes = [Change("message.created", conversation_id, id) for id in written]
    append_changes(account.id, [*taken, *changes, Change("conversation.updated", conversation_id)], now=now)
    return get_message(account.id, written[0], now=now, window=account.window), True


def name_part(key: str, number: int) -> str:
    """The key of a later part; no client id can have this sign."""
    return f"{key}\u00b7{number}"


def split_message(text: str, files: tuple[UUID, ...], capabilities: Capabilities) -> list[tuple[str, tuple[UUID, ...]]]:
    """The messages that it takes to carry these: as many files in each as the channel takes, the text with the first
    or, where it is too long for that, before them.
    """
    size = capabilities.file_limit
    groups = [files[start : start + size] for start in range(0, len(files), size)]
    if not groups:
        return [(text, ())]
    if text and len(text) > capabilities.caption_limit:
        return [(text, ()), *(("", group) for group in groups)]
    return [(text, groups[0]), *(("", group) for group in groups[1:])]


def _check_text(draft: Draft) -> str:
    text = draft.text.strip()
    if "\x00" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise Invalid(FieldError("text", "invalid", _("The text has characters that can't be sent.")))
    if draft.template:
        return str(draft.template["name"])
    if not text and not draft.attachments:
        raise Invalid(FieldError("text", "required", _("Write something first.")))
    if draft.private and len(text) > MAX_NOTE:
        raise Invalid(
            FieldError("text", "too_long", _("A note holds up to %(limit)s characters.") % {"limit": MAX_NOTE})
        )
    return text


def _check_client_id(client_id: str) -> str:
    if not client_id or len(client_id) > MAX_CLIENT_ID or not client_id.isascii() or not client_id.isprintable():
        raise Invalid(
            FieldError(
                "client_id", "invalid", _("A client id has 1 to %(limit)s plain characters.") % {"limit": MAX_CLIENT_ID}
            )
        )
    return client_id


def _find_existing(account_id: int, threads: Sequence[Thread], key: str, *, parts: int) -> list[UUID]:
    """The messages that a client id has become, the first one first."""
    keys = [key, *(name_part(key, number) for number in range(1, parts))]
    known = find_known_keys(account_id, [(thread.channel_id, each) for thread in threads for each in keys])
    found = {external: message for (_, external), message in known.items()}
    return [found[each] for each in keys if each in found] if key in found else []


def _repeat(
    account: Account, conversation_id: UUID, ids: Sequence[UUID], draft: Draft, *, text: str, now: datetime
) -> MessageShape:
    """The first message, where all of them together said the same in the same place and can still be seen."""
    found = get_messages(account.id, ids, now=now, window=account.window)
    said = "".join(message.text for message in found)
    files = {attachment.id for message in found for attachment in message.attachments}
    same_place = all((each.conversation, each.private) == (conversation_id, draft.private) for each in found)
    if len(found) == len(ids) and same_place and (said, files) == (text, set(draft.attachments)):
        return found[0]
    raise Conflict(_("This client id was used for another message."), code="client_id_reused")


def _choose_thread(
    threads: Sequence[Thread], draft: Draft, *, channels: dict[UUID, ChannelShape], now: datetime
) -> Thread:
    """The one asked for; else the one the user wrote in last that takes text; else the one the user wrote in last."""
    if draft.thread is not None:
        chosen = next((thread for thread in threads if thread.id == draft.thread), None)
        if chosen is None:
            raise Invalid(FieldError("thread", "not_found", _("This conversation has no such thread.")))
        return chosen
    open_threads = (
        thread for thread in threads if allow(thread, channels[thread.channel_id], blocked=False, now=now).can == "text"
    )
    return next(open_threads, threads[0])


def _check_turn(account_id: int, thread: Thread, draft: Draft, *, author: Author, now: datetime) -> None:
    """Raises TurnTaken, having put what the bot wanted to say on record, once for each client id."""
    conversation = Conversation.objects.filter(account=account_id, id=thread.conversation_id)
    if conversation.values_list("turn", flat=True).first() == Turn.BOT:
        return
    refused = RefusedReply(
        account_id=account_id,
        thread=thread,
        bot=author.name,
        client_id=draft.client_id,
        text=draft.text,
        code=TURN_TAKEN,
        at=now,
    )
    same = RefusedReply.objects.filter(account=account_id, thread__conversation_id=thread.conversation_id)
    if not same.filter(bot=refused.bot, client_id=refused.client_id).exists():
        refused.save(force_insert=True)
    raise TurnTaken


def _check_sendable(text: str, draft: Draft, allowed: Allowed, capabilities: Capabilities) -> None:
    if draft.template and capabilities.templates and allowed.can != "nothing":
        return
    if draft.template or allowed.can != "text":
        raise NotPossible(allowed.reason, code="window_closed" if allowed.channel.connected else "not_possible")
    if len(text) > capabilities.text_limit:
        message = _("%(channel)s takes up to %(limit)s characters.") % {
            "channel": allowed.channel.label,
            "limit": capabilities.text_limit,
        }
        raise Invalid(FieldError("text", "too_long", message))
    if draft.attachments and not capabilities.media_limits:
        raise Invalid(
            FieldError(
                "attachments", "not_possible", _("%(channel)s takes no files.") % {"channel": allowed.channel.label}
            )
        )


def _write(
    account: Account,
    thread: Thread,
    channel: ChannelShape,
    draft: Draft,
    *,
    text: str,
    key: str,
    author: Author,
    now: datetime,
) -> Message:
    context = ContextRequest(thread.conversation_id, channel.id, now)
    (snapshot,) = store_snapshots(account, [context])
    message = Message.objects.create(
        id=make_message_id(now, sequence=0, arrival=_next_arrival()),
        account=account,
        thread=thread,
        snapshot_id=snapshot,
        direction=Direction.OUTBOUND,
        author_kind=author.kind,
        author_id=author.id,
        author_name=author.name,
        type="template" if draft.template else "text",
        text=text,
        data=dict(draft.template or {}),
        attachments=[{"id": str(id), "name": "", "type": "", "size": None, "voice": False} for id in draft.attachments],
        reply_to=_read_quoted(account.id, thread, draft.reply_to),
        external_id=key,
        client_id=draft.client_id,
        sent_at=now,
        received_at=now,
        status="" if draft.private else "queued",
        private=draft.private,
        search=SearchVector(Value(" ".join(tokenise(text))), config="simple"),
    )
    insert_keys(account.id, [(channel.id, key, message.id)])
    _advance(thread, message)
    return message


def _next_arrival() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('inbox_arrival')")
        return int(cursor.fetchone()[0])


def _read_quoted(account_id: int, thread: Thread, quoted: UUID | None) -> str:
    """The provider's id of the quoted message. Raises Invalid for a message of another thread."""
    if quoted is None:
        return ""
    external = (
        Message.objects.filter(account=account_id, id=quoted, thread=thread)
        .values_list("external_id", flat=True)
        .first()
    )
    if external is None:
        raise Invalid(FieldError("reply_to", "not_found", _("Only a message of the same channel can be quoted.")))
    return external


def _advance(thread: Thread, message: Message) -> None:
    """A reply opens the thread, and a person's reads what came before: unread is what no person has seen. A note only
    moves the conversation up.
    """
    thread.last_message_id = max(message.id, thread.last_message_id or message.id)
    if not message.private:
        thread.status, thread.snoozed_until = Status.OPEN, None
        if message.author_kind != AuthorKind.BOT:
            thread.read_up_to, thread.unread, thread.told_closed_at = message.id, 0, None
    changed = ["last_message_id", "read_up_to", "unread", "status", "snoozed_until", "told_closed_at"]
    thread.save(update_fields=changed)


def _enqueue(
    account_id: int, thread: Thread, message: Message, draft: Draft, *, allowed: Allowed, now: datetime
) -> None:
    content = {
        "address": thread.address,
        "text": message.text,
        "reply_to": message.reply_to or None,
        "files": [str(id) for id in draft.attachments],
        "template": dict(draft.template) if draft.template else None,
        "until": allowed.until.isoformat() if allowed.until and not draft.template else None,
    }
    enqueue_message(
        account_id, channel_id=thread.channel_id, thread_id=thread.id, message_id=message.id, content=content, now=now
    )
