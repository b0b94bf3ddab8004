"""Users of several accounts, and what users set for themselves."""

from __future__ import annotations

import pytest
from django.test import Client

from inbox.admission import admit_session
from oneview.accounts.models import Account, AuditEntry, Membership, Role, User
from oneview.accounts.services import create_member
from oneview.common.scope import scope
from tests.factories import PASSWORD
from tests.fixtures import sign_in

pytestmark = pytest.mark.django_db

PROFILE = {"name": "Bob", "language": "en", "time_zone": "UTC", "theme": "system", "single_keys": "on"}


@pytest.fixture
def bob_twice(bob: Membership, zenith: Account) -> Client:
    """Bob, who is an agent of Acme and of Zenith."""
    create_member(zenith, email=bob.user.email, role=Role.AGENT)
    return sign_in(bob)


def switch(browser: Client, account: Account) -> None:
    answer = browser.post("/inbox/account/", {"account": account.pk})
    assert (answer.status_code, answer["Location"]) == (302, "/inbox/")


def title_of(browser: Client) -> str:
    return browser.get("/inbox/").content.decode().partition("<title>")[2].partition("</title>")[0]


def test_a_member_of_two_accounts_opens_the_other_one(bob_twice: Client, zenith: Account) -> None:
    assert title_of(bob_twice) == "Messages – Acme"
    switch(bob_twice, zenith)
    assert title_of(bob_twice) == "Messages – Zenith"


def enter(user: User) -> Client:
    """By the door, with a password."""
    browser = Client()
    assert browser.post("/accounts/login/", {"login": user.email, "password": PASSWORD}).status_code == 302
    return browser


def test_the_next_sign_in_begins_with_the_account_that_was_open(
    bob_twice: Client, bob: Membership, zenith: Account
) -> None:
    elsewhere = enter(bob.user)
    switch(bob_twice, zenith)
    assert title_of(enter(bob.user)) == "Messages – Zenith"
    assert title_of(elsewhere) == "Messages – Acme"
    session = enter(bob.user).cookies["sessionid"].value
    assert admit_session(session).account_id == zenith.pk


def test_who_is_in_it_no_more_begins_with_another_one(bob_twice: Client, bob: Membership, zenith: Account) -> None:
    switch(bob_twice, zenith)
    Membership.objects.filter(account=zenith, user=bob.user).update(is_active=False)
    assert title_of(enter(bob.user)) == "Messages – Acme"


def test_the_choice_is_offered_to_who_has_one(bob_twice: Client, alice: Membership) -> None:
    assert 'name="account"' in bob_twice.get("/inbox/").content.decode()
    assert 'name="account"' not in sign_in(alice).get("/inbox/").content.decode()


def test_an_account_of_others_is_none(bob: Membership, charlie: Membership) -> None:
    browser = sign_in(bob)
    for given in (charlie.account_id, 999_999, "", "x", "9" * 30):
        assert browser.post("/inbox/account/", {"account": given}).status_code in (400, 404)
    assert title_of(browser) == "Messages – Acme"


def test_who_left_the_chosen_account_is_in_the_other_one(bob_twice: Client, bob: Membership, zenith: Account) -> None:
    switch(bob_twice, zenith)
    Membership.objects.filter(account=zenith, user=bob.user).update(is_active=False)
    assert title_of(bob_twice) == "Messages – Acme"


def test_a_locked_account_is_left_by_switching(bob_twice: Client, acme: Account, zenith: Account) -> None:
    Account.objects.filter(pk=acme.pk).update(plan="free")
    page = bob_twice.get("/inbox/")
    assert page.status_code == 403
    assert "Open Zenith" in page.content.decode()
    switch(bob_twice, zenith)
    assert title_of(bob_twice) == "Messages – Zenith"


def test_a_page_of_the_former_account_is_told_and_does_nothing(
    bob_twice: Client, acme: Account, zenith: Account
) -> None:
    switch(bob_twice, zenith)
    for method in (bob_twice.get, bob_twice.post):
        answer = method("/inbox/list/", headers={"X-Account": str(acme.pk), "X-Fragment": "part"})
        assert (answer.status_code, answer.json()["code"]) == (409, "other_account")
    assert bob_twice.get("/inbox/list/", headers={"X-Account": str(zenith.pk)}).status_code == 200


def test_a_user_changes_their_profile(bob: Membership) -> None:
    browser = sign_in(bob)
    form = {"name": "Bobby", "language": "de", "time_zone": "Europe/Madrid", "theme": "dark"}
    page = browser.post("/inbox/profile/", form, follow=True)
    user = User.objects.get(pk=bob.user_id)
    assert (user.name, user.language, user.time_zone, user.theme, user.single_keys) == (*form.values(), False)
    assert 'lang="de"' in page.content.decode()
    with scope(bob.account):
        entry = AuditEntry.objects.get(action="user.rename")
    assert (entry.old, entry.new, entry.source) == ({"name": "Bob"}, {"name": "Bobby"}, "inbox")


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "x" * 121}, {"language": "xx"}, {"time_zone": "Mars/Olympus"}, {"theme": "pink"}]
)
def test_what_cannot_be_saved_is_marked_and_nothing_is_saved(bob: Membership, wrong: dict[str, str]) -> None:
    page = sign_in(bob).post("/inbox/profile/", {**PROFILE, "name": "Bobby", **wrong})
    assert page.status_code == 400
    assert 'role="alert"' in page.content.decode()
    assert User.objects.get(pk=bob.user_id).name == "Bob"


def test_an_operator_without_an_account_has_a_profile(operator: User) -> None:
    browser = sign_in(operator)
    assert browser.get("/inbox/profile/").status_code == 200
    assert browser.post("/inbox/profile/", {**PROFILE, "name": "Olga R."}).status_code == 302
    assert User.objects.get(pk=operator.pk).name == "Olga R."
    assert browser.get("/inbox/")["Location"] == "/admin/"
