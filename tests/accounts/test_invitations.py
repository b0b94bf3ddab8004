"""From "invite" in the admin to the first look at the inbox: a real message, a real link."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from celery import current_app
from django.core import mail
from django.core.cache import cache
from django.test import Client

from oneview.accounts import invitations
from oneview.accounts.models import Account, AuditEntry, Invitation, Membership, Role, User
from oneview.accounts.tasks import send_invitation
from oneview.common.scope import scope
from tests.factories import PASSWORD
from tests.fixtures import sign_in

pytestmark = pytest.mark.django_db

NEW = {"name": "Nina Ray", "password": "a long word of hers"}
Send = Callable[..., str]


@pytest.fixture(autouse=True)
def _no_tries_yet() -> None:
    cache.clear()


@pytest.fixture
def invited(alice: Membership) -> Send:
    """Alice invites an address in the admin; what the link in the message leads to."""

    def invite(email: str, role: str = "agent") -> str:
        answer = sign_in(alice).post("/admin/accounts/invitation/add/", {"email": email, "role": role})
        assert answer.status_code == 302
        return send(alice.account)

    return invite


def send(account: Account) -> str:
    """As the worker does; there is none in these tests."""
    with scope(account):
        waiting = [str(id) for id in Invitation.objects.filter(hash="").values_list("pk", flat=True)]
    for id in waiting:
        send_invitation(account.id, id)
    link = re.search(r"https?://\S+", str(mail.outbox[-1].body))
    assert link
    return urlsplit(link[0]).path


def only_invitation(account: Account) -> Invitation:
    with scope(account):
        return Invitation.objects.get(account=account)


def actions(account: Account) -> list[str]:
    with scope(account):
        return list(AuditEntry.objects.filter(account=account).order_by("id").values_list("action", flat=True))


def test_somebody_new_chooses_name_and_password_and_is_in(alice: Membership, invited: Send, client: Client) -> None:
    link = invited("Nina@Example.com")
    [message] = mail.outbox
    assert (message.to, message.subject) == (["nina@example.com"], "Join Acme in OneView")
    assert "Alice invites you" in message.body
    assert "nina@example.com" in client.get(link).content.decode()
    answer = client.post(link, NEW)
    assert (answer.status_code, answer["Location"]) == (302, "/inbox/")
    assert "<title>Messages – Acme" in client.get("/inbox/").content.decode()
    made = Membership.objects.get(user__email="nina@example.com")
    assert (made.account, made.role, made.user.name) == (alice.account, Role.AGENT, "Nina Ray")
    assert made.user.check_password(NEW["password"])
    assert actions(alice.account) == ["invitation.add", "member.add", "invitation.accept", "user.sign_in"]


@pytest.mark.parametrize("password", ["short", "password1234", "nina@example.com", ""])
def test_a_weak_password_is_refused_and_the_link_stays(invited: Send, client: Client, password: str) -> None:
    link = invited("nina@example.com")
    assert client.post(link, {**NEW, "password": password}).status_code == 400
    assert not User.objects.filter(email="nina@example.com").exists()
    assert client.post(link, NEW).status_code == 302


def test_who_exists_joins_after_signing_in_and_keeps_name_and_password(
    alice: Membership, charlie: Membership, invited: Send, client: Client
) -> None:
    link = invited(charlie.user.email, "supervisor")
    page = client.get(link).content.decode()
    assert f"/accounts/login/?next={link}" in page
    client.post(link, NEW)
    assert not Membership.objects.filter(user=charlie.user, account=alice.account).exists()
    client.post("/accounts/login/", {"login": charlie.user.email, "password": PASSWORD, "next": link})
    assert client.post(link)["Location"] == "/inbox/"
    assert "<title>Messages – Acme" in client.get("/inbox/").content.decode()
    joined = Membership.objects.get(user=charlie.user, account=alice.account)
    assert (joined.role, joined.user.name, joined.user.check_password(PASSWORD)) == ("supervisor", "Charlie", True)


def test_an_invitation_is_for_one_person(
    alice: Membership, bob: Membership, charlie: Membership, invited: Send
) -> None:
    link = invited(charlie.user.email)
    browser = sign_in(bob)
    assert "This invitation is for" in browser.get(link).content.decode()
    browser.post(link, NEW)
    assert Membership.objects.filter(user=charlie.user).count() == 1


def test_a_link_is_used_once(invited: Send, client: Client) -> None:
    link = invited("nina@example.com")
    assert client.post(link, NEW).status_code == 302
    for browser in (client, Client()):
        assert browser.get(link).status_code == 404
        assert browser.post(link, NEW).status_code == 404
    assert User.objects.filter(email="nina@example.com").count() == 1


def test_links_that_lead_nowhere_look_the_same(
    alice: Membership, charlie: Membership, invited: Send, client: Client
) -> None:
    link = invited("nina@example.com")
    word = link.rstrip("/").partition("-")[2]
    account = alice.account
    others = [
        f"/accounts/invitation/{account.pk}-wrong/",
        f"/accounts/invitation/{charlie.account_id}-{word}/",
        f"/accounts/invitation/999999-{word}/",
        f"/accounts/invitation/{'9' * 30}-{word}/",
    ]
    pages = [client.get(other) for other in others]
    with scope(account) as now:
        Invitation.objects.update(expires_at=now - timedelta(seconds=1))
    pages.append(client.get(link))
    assert {page.status_code for page in pages} == {404}
    assert len({page.content for page in pages}) == 1
    assert client.post(link, NEW).status_code == 404


def test_sending_again_ends_the_former_link(alice: Membership, invited: Send, client: Client) -> None:
    former = invited("nina@example.com")
    chosen = {"action": "send_again", "_selected_action": [str(only_invitation(alice.account).pk)]}
    page = sign_in(alice).post("/admin/accounts/invitation/", chosen, follow=True)
    assert "1 invitation is sent" in page.content.decode()
    link = send(alice.account)
    assert (client.get(former).status_code, client.get(link).status_code) == (404, 200)


def test_inviting_again_changes_the_role_and_makes_no_second_one(alice: Membership, invited: Send) -> None:
    former = invited("nina@example.com")
    assert invited("NINA@example.com", "supervisor") != former
    assert only_invitation(alice.account).role == Role.SUPERVISOR


def test_a_withdrawn_invitation_is_gone(alice: Membership, invited: Send, client: Client) -> None:
    link = invited("nina@example.com")
    chosen = {"action": "withdraw", "_selected_action": [str(only_invitation(alice.account).pk)]}
    assert (
        "1 invitation withdrawn"
        in sign_in(alice).post("/admin/accounts/invitation/", chosen, follow=True).content.decode()
    )
    assert client.get(link).status_code == 404
    assert actions(alice.account)[-1] == "invitation.withdraw"


def test_a_member_is_not_invited_and_one_who_was_deactivated_comes_back(
    alice: Membership, bob: Membership, invited: Send
) -> None:
    form = {"email": bob.user.email, "role": "agent"}
    page = sign_in(alice).post("/admin/accounts/invitation/add/", form, follow=True)
    assert "is a member already" in page.content.decode()
    Membership.objects.filter(pk=bob.pk).update(is_active=False)
    link = invited(bob.user.email)
    assert sign_in(bob).post(link).status_code == 302
    bob.refresh_from_db()
    assert bob.is_active


def test_the_word_of_a_link_is_nowhere_but_in_the_message(alice: Membership, invited: Send) -> None:
    word = invited("nina@example.com").rstrip("/").partition("-")[2]
    with scope(alice.account):
        rows = [*Invitation.objects.values(), *AuditEntry.objects.values()]
    assert word not in str(rows)


def test_what_the_mail_server_refuses_can_be_sent_later(alice: Membership, settings: Any) -> None:
    made = invitations.invite(alice.account, email="nina@example.com", role=Role.AGENT, actor=alice.user)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # where nobody listens
    with pytest.raises(ConnectionRefusedError):
        invitations.send_link(alice.account_id, made.pk)
    assert only_invitation(alice.account).hash == ""
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert send(alice.account).startswith(f"/accounts/invitation/{alice.account_id}-")


def test_tries_are_limited(invited: Send, client: Client) -> None:
    link = invited("nina@example.com")
    answers = [client.get(link, REMOTE_ADDR="203.0.113.9").status_code for _ in range(31)]
    assert (answers[0], answers[-1]) == (200, 429)


def test_the_job_is_known_to_the_worker() -> None:
    assert "oneview.accounts.tasks.send_invitation" in current_app.tasks
