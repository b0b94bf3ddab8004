"""The record of what was changed: from where, by whom, for whom to read."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from oneview.accounts import services
from oneview.accounts.models import Account, AuditEntry, Membership, Role
from oneview.common.scope import scope
from tests.factories import PASSWORD, make_member
from tests.fixtures import sign_in

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def _no_tries_yet() -> None:
    cache.clear()


def entries(account: Account) -> list[AuditEntry]:
    with scope(account):
        return list(AuditEntry.objects.filter(account=account).order_by("id"))


def read_page(member: Membership, query: str = "") -> str:
    return sign_in(member).get(f"/admin/accounts/auditentry/{query}").content.decode()


def test_signing_in_and_out_is_written_down_in_every_account_of_the_user(
    client: Client, bob: Membership, zenith: Account
) -> None:
    services.create_member(zenith, email=bob.user.email, role=Role.AGENT)
    client.post(LOGIN, {"login": bob.user.email, "password": PASSWORD})
    client.post("/accounts/logout/")
    for account in (bob.account, zenith):
        seen = [entry for entry in entries(account) if entry.action.startswith("user.")]
        assert [(entry.action, entry.actor, entry.source) for entry in seen] == [
            ("user.sign_in", bob.user, "sign-in"),
            ("user.sign_out", bob.user, "sign-in"),
        ]
        assert seen[0].new == {"address": "127.0.0.1"}


def test_a_wrong_password_is_written_down_for_who_exists(client: Client, bob: Membership, zenith: Account) -> None:
    for email in (bob.user.email.upper(), "who@example.com"):
        client.post(LOGIN, {"login": email, "password": "a wrong word"})
    [entry] = entries(bob.account)
    assert (entry.action, entry.target) == ("user.sign_in_failed", "bob@example.com")
    assert "wrong" not in str(vars(entry))
    assert entries(zenith) == []


def test_every_entry_says_where_it_comes_from(alice: Membership, bob: Membership) -> None:
    services.update_member(bob, role=Role.SUPERVISOR, is_active=True, actor=None)
    address = f"/admin/accounts/membership/{bob.pk}/change/"
    sign_in(alice).post(address, {"role": "agent", "is_active": "on", "_save": ""})
    assert [(entry.source, entry.actor_name) for entry in entries(bob.account)] == [
        ("command line", "command line"),
        ("admin", "Alice"),
    ]


def test_supervisors_filter_by_who_what_and_from_where(alice: Membership, bob: Membership) -> None:
    services.record_audit(alice.account_id, actor=alice.user, action="owl.add", target="barn")
    services.record_audit(alice.account_id, actor=bob.user, action="crow.add", target="carrion")
    assert ["barn" in read_page(alice, f"?{query}") for query in ("", "thing=owl", "thing=crow")] == [True, True, False]
    by_bob = read_page(alice, f"?actor={bob.user_id}")
    assert ("barn" in by_bob, "carrion" in by_bob) == (False, True)
    assert "barn" in read_page(alice, "?source=command+line")
    assert "barn" not in read_page(alice, "?source=api")
    assert "barn" in read_page(alice, "?at__gte=2020-01-01+00:00:00%2B00:00&at__lt=2120-01-01+00:00:00%2B00:00")
    assert "barn" not in read_page(alice, "?at__gte=2120-01-01+00:00:00%2B00:00")


def test_before_and_after_stand_side_by_side(alice: Membership) -> None:
    old, new = {"plan": "paid"}, {"plan": "<b>free</b>", "window_days": 7}
    services.record_audit(alice.account_id, actor=None, action="account.change", target="acme", old=old, new=new)
    [entry] = entries(alice.account)
    page = sign_in(alice).get(f"/admin/accounts/auditentry/{entry.pk}/change/").content.decode()
    assert "<td>plan</td><td>paid</td><td>&lt;b&gt;free&lt;/b&gt;</td>" in page
    assert "<td>window_days</td><td></td><td>7</td>" in page


def test_who_is_in_no_list_of_ours_is_no_filter(alice: Membership, charlie: Membership) -> None:
    make_member(alice.account)
    services.record_audit(alice.account_id, actor=charlie.user, action="owl.add", target="barn")
    for given in (charlie.user_id, "x", "9" * 30):
        assert "barn" in read_page(alice, f"?actor={given}")
