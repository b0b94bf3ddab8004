"""The window: what has passed it is hidden at once and removed from every place afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections

from channels_ingest.models import InboundEvent, InboundState, MediaObject, OutboxMessage
from channels_ingest.sink import ChannelInfo
from inbox.models import Message, MessageKey
from inbox.reach import EVERYTHING
from inbox.selectors.conversations import count_boxes, list_conversations
from inbox.selectors.messages import get_messages, list_messages
from inbox.services.retention import COPIES, drop_day, purge_expired
from oneview.accounts.models import Account
from oneview.common.scope import scope
from tests.inbox.batches import make_channel, message, take_in
from tests.inbox.storage import find_everywhere

pytestmark = [pytest.mark.django_db, pytest.mark.committed]

WINDOW = timedelta(days=30)

# Text columns that hold no words of a message: names of things, states, what was decided and who is who.
NOT_COPIES = {
    "accounts_account", "accounts_apitoken", "accounts_bot", "accounts_invitation", "inbox_attributedefinition",
    "inbox_cannedreply", "inbox_contactnote", "inbox_dailycount", "inbox_tag", "inbox_endpointattempt",
    "channels_ingest_outboxmessage.withdrawn", "inbox_handover.bot", "inbox_refusedreply.bot",
    "inbox_refusedreply.code", "inbox_message.redacted_by", "accounts_auditentry", "accounts_membership",
    "accounts_team",
    "accounts_user", "identity_identity", "identity_boundary", "identity_evidence", "identity_decision",
    "identity_change", "identity_settings", "identity_attribute", "identity_contact", "identity_sight",
    "channels_ingest_channel", "inbox_endpoint", "inbox_thread.address", "inbox_thread.labels", "inbox_thread.status",
    "inbox_thread.turn", "inbox_conversation.labels", "inbox_conversation.status", "inbox_conversation.turn",
    "inbox_liveevent.type", "inbox_liveevent.detail", "inbox_message.direction", "inbox_message.author_kind",
    "inbox_message.type", "inbox_message.status", "inbox_pendingeffect.kind",
    "channels_ingest_quarantinedevent.state", "channels_ingest_outboxmessage.state",
    "channels_ingest_outboxmessage.code", "channels_ingest_mediaobject.kind", "channels_ingest_mediaobject.name",
    "channels_ingest_mediaobject.type", "channels_ingest_mediaobject.ref", "channels_ingest_mediaobject.state",
    "channels_ingest_mediaobject.path", "channels_ingest_mediaobject.reason",
}  # fmt: skip


@pytest.fixture
def account() -> Account:
    return Account.objects.create(slug="acme", name="Acme")


@pytest.fixture
def channel(account: Account) -> ChannelInfo:
    with scope(account):
        return make_channel(account)


@pytest.fixture(autouse=True)
def _days(transactional_db: None) -> Iterator[None]:
    from oneview.common.days import keep_days

    yield
    keep_days()


def test_every_column_that_can_hold_text_is_listed() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "JOIN pg_attribute k ON k.attrelid = c.oid AND k.attname = 'account_id' "
            "WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped "
            "AND format_type(a.atttypid, NULL) IN ('text', 'character varying', 'jsonb', 'bytea', 'tsvector')"
        )
        found = {f"{table}.{column}" for table, column in cursor.fetchall()}
    listed = {f"{copy.table}.{column}" for copy in COPIES for column in copy.columns}
    unlisted = {name for name in found - listed - NOT_COPIES if name.split(".")[0] not in NOT_COPIES}
    assert not unlisted
    assert listed <= found


def test_a_message_vanishes_when_its_time_has_come_and_nothing_of_it_stays(
    account: Account, channel: ChannelInfo
) -> None:
    sent_at = (datetime.now(UTC) - WINDOW + timedelta(hours=1)).replace(microsecond=0)
    take_in(account, channel, message("a secret of long ago", at=sent_at), message("still here"))
    with scope(account) as now:
        folder = f"{account.id}/{sent_at:%Y%m%d}"
        old = Message.objects.get(text="a secret of long ago")
        path = Path(settings.MEDIA_ROOT, folder, "photo")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a secret of long ago")
        MediaObject.objects.create(
            account=account, message_id=old.id, kind="image", type="image/jpeg", state="stored", path=f"{folder}/photo"
        )
        InboundEvent.objects.create(
            account=account, channel_id=channel.id, body=b"a secret of long ago",
            received_at=now, oldest_at=sent_at, state=InboundState.DONE,
        )  # fmt: skip
        OutboxMessage.objects.create(
            account=account, channel_id=channel.id, thread_id=old.thread_id, message_id=old.id, next_attempt_at=now,
            content={"text": "a secret of long ago"}, state="sent",
        )  # fmt: skip
        (row,) = list_conversations(account.id, now=now, window=WINDOW, reach=EVERYTHING).rows
        assert [shape.text for shape in list_messages(account.id, row.id, now=now, window=WINDOW).messages] == [
            "a secret of long ago",
            "still here",
        ]
    with scope(account) as now:
        later = now + timedelta(hours=2)
        assert [shape.text for shape in list_messages(account.id, row.id, now=later, window=WINDOW).messages] == [
            "still here"
        ]
        assert get_messages(account.id, [old.id], now=later, window=WINDOW) == ()
        assert Message.objects.filter(id=old.id).exists()
    assert len(find_everywhere("a secret of long ago")) >= 4
    assert purge_expired()["messages"] == 0
    Account.objects.filter(id=account.id).update(window_days=WINDOW.days - 1)
    assert purge_expired(dry_run=True)["messages"] == 1
    assert purge_expired()["messages"] == 1
    assert purge_expired()["messages"] == 0
    assert not path.exists()
    assert find_everywhere("a secret of long ago") == []
    with scope(account):
        assert MessageKey.objects.count() == 1


def test_a_conversation_without_a_visible_message_is_not_listed(account: Account, channel: ChannelInfo) -> None:
    take_in(account, channel, message("old", at=datetime.now(UTC) - WINDOW + timedelta(hours=1)))
    with scope(account) as now:
        for later, count in ((now, 1), (now + timedelta(hours=2), 0)):
            asked: dict[str, Any] = {"now": later, "window": WINDOW, "reach": EVERYTHING}
            assert len(list_conversations(account.id, status="all", **asked).rows) == count
            assert count_boxes(account.id, viewer_id=1, **asked).all == count


def test_a_run_goes_at_most_two_days_further(account: Account, channel: ChannelInfo) -> None:
    now = datetime.now(UTC)
    Account.objects.filter(id=account.id).update(purged_to=now - WINDOW - timedelta(days=5), window_days=31)
    take_in(account, channel, message("outside soon", at=now - timedelta(days=30, hours=12)))
    Account.objects.filter(id=account.id).update(window_days=30)
    assert purge_expired()["messages"] == 0
    assert purge_expired()["messages"] == 0
    assert purge_expired()["messages"] == 1


def test_a_day_goes_after_its_last_reader_and_no_insert_waits_for_it(account: Account, channel: ChannelInfo) -> None:
    """A reader holds the table until ten messages have come in beside the drop, which waits for the reader."""
    day = (datetime.now(UTC) - timedelta(days=31)).replace(hour=12, minute=0, second=0, microsecond=0)
    Account.objects.filter(id=account.id).update(window_days=32)
    take_in(account, channel, message("one of many", at=day))
    multiply_messages(100_000)
    Account.objects.filter(id=account.id).update(window_days=20)
    reads, have_come = threading.Event(), threading.Event()
    came_in_time: list[bool] = []
    dropped: list[int | None] = []

    def read() -> None:
        with scope(account), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM inbox_message")
            reads.set()
            came_in_time.append(have_come.wait(60))
        connections.close_all()

    def drop() -> None:
        while not dropped or dropped[-1] is None:
            dropped.append(drop_day(day.date()))
        connections.close_all()

    threads = [threading.Thread(target=read), threading.Thread(target=drop)]
    threads[0].start()
    assert reads.wait(20)
    threads[1].start()
    for number in range(10):
        take_in(account, channel, message(f"new {number}", id=f"wamid.new{number}"))
    assert dropped[-1:] != [100_000]
    have_come.set()
    for thread in threads:
        thread.join()
    assert came_in_time == [True]
    assert dropped[-1] == 100_000
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [f"inbox_message_{day:%Y%m%d}"])
        assert cursor.fetchone() == (None,)


def multiply_messages(count: int) -> None:
    """Copies the one message there is, a millisecond apart, until there are so many."""
    columns = [field.column for field in Message._meta.concrete_fields if field.column != "id"]
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox_message (id, {0}) SELECT message_floor(sent_at + n * interval '1 ms'), {0} "
            "FROM inbox_message, generate_series(1, %s) n".format(", ".join(filter(None, columns))),
            [count - 1],
        )
