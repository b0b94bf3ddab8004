"""What endpoints are told: everything they asked for, signed, in order, until they take it, and nothing of others."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail as django_mail
from django.db import connection
from django.db.models import F
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from channels_ingest.signing import read_standard_key, sign_standard
from channels_ingest.sink import ChannelInfo
from inbox.api.deliveries import deliver
from inbox.models import Endpoint, EndpointAttempt, LiveCounter, LiveEvent
from inbox.realtime import MOST_BEHIND, TYPES, Change, append_changes
from inbox.selectors.endpoints import list_due_endpoints, list_unreported_endpoints
from inbox.services.endpoints import register_endpoint, send_again, switch_off
from inbox.shapes import EndpointShape
from inbox.tasks import report_endpoint_off, sweep_endpoints, sweep_reports
from oneview.accounts.models import Account, AuditEntry, Membership
from oneview.common.ids import new_id
from oneview.common.scope import scope
from tests.channels_ingest.provider import Asked, Provider, Say
from tests.fixtures import sign_in
from tests.inbox.api import agent_caller, bot_caller, connect, write_in
from tests.inbox.visiting import wait

pytestmark = pytest.mark.django_db


@pytest.fixture
def bot() -> Iterator[Provider]:
    """A program that takes what it is told."""
    with Provider().running() as running:
        yield running


@pytest.fixture
def channel(acme: Account) -> ChannelInfo:
    return connect(acme)


@dataclass(frozen=True)
class Told:
    """The endpoint of Alice's bot."""

    account: Account
    endpoint: EndpointShape
    secret: str
    bot: Provider

    def deliver(self) -> list[dict[str, Any]]:
        """What the bot is told now."""
        known = len(self.bot.asked)
        deliver(self.account.id, self.endpoint.id)
        return [json.loads(asked.body) for asked in self.bot.asked[known:]]

    @property
    def row(self) -> Endpoint:
        with scope(self.account):
            return Endpoint.objects.get(id=self.endpoint.id)

    def let_pass(self, **times: timedelta) -> None:
        """Time goes by: instants of the row move into the past."""
        with scope(self.account):
            Endpoint.objects.update(**{name: F(name) - time for name, time in times.items()})

    def look_again(self) -> list[dict[str, Any]]:
        self.let_pass(next_attempt_at=timedelta(hours=2))
        return self.deliver()


def register(member: Membership, bot: Provider, *events: str, name: str = "") -> Told:
    account = member.account
    with scope(account) as now:
        endpoint, secret = register_endpoint(
            account, url=f"{bot.url}/events", events=events or TYPES, bot=name, actor=member.user, now=now
        )
    return Told(account, endpoint, secret, bot)


@pytest.fixture
def told(alice: Membership, bot: Provider) -> Told:
    return register(alice, bot)


def test_every_event_is_told_in_its_order(told: Told, acme: Account, channel: ChannelInfo) -> None:
    ana = write_in(acme, channel, "hola", "¿hay alguien?")
    documents = told.deliver()
    assert [document["seq"] for document in documents] == list(range(1, len(documents) + 1))
    created = [document for document in documents if document["type"] == "message.created"]
    assert [document["data"]["text"] for document in created] == ["hola", "¿hay alguien?"]
    assert {(document["account"], document["conversation"]) for document in documents} == {("acme", ana)}
    assert set(created[0]) == {"id", "type", "seq", "created_at", "account", "conversation", "message", "data"}
    assert told.deliver() == []
    assert (told.row.after, told.row.delivered_at is not None) == (documents[-1]["seq"], True)


def test_a_delivery_is_signed_as_standard_webhooks_say(told: Told, acme: Account, channel: ChannelInfo) -> None:
    write_in(acme, channel, "hola")
    [document, *_] = told.deliver()
    asked: Asked = told.bot.asked[0]
    id, timestamp = asked.headers["webhook-id"], asked.headers["webhook-timestamp"]
    assert (asked.method, asked.path, asked.headers["content-type"]) == ("POST", "/events", "application/json")
    assert id == document["id"] == f"evt_{acme.id}_1"
    assert asked.headers["webhook-signature"] == sign_standard(
        read_standard_key(told.secret), id=id, timestamp=timestamp, body=asked.body
    )


def test_what_was_not_asked_for_is_passed_over(alice: Membership, bot: Provider, channel: ChannelInfo) -> None:
    told = register(alice, bot, "message.created")
    write_in(alice.account, channel, "hola", "adiós")
    assert {document["type"] for document in told.deliver()} == {"message.created"}
    with scope(alice.account):
        assert told.row.after == LiveCounter.objects.get().seq
    agent_caller(alice).patch("conversations/" + write_in(alice.account, channel) + "/", {"labels": ["x"]})
    assert told.deliver() == []
    with scope(alice.account):
        assert told.row.after == LiveCounter.objects.get().seq
    assert list_due_endpoints(10) == []


def test_a_bot_is_told_nothing_that_blocked_users_say_and_other_endpoints_are(
    alice: Membership, bot: Provider, channel: ChannelInfo
) -> None:
    account = alice.account
    bot_caller(account)
    helper, archive = (register(alice, bot, "message.created", name=name) for name in ("Helper", ""))
    ana = write_in(account, channel, "buy my lamps")
    assert [told.deliver()[-1]["data"]["text"] for told in (helper, archive)] == ["buy my lamps"] * 2
    caller = agent_caller(alice)
    caller.post(f"contacts/{ana}/block/", {})
    write_in(account, channel, "buy them now")
    said = [[document["data"]["text"] for document in told.deliver()] for told in (helper, archive)]
    assert ["buy them now" in texts for texts in said] == [False, True]
    caller.post(f"contacts/{ana}/unblock/", {})
    write_in(account, channel, "sorry")
    assert helper.deliver()[-1]["data"]["text"] == "sorry"


def test_what_is_not_taken_is_told_again_and_nothing_overtakes_it(
    told: Told, acme: Account, channel: ChannelInfo
) -> None:
    write_in(acme, channel, "hola")
    told.bot.next.extend([Say(), Say(500)])
    first, refused = told.deliver()
    row = told.row
    assert (row.after, row.failures, row.reason) == (first["seq"], 1, "The address answered with 500.")
    assert told.deliver() == []
    assert told.look_again()[0]["id"] == refused["id"]
    assert (told.row.failures, told.row.failing_since, told.row.reason) == (0, None, "")


def test_pauses_grow_and_are_never_the_same_for_all(told: Told, acme: Account, channel: ChannelInfo) -> None:
    write_in(acme, channel, "hola")
    pauses = []
    for _ in range(12):
        told.bot.next.append(Say(503))
        told.look_again()
        with scope(acme) as now:
            pauses.append((Endpoint.objects.get().next_attempt_at - now).total_seconds())
    assert all(2.0**n / 2 <= pause <= 2.0**n for n, pause in enumerate(pauses[:10], start=1))
    assert max(pauses) <= 1800
    assert len(set(pauses)) == 12


def test_the_other_side_may_ask_for_a_longer_pause(told: Told, acme: Account, channel: ChannelInfo) -> None:
    write_in(acme, channel, "hola")
    told.bot.next.append(Say(429, headers={"retry-after": "600"}))
    told.deliver()
    with scope(acme) as now:
        assert Endpoint.objects.get().next_attempt_at == now + timedelta(seconds=600)


@pytest.mark.parametrize(
    ("say", "reason"),
    [
        (Say(302, headers={"location": "https://elsewhere.example.com/"}), "The address answered with 302."),
        (Say(cut=True), "The address did not finish its answer in time."),
    ],
)
def test_only_a_plain_yes_counts(told: Told, acme: Account, channel: ChannelInfo, say: Say, reason: str) -> None:
    write_in(acme, channel, "hola")
    told.bot.next.append(say)
    told.deliver()
    assert (told.row.after, told.row.reason) == (0, reason)


def test_an_address_inside_the_installation_is_not_called(
    told: Told, acme: Account, channel: ChannelInfo, settings: LazySettings
) -> None:
    settings.ALLOW_LOCAL_PROVIDERS = False
    write_in(acme, channel, "hola")
    assert told.deliver() == []
    assert told.row.reason == "The address could not be reached."


def test_who_wants_no_more_is_switched_off(told: Told, acme: Account, channel: ChannelInfo) -> None:
    write_in(acme, channel, "hola")
    told.bot.next.append(Say(410))
    told.deliver()
    assert (told.row.state, told.row.reason) == ("off", "The address said that it wants no more events.")
    assert told.look_again() == []
    assert list_due_endpoints(10) == []


def test_a_day_of_failures_is_the_end(told: Told, acme: Account, channel: ChannelInfo) -> None:
    write_in(acme, channel, "hola")
    told.bot.next.append(Say(500))
    told.deliver()
    told.let_pass(failing_since=timedelta(hours=23))
    told.bot.next.append(Say(500))
    told.look_again()
    assert told.row.state == "on"
    told.let_pass(failing_since=timedelta(hours=1))
    told.bot.next.append(Say(500))
    told.look_again()
    row = told.row
    assert (row.state, row.reason) == (
        "off",
        "Switched off after a day of failures. The address answered with 500.",
    )


def test_a_day_of_failures_counts_from_the_last_success(told: Told, acme: Account, channel: ChannelInfo) -> None:
    write_in(acme, channel, "hola")
    told.bot.next.append(Say(500))
    told.deliver()
    told.let_pass(failing_since=timedelta(hours=30))
    told.bot.next.extend([Say(), Say(500)])
    told.look_again()
    assert (told.row.state, told.row.failures) == ("on", 1)


def test_where_the_log_does_not_go_back_so_far_the_bot_is_told_and_has_the_rest(
    told: Told, acme: Account, channel: ChannelInfo
) -> None:
    write_in(acme, channel, "hola")
    with scope(acme):
        head = LiveCounter.objects.get().seq
        LiveEvent.objects.filter(account=acme, seq__lt=head).delete()
    reset, last = told.deliver()
    assert (reset["type"], reset["id"], reset["data"]) == ("reset", f"reset_{acme.id}_{head - 1}", None)
    assert (reset["seq"], last["seq"]) == (head - 1, head)
    with scope(acme):
        LiveEvent.objects.filter(account=acme).delete()
        Endpoint.objects.update(after=0)
    assert [(document["type"], document["seq"]) for document in told.deliver()] == [("reset", head)]
    write_in(acme, channel, "adiós")
    assert [each["data"]["text"] for each in told.deliver() if each["type"] == "message.created"] == ["adiós"]


def test_who_was_away_for_long_has_everything_told_in_its_order(
    alice: Membership, bot: Provider, acme: Account, channel: ChannelInfo
) -> None:
    """Pages start afresh behind so many changes; a program would have lost them."""
    told = register(alice, bot, "message.created")
    write_in(acme, channel, "before")
    told.bot.next.append(Say(503))
    told.deliver()
    with scope(acme) as now:
        append_changes(acme.id, [Change("conversation.updated", new_id())] * MOST_BEHIND, now=now)
    write_in(acme, channel, "after")
    told.let_pass(next_attempt_at=timedelta(hours=2))
    heard: list[str] = []
    while list_due_endpoints(1):
        heard += [document["data"]["text"] for document in told.deliver()]
    assert heard == ["before", "after"]


def test_every_call_is_noted_and_nothing_of_what_was_told(told: Told, acme: Account, channel: ChannelInfo) -> None:
    ana = write_in(acme, channel, "a rare word: xylograph")
    told.bot.next.extend([Say(), Say(500)])
    documents = told.deliver()
    with scope(acme):
        attempts = list(EndpointAttempt.objects.order_by("id"))
        words = str([list(row.values()) for row in EndpointAttempt.objects.values()])
    assert [(attempt.seq, attempt.type, str(attempt.conversation_id), attempt.taken) for attempt in attempts] == [
        (documents[0]["seq"], documents[0]["type"], ana, True),
        (documents[1]["seq"], documents[1]["type"], ana, False),
    ]
    assert [attempt.outcome for attempt in attempts] == ["", "The address answered with 500."]
    assert all(0 <= attempt.milliseconds < 5000 for attempt in attempts)
    assert "xylograph" not in words


@pytest.mark.parametrize("status", [410, 500])
def test_who_is_switched_off_by_us_is_recorded_and_supervisors_are_told(
    told: Told, acme: Account, channel: ChannelInfo, bob: Membership, charlie: Membership, status: int
) -> None:
    write_in(acme, channel, "hola")
    told.bot.next.extend([Say(500), Say(status)])
    told.deliver()
    told.let_pass(failing_since=timedelta(days=1))
    with scope(acme), TestCase.captureOnCommitCallbacks() as asked:
        told.look_again()
    with scope(acme):
        [entry] = AuditEntry.objects.filter(action="endpoint.off")
        assert (entry.actor, entry.target, entry.new) == (None, "127.0.0.1", {"reason": told.row.reason})
    assert len(asked) == 1
    for _ in range(2):
        report_endpoint_off(acme.id, str(told.endpoint.id))
    [mail] = django_mail.outbox
    assert mail.to == ["alice@example.com"]
    assert mail.subject == "OneView switched off the endpoint 127.0.0.1"
    assert told.row.reason in mail.body
    assert f"/admin/inbox/endpoint/{told.endpoint.id}/change/" in mail.body
    assert "/events" not in mail.body


@pytest.fixture
def off(told: Told, channel: ChannelInfo) -> Told:
    """Wants no more."""
    write_in(told.account, channel, "hola")
    told.bot.next.append(Say(410))
    told.deliver()
    return told


def test_who_was_switched_on_meanwhile_is_no_news(off: Told, alice: Membership) -> None:
    with scope(off.account) as now:
        send_again(off.account, [off.endpoint.id], actor=alice.user, now=now)
    report_endpoint_off(off.account.id, str(off.endpoint.id))
    assert django_mail.outbox == []


def test_a_mail_server_that_refuses_is_asked_again_after_a_pause(off: Told, settings: LazySettings) -> None:
    """Nothing but the row remembers it: the sweep finds what is due."""
    asked = (off.account.id, str(off.endpoint.id))
    settings.EMAIL_BACKEND, backend = "django.core.mail.backends.smtp.EmailBackend", settings.EMAIL_BACKEND
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # where nobody listens
    with pytest.raises(OSError, match="refused"):
        report_endpoint_off(*asked)
    settings.EMAIL_BACKEND = backend
    report_endpoint_off(*asked)
    assert django_mail.outbox == []
    off.let_pass(report_at=timedelta(minutes=5))
    with scope(off.account) as now:
        assert list_unreported_endpoints(off.account.id, now=now) == [off.endpoint.id]
    report_endpoint_off(*asked)
    assert len(django_mail.outbox) == 1
    assert off.row.report_at is None


def test_whom_a_person_switched_off_is_no_news(told: Told, alice: Membership) -> None:
    with scope(told.account):
        switch_off(told.account, [told.endpoint.id], actor=alice.user)
    report_endpoint_off(told.account.id, str(told.endpoint.id))
    assert django_mail.outbox == []


def test_contacts_that_become_one_and_come_apart_are_told(
    alice: Membership, bot: Provider, acme: Account, channel: ChannelInfo
) -> None:
    told = register(alice, bot, "contact.merged", "contact.split")
    ana, bea = write_in(acme, channel, "hola"), write_in(acme, channel, "buenas", value="ES.45", name="Bea")
    calls = agent_caller(alice)
    joined = calls.post(f"contacts/{ana}/merge/", {"with": bea}).json()["id"]
    [other] = {ana, bea} - {joined}
    [merged] = told.deliver()
    assert (merged["type"], merged["from"], merged["to"]) == ("contact.merged", [other], joined)
    assert (merged["conversation"], merged["data"]["id"]) == (joined, joined)
    members = calls.get(f"contacts/{joined}/identities/").json()["results"]
    [link] = [each for each in members if each["reason"] == "Joined by an agent."]
    calls.post(f"contacts/{joined}/split/", {"evidence": link["evidence"]})
    [split] = told.deliver()
    assert (split["type"], split["from"], split["to"]) == ("contact.split", [joined], other)
    assert [contact["id"] for contact in split["data"]["contacts"]] == [joined, other]


def test_no_words_are_kept_for_a_delivery(told: Told, acme: Account, channel: ChannelInfo) -> None:
    write_in(acme, channel, "a rare word: xylograph")
    told.bot.next.append(Say(500))
    told.deliver()
    with scope(acme), connection.cursor() as cursor:
        cursor.execute("SELECT to_jsonb(e)::text FROM inbox_endpoint e")
        assert "xylograph" not in str(cursor.fetchall())


def test_the_free_plan_tells_nobody(told: Told, acme: Account, channel: ChannelInfo) -> None:
    write_in(acme, channel, "hola")
    assert list_due_endpoints(10) == [(acme.id, told.endpoint.id)]
    Account.objects.update(plan="free")
    assert list_due_endpoints(10) == []
    assert told.deliver() == []


def test_nothing_of_another_account_is_told(told: Told, acme: Account, channel: ChannelInfo, zenith: Account) -> None:
    write_in(zenith, connect(zenith), "zenith's own words", value="ES.99", name="Zoe")
    assert told.deliver() == []
    deliver(zenith.id, told.endpoint.id)
    assert told.bot.asked == []


def test_many_events_take_no_more_statements_than_few(told: Told, acme: Account, channel: ChannelInfo) -> None:
    def count(lines: int) -> int:
        write_in(acme, channel, *(f"line {n}" for n in range(lines)))
        with CaptureQueriesContext(connection) as queries:
            told.deliver()
        return len(queries)

    count(1)
    assert count(2) == count(12) <= 40


@pytest.mark.committed
def test_who_is_being_told_is_told_by_nobody_else(told: Told, acme: Account, channel: ChannelInfo) -> None:
    """And the row is free meanwhile: the call is made outside of any transaction."""

    def try_meanwhile() -> None:
        deliver(acme.id, told.endpoint.id)
        connection.close()

    write_in(acme, channel, "hola")
    told.bot.next.append(Say(before=try_meanwhile))
    documents = told.deliver()
    assert len({document["id"] for document in documents}) == len(documents) > 1


@pytest.mark.committed
def test_what_a_supervisor_chose_meanwhile_stands(
    told: Told, acme: Account, channel: ChannelInfo, alice: Membership
) -> None:
    def choose_meanwhile() -> None:
        with scope(acme):
            switch_off(acme, [told.endpoint.id], actor=alice.user)
        connection.close()

    write_in(acme, channel, "hola")
    told.bot.next.append(Say(before=choose_meanwhile))
    told.deliver()
    row = told.row
    assert (row.state, row.after, row.reason) == ("off", 0, "Alice switched it off.")


@pytest.mark.committed
@pytest.mark.usefixtures("worker")
def test_a_worker_tells_what_happens_without_being_asked(told: Told, acme: Account, channel: ChannelInfo) -> None:
    ana = write_in(acme, channel, "hola")
    assert wait_for(told.bot, "message.created")["conversation"] == ana


@pytest.mark.committed
@pytest.mark.usefixtures("worker")
def test_the_sweep_finds_what_nobody_rang_for(told: Told, acme: Account, channel: ChannelInfo) -> None:
    with scope(acme):
        Endpoint.objects.update(next_attempt_at=F("next_attempt_at") + timedelta(hours=1))
    write_in(acme, channel, "hola")
    with scope(acme):
        Endpoint.objects.update(next_attempt_at=F("next_attempt_at") - timedelta(hours=1))
    assert told.bot.asked == []
    sweep_endpoints()
    assert wait_for(told.bot, "message.created")["data"]["text"] == "hola"


def wait_for(bot: Provider, type: str) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for asked in list(bot.asked):
            document: dict[str, Any] = json.loads(asked.body)
            if document["type"] == type:
                return document
        time.sleep(0.02)
    pytest.fail(f"nobody told of {type}")


def test_a_supervisor_sends_again_what_was_told(
    told: Told, acme: Account, channel: ChannelInfo, alice: Membership
) -> None:
    write_in(acme, channel, "hola")
    first = told.deliver()
    with scope(acme) as now:
        send_again(acme, [told.endpoint.id], since=now - timedelta(hours=1), actor=alice.user, now=now)
    assert [each["id"] for each in told.deliver()] == [each["id"] for each in first]


def test_the_admin_switches_on_and_off_and_sends_again(
    told: Told, acme: Account, channel: ChannelInfo, alice: Membership
) -> None:
    page, admin = "/admin/inbox/endpoint/", sign_in(alice)
    chosen = {"_selected_action": str(told.endpoint.id)}
    write_in(acme, channel, "hola")
    first = told.deliver()
    assert (
        "1 endpoint switched off." in admin.post(page, {"action": "switch_off", **chosen}, follow=True).content.decode()
    )
    assert told.row.state == "off"
    admin.post(page, {"action": "send_again", "since": "", **chosen})
    assert (told.row.state, told.deliver()) == ("on", [])
    admin.post(page, {"action": "send_again", "since": "1", **chosen})
    assert [each["id"] for each in told.deliver()] == [each["id"] for each in first]


def test_the_admin_shows_the_state_and_no_secret(told: Told, acme: Account, alice: Membership) -> None:
    admin = sign_in(alice)
    for path in ("", f"{told.endpoint.id}/change/"):
        text = admin.get(f"/admin/inbox/endpoint/{path}").content.decode()
        assert told.endpoint.url in text
        assert told.secret not in text


def test_the_admin_shows_the_last_calls(told: Told, acme: Account, channel: ChannelInfo, alice: Membership) -> None:
    write_in(acme, channel, "hola")
    told.bot.next.extend([Say(), Say(500)])
    told.deliver()
    text = sign_in(alice).get(f"/admin/inbox/endpoint/{told.endpoint.id}/change/").content.decode()
    assert text.index("The address answered with 500.") < text.index("Taken")


@pytest.mark.committed
@pytest.mark.usefixtures("worker")
def test_the_sweep_reports_what_nobody_rang_for(told: Told, acme: Account) -> None:
    with scope(acme):
        Endpoint.objects.update(state=Endpoint.State.OFF, report_at=F("created_at"))
    sweep_reports()
    wait(lambda: told.row.report_at is None)
