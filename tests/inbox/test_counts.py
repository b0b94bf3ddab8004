"""Numbers of days: they are counted from messages and stay when those have gone."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from channels_ingest.sink import ChannelInfo
from inbox.models import Conversation, DailyCount, Message
from inbox.services.counts import count_days
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Author
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.inbox.batches import make_channel, message, take_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    with scope(acme):
        return make_channel(acme)


def noon(days_ago: int) -> datetime:
    return (datetime.now(UTC) - timedelta(days=days_ago)).replace(hour=12, minute=0, second=0, microsecond=0)


def answer(member: Membership, text: str, *, at: datetime) -> None:
    with scope(member.account):
        conversation = Conversation.objects.get()
        author = Author("agent", member.user_id, str(member.user))
        send_reply(member.account, conversation.id, Draft(text, text), author=author, now=at)


def count(account: Account) -> dict[tuple[int, str, str], tuple[int, int, int]]:
    """(days ago, kind, name) to (messages, first replies, their seconds)."""
    with scope(account) as now:
        count_days(account, now=now)
        today = now.date()
        return {
            ((today - row.day).days, row.author_kind, row.author_name): (
                row.messages,
                row.first_replies,
                row.first_reply_seconds,
            )
            for row in DailyCount.objects.all()
        }


def test_a_wait_begins_with_the_first_message_and_ends_with_the_first_answer(
    acme: Account, channel: ChannelInfo, bob: Membership
) -> None:
    at = noon(2)
    take_in(acme, channel, message("one", at=at), message("two", at=at + timedelta(minutes=1)))
    answer(bob, "hello", at=at + timedelta(minutes=5))
    answer(bob, "and more", at=at + timedelta(minutes=6))
    take_in(acme, channel, message("thanks", at=at + timedelta(minutes=10)))
    answer(bob, "bye", at=at + timedelta(minutes=11))
    assert count(acme) == {(2, "user", ""): (3, 0, 0), (2, "agent", "Bob"): (3, 2, 360)}


def test_an_answer_after_midnight_counts_for_the_day_of_the_question(
    acme: Account, channel: ChannelInfo, bob: Membership
) -> None:
    asked = noon(2).replace(hour=23, minute=50)
    take_in(acme, channel, message("late", at=asked))
    answer(bob, "good morning", at=asked + timedelta(hours=8))
    take_in(acme, channel, message("fine", at=asked + timedelta(hours=9)))
    counted = count(acme)
    assert counted[2, "agent", "Bob"] == (0, 1, 8 * 3600)
    assert counted[1, "agent", "Bob"] == (1, 0, 0)
    assert counted[1, "user", ""] == (1, 0, 0)


def test_days_are_those_of_the_account(acme: Account, channel: ChannelInfo) -> None:
    Account.objects.filter(pk=acme.pk).update(time_zone="Pacific/Auckland")
    acme.refresh_from_db()
    at = noon(3).replace(hour=20)
    take_in(acme, channel, message("tomorrow there", at=at))
    count(acme)
    with scope(acme):
        assert DailyCount.objects.get().day == at.astimezone(ZoneInfo("Pacific/Auckland")).date()


def test_notes_lines_and_what_failed_are_not_counted(acme: Account, channel: ChannelInfo, bob: Membership) -> None:
    at = noon(2)
    take_in(acme, channel, message("one", at=at))
    answer(bob, "never arrived", at=at + timedelta(minutes=5))
    with scope(acme):
        Message.objects.filter(text="never arrived").update(status="failed")
        author = Author("agent", bob.user_id, "Bob")
        draft = Draft("n", "a note", private=True)
        send_reply(acme, Conversation.objects.get().id, draft, author=author, now=at + timedelta(minutes=7))
    assert count(acme) == {(2, "user", ""): (1, 0, 0)}


def test_counting_twice_is_as_good_as_once_and_numbers_outlive_messages(acme: Account, channel: ChannelInfo) -> None:
    take_in(acme, channel, message("old", at=noon(20)), message("new", at=noon(1)))
    first = count(acme)
    with scope(acme):
        Message.objects.filter(text="old").delete()
    assert count(acme) == first == {(20, "user", ""): (1, 0, 0), (1, "user", ""): (1, 0, 0)}


def test_a_supervisor_downloads_the_counts_of_the_own_account(
    acme: Account, channel: ChannelInfo, alice: Membership, bob: Membership, charlie: Membership
) -> None:
    bob.user.name = "=cmd|' /C calc'!A0"
    bob.user.save()
    at = noon(2)
    take_in(acme, channel, message("one", at=at))
    answer(bob, "hello", at=at + timedelta(minutes=5))
    count(acme)
    browser = sign_in(alice)
    answered = browser.get("/admin/counts.csv")
    assert answered["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answered.content.decode())))
    assert [(row["author"], row["name"], row["messages"], row["mean_first_reply_seconds"]) for row in rows] == [
        ("agent", "'=cmd|' /C calc'!A0", "1", "300"),
        ("user", "", "1", ""),
    ]
    assert len(list(csv.reader(io.StringIO(browser.get("/admin/counts.csv?since=2999-01-01").content.decode())))) == 1
    theirs = sign_in(charlie).get("/admin/counts.csv").content.decode()
    assert len(theirs.splitlines()) == 1
    assert sign_in(bob).get("/admin/counts.csv", follow=True).status_code == 403
    assert Client().get("/admin/counts.csv").status_code == 302
    with scope(acme):
        assert AuditEntry.objects.filter(action="counts.export").count() == 2
