"""Signing in, and what browsers are told on every page."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from oneview.accounts.models import Membership, User
from tests.factories import PASSWORD, make_user
from tests.fixtures import sign_in

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"


@pytest.fixture(autouse=True)
def _no_tries_yet() -> None:
    cache.clear()


def log_in(client: Client, email: str, password: str, **more: str) -> tuple[int, str]:
    answer = client.post(LOGIN, {"login": email, "password": password, **more})
    return answer.status_code, answer.headers.get("Location", "")


def test_a_member_signs_in_with_e_mail_and_password(client: Client, bob: Membership) -> None:
    assert log_in(client, "BOB@example.com", PASSWORD) == (302, "/inbox/")
    assert client.get("/accounts/login/").status_code == 302


def test_one_returns_to_where_one_was_going_and_nowhere_else(client: Client, bob: Membership) -> None:
    assert log_in(client, bob.user.email, PASSWORD, next="/inbox/?status=all") == (302, "/inbox/?status=all")
    client.logout()
    for foreign in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)"):
        assert log_in(client, bob.user.email, PASSWORD, next=foreign) == (302, "/inbox/")
        client.logout()


def test_the_answer_does_not_tell_who_exists(client: Client, bob: Membership) -> None:
    wrong = client.post(LOGIN, {"login": bob.user.email, "password": "wrong"})
    unknown = client.post(LOGIN, {"login": "who@example.com", "password": "wrong"})
    errors = [re.findall(r"error[^<]*>([^<]+)<", page.content.decode()) for page in (wrong, unknown)]
    assert errors[0] == errors[1] != []


def test_tries_are_limited_for_each_address(client: Client, bob: Membership) -> None:
    for _ in range(6):
        log_in(client, bob.user.email, "wrong")
    assert log_in(client, bob.user.email, PASSWORD)[0] == 200
    assert "_auth_user_id" not in client.session


def test_who_was_deactivated_cannot_sign_in(client: Client, bob: Membership) -> None:
    User.objects.filter(pk=bob.user_id).update(is_active=False)
    log_in(client, bob.user.email, PASSWORD)
    assert "_auth_user_id" not in client.session


def test_a_new_user_chooses_a_password_by_e_mail(client: Client) -> None:
    user = make_user("Nina")
    user.set_unusable_password()
    user.save()
    assert client.post("/accounts/password/reset/", {"email": user.email}).status_code == 302
    [sent] = mail.outbox
    assert sent.to == [user.email]
    link = re.search(r"http\S+?(/accounts/password/reset/key/\S+)", str(sent.body))
    assert link
    form = client.get(link[1], follow=True)
    client.post(form.request["PATH_INFO"], {"password1": "a new long password", "password2": "a new long password"})
    assert User.objects.get(pk=user.pk).check_password("a new long password")


def test_a_reset_for_nobody_answers_the_same(client: Client, bob: Membership) -> None:
    answers = [
        client.post("/accounts/password/reset/", {"email": email}) for email in (bob.user.email, "who@example.com")
    ]
    assert answers[0].status_code == answers[1].status_code == 302
    assert answers[0]["Location"] == answers[1]["Location"]


def test_nobody_signs_up(client: Client) -> None:
    form = {"email": "eve@example.com", "password1": PASSWORD, "password2": PASSWORD}
    client.post("/accounts/signup/", form)
    assert not User.objects.filter(email="eve@example.com").exists()


def test_a_changed_password_ends_other_sessions(bob: Membership) -> None:
    here, elsewhere = sign_in(bob), sign_in(bob)
    form = {"oldpassword": PASSWORD, "password1": "another long one", "password2": "another long one"}
    assert here.post("/accounts/password/change/", form).status_code == 302
    assert here.get("/admin/").status_code != 302 or "/accounts/login/" not in here.get("/admin/")["Location"]
    assert elsewhere.get("/inbox/")["Location"].startswith(LOGIN)


def test_the_admin_signs_in_at_the_same_place(client: Client, alice: Membership) -> None:
    answer = client.get("/admin/channels_ingest/channel/", follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/login/?next=/admin/channels_ingest/channel/"
    assert client.post("/admin/login/", {"username": alice.user.email, "password": PASSWORD}).status_code == 302
    assert "_auth_user_id" not in client.session


@pytest.mark.parametrize(
    "path", [LOGIN, "/accounts/password/reset/", "/inbox/", "/admin/", "/nowhere/", "/health/live/"]
)
def test_every_page_has_its_policies(alice: Membership, path: str) -> None:
    for client in (Client(), sign_in(alice)):
        answer = client.get(path, follow=True)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("path", ["/admin/accounts/team/add/", "/accounts/logout/", "/i18n/setlang/", LOGIN])
def test_no_form_is_taken_without_its_token(alice: Membership, path: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice.user)
    assert client.post(path, {"name": "Night"}).status_code == 403


def test_pages_carry_nothing_that_the_policy_would_stop(alice: Membership, client: Client) -> None:
    for page in (client.get(LOGIN), sign_in(alice).get("/admin/"), sign_in(alice).get("/admin/accounts/membership/")):
        html = page.content.decode()
        assert page.status_code == 200
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=\"|javascript:", html)
        assert not [tag for tag in re.findall(r"<script[^>]*>", html) if "src=" not in tag and "json" not in tag]
