"""Two accounts with the same shape of data and the same phone numbers; a word of its own is in everything of each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Model

from channels_ingest.models import Channel, DeliveryAttempt, OutboxMessage, OutboxState, QuarantinedEvent
from identity.models import Change, Contact, Decision, Evidence, Identity
from inbox.models import (
    AttributeDefinition,
    CannedReply,
    ContactNote,
    Conversation,
    DailyCount,
    Endpoint,
    EndpointAttempt,
    Handover,
    Message,
    RefusedReply,
    Tag,
    Thread,
)
from oneview.accounts import services
from oneview.accounts.models import Account, ApiToken, AuditEntry, Bot, Invitation, Membership, Team
from oneview.common.ids import floor_id, new_id, ordered_id
from oneview.common.scope import scope
from tests.factories import make_member

PHONE = "+34600111222"


@dataclass(frozen=True, slots=True)
class World:
    """`rows`: one object of every model that the admin shows; `word` is in everything that has text."""

    member: Membership
    word: str
    rows: dict[type[Model], Model]


def make_world(member: Membership, word: str) -> World:
    account = member.account
    Account.objects.filter(pk=account.pk).update(name=word)
    helper = make_member(account, word)
    services.create_token(account, bot=word)
    services.record_audit(account.id, actor=member.user, action="test", target=word)
    with scope(account) as now:
        channel = Channel.objects.create(
            account=account,
            kind="whatsapp",
            name=word,
            external_id=word,
            credentials={"app_secret": f"secret {word}", "verify_token": "v", "access_token": "t"},
        )
        first, second = (
            Identity(
                id=new_id(),
                account=account,
                kind=kind,
                value=value,
                raw_value=f"{value} {word}",
                first_seen=now,
            )
            for kind, value in (("whatsapp", "34600111222"), ("phone", PHONE))
        )
        first.contact_id = second.contact_id = first.id
        Identity.objects.bulk_create([first, second])
        pair = {"account": account, "a": first, "b": second}
        outbox = OutboxMessage.objects.create(
            account=account,
            channel=channel,
            thread_id=new_id(),
            message_id=floor_id(now),
            content={"text": f"words of {word}"},
            state=OutboxState.FAILED,
            reason=word,
            next_attempt_at=now,
        )
        ContactNote.objects.create(account=account, identity=first, author_name=word, text=word, created_at=now)
        DeliveryAttempt.objects.create(account=account, outbox=outbox, at=now, milliseconds=3, outcome=word)
        rows: list[Model] = [
            Account.objects.get(pk=account.pk),
            helper.user,
            helper,
            Team.objects.create(account=account, name=word),
            ApiToken.objects.get(bot=word),
            Bot.objects.get(name=word),
            AuditEntry.objects.get(action="test"),
            Invitation.objects.create(account=account, email=f"{word}@example.com", hash=word, expires_at=now),
            channel,
            QuarantinedEvent.objects.create(
                account=account,
                channel=channel,
                inbound_id=new_id(),
                headers={"content-type": "application/json", "x-secret": f"secret {word}"},
                body=json.dumps({"text": word}).encode(),
                error=word,
                received_at=now - timedelta(minutes=1),
            ),
            outbox,
            Contact.objects.create(id=first.id, account=account, name=word),
            first,
            Evidence.objects.create(**pair, rule="platform_phone", first_seen=now, last_seen=now, status="linked"),
            Decision.objects.create(**pair, op=Decision.Op.ALLOW_LINK, reason=word, at=now),
            Change.objects.create(
                account=account,
                batch=new_id(),
                cause=word,
                identity=second,
                from_contact=second.id,
                to_contact=first.id,
                at=now,
            ),
            Conversation.objects.create(id=first.id, account=account, last_message_id=floor_id(now)),
            *make_talk(account, channel, first, word=word, now=now),
            CannedReply.objects.create(account=account, shortcut=word, title=word, text=word),
            AttributeDefinition.objects.create(account=account, name=word, label=word, group=word),
            Tag.objects.create(account=account, name=word),
            DailyCount.objects.create(
                account=account, day=now.date(), channel_id=channel.id, author_kind="bot", author_name=word, messages=3
            ),
            endpoint := Endpoint.objects.create(
                account=account,
                url=f"https://example.com/{word}",
                bot=word,
                events=["message.created"],
                secret=f"secret {word}",
                reason=word,
                after=0,
                next_attempt_at=now,
                created_at=now,
            ),
        ]
        EndpointAttempt.objects.create(
            account=account, endpoint_id=endpoint.id, seq=1, at=now, milliseconds=3, taken=False, outcome=word
        )
    return World(member, word, {type(row): row for row in rows})


def make_talk(account: Account, channel: Channel, identity: Identity, *, word: str, now: datetime) -> list[Model]:
    """A message, and what hangs on its thread."""
    thread = Thread.objects.create(
        account=account, channel=channel, identity=identity, conversation_id=identity.contact_id
    )
    return [
        Message.objects.create(
            id=ordered_id(now, account.pk),
            account=account,
            thread=thread,
            direction="inbound",
            author_kind="user",
            author_name=word,
            type="text",
            text=f"words of {word}",
            external_id=word,
            sent_at=now,
            received_at=now,
        ),
        Handover.objects.create(account=account, thread=thread, bot=word, reason=word, summary=word, at=now),
        RefusedReply.objects.create(account=account, thread=thread, bot=word, text=word, code="turn_taken", at=now),
    ]


def dump(account: Account) -> dict[str, list[Any]]:
    """Everything an account has, to compare."""
    with scope(account), connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id'"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace"
        )
        tables = [name for (name,) in cursor.fetchall()]
        content = {}
        for table in [*tables, "accounts_account"]:
            key = "id" if table == "accounts_account" else "account_id"
            cursor.execute(f"SELECT to_jsonb(t) FROM {table} t WHERE {key} = %s ORDER BY t::text", [account.pk])
            content[table] = cursor.fetchall()
        return content
