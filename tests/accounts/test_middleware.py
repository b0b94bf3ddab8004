"""Every request of a member runs inside their account."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils import translation

from oneview.accounts import services
from oneview.accounts.middleware import ACCOUNT_KEY, AccountMiddleware, AccountRequest
from oneview.accounts.models import Account, Membership, Role, Team, User
from oneview.common.scope import scope
from tests.fixtures import sign_in

pytestmark = pytest.mark.django_db

View = Callable[[Any], HttpResponse]


def answer(view: View, path: str = "/inbox/", *, user: User | None = None, account: int | None = None) -> Any:
    """The middleware around a view."""
    request = RequestFactory().get(path)
    request.user = user or AnonymousUser()
    request.session = {ACCOUNT_KEY: account} if account else {}  # type: ignore[assignment]
    return AccountMiddleware(view)(request)


def answer_token(view: View, token: str) -> Any:
    request = RequestFactory().get("/api/v1/channels/", headers={"Authorization": f"Bearer {token}"})
    request.user = AnonymousUser()
    return AccountMiddleware(view)(request)


def test_a_member_s_view_knows_account_membership_and_time(alice: Membership) -> None:
    def view(request: AccountRequest) -> HttpResponse:
        assert (request.account, request.membership) == (alice.account, alice)
        with connection.cursor() as cursor:
            cursor.execute("SELECT now(), current_setting('app.account')")
            assert cursor.fetchone() == (request.now, str(alice.account_id))
        return HttpResponse("seen")

    assert answer(view, user=alice.user).content == b"seen"


@pytest.mark.parametrize(("status", "kept"), [(200, 1), (404, 1), (500, 0), (503, 0)])
def test_an_answer_of_500_takes_its_writes_back(alice: Membership, status: int, kept: int) -> None:
    def view(request: AccountRequest) -> HttpResponse:
        Team.objects.create(account=request.account, name="Night")
        return HttpResponse(status=status)

    def count(request: AccountRequest) -> HttpResponse:
        return HttpResponse(str(Team.objects.count()))

    answer(view, user=alice.user)
    assert answer(count, user=alice.user).content == str(kept).encode()


def test_a_view_sees_its_account_alone(alice: Membership, charlie: Membership) -> None:
    def write(request: AccountRequest) -> HttpResponse:
        Team.objects.create(account=request.account, name=f"of {request.account.name}")
        return HttpResponse()

    def read(request: AccountRequest) -> HttpResponse:
        return HttpResponse(", ".join(team.name for team in Team.objects.all()))

    for member in (alice, charlie):
        answer(write, user=member.user)
    assert answer(read, user=alice.user).content == b"of Acme"
    assert answer(read, user=charlie.user).content == b"of Zenith"


@pytest.mark.parametrize("path", ["/health/ready/", "/widget/demo/", "/sandbox/"])
def test_what_belongs_to_no_member_runs_in_no_account(alice: Membership, path: str) -> None:
    with scope(alice.account):
        Team.objects.create(account=alice.account, name="Night")

    def view(request: HttpRequest) -> HttpResponse:
        with pytest.raises(DatabaseError), transaction.atomic():
            Team.objects.count()
        return HttpResponse(str(hasattr(request, "account")))

    assert answer(view, path, user=alice.user).content == b"False"


def test_who_signed_in_chooses_among_their_accounts(acme: Account, charlie: Membership) -> None:
    services.create_member(acme, email=charlie.user.email, role=Role.AGENT)

    def view(request: AccountRequest) -> HttpResponse:
        return HttpResponse(f"{request.account.slug} {request.membership.role}")

    assert answer(view, user=charlie.user).content == b"zenith supervisor"
    assert answer(view, user=charlie.user, account=acme.id).content == b"acme agent"


def test_a_chosen_account_that_is_not_ours_is_ignored(alice: Membership, zenith: Account) -> None:
    def view(request: AccountRequest) -> HttpResponse:
        return HttpResponse(request.account.slug)

    assert answer(view, user=alice.user, account=zenith.id).content == b"acme"


def test_pages_speak_the_language_of_the_user(alice: Membership) -> None:
    alice.user.language = "de"
    alice.user.save()

    def view(request: AccountRequest) -> HttpResponse:
        return HttpResponse(translation.get_language())

    assert answer(view, user=alice.user).content == b"de"


def test_a_time_zone_that_does_not_exist_does_no_harm(alice: Membership) -> None:
    alice.user.time_zone = "Mars/Olympus"
    alice.user.save()
    assert answer(lambda request: HttpResponse("fine"), user=alice.user).content == b"fine"


def test_a_token_opens_its_account_in_the_api(bob: Membership) -> None:
    def view(request: AccountRequest) -> HttpResponse:
        return HttpResponse(f"{request.account.slug} {request.user} {request.membership.role}")

    assert answer_token(view, services.create_token(bob.account, user=bob.user)).content == b"acme Bob agent"


def test_a_bot_s_token_opens_its_account_without_a_membership(acme: Account) -> None:
    def view(request: AccountRequest) -> HttpResponse:
        return HttpResponse(f"{request.account.slug} {request.membership} {request.user}")

    assert answer_token(view, services.create_token(acme, bot="Greeter")).content == b"acme None Greeter"


def test_a_wrong_token_is_nobody_even_beside_a_session(alice: Membership) -> None:
    request = RequestFactory().get("/api/v1/channels/", headers={"Authorization": "Bearer ov_agent_wrong"})
    request.user = alice.user
    request.session = {}  # type: ignore[assignment]

    def view(request: AccountRequest) -> HttpResponse:
        return HttpResponse(f"{request.account} {request.user.is_authenticated}")

    answer: Any = AccountMiddleware(view)(request)
    assert answer.content == b"None False"


def test_who_was_deactivated_is_told_so_on_the_next_page(alice: Membership, bob: Membership) -> None:
    browser = sign_in(bob)
    services.update_member(bob, role=Role.AGENT, is_active=False, actor=alice.user)
    page = browser.get("/inbox/")
    assert page.status_code == 403
    assert "not a member of any account" in page.content.decode()
    assert browser.get("/api/v1/conversations/").json()["code"] == "forbidden"
    assert browser.post("/accounts/logout/").status_code == 302


def test_an_operator_without_an_account_is_sent_to_the_admin(operator: User) -> None:
    page = sign_in(operator).get("/inbox/")
    assert (page.status_code, page["Location"]) == (302, "/admin/")


def test_the_free_plan_locks_the_inbox_and_nothing_else(alice: Membership) -> None:
    Account.objects.update(plan="free")
    browser = sign_in(alice)
    assert browser.get("/inbox/").status_code == 403
    assert browser.get("/inbox/list/", headers={"X-Fragment": "list"}).json()["code"] == "plan_required"
    refused = browser.get("/api/v1/conversations/")
    assert (refused.status_code, refused.json()["code"]) == (403, "plan_required")
    assert refused["Content-Type"] == "application/problem+json"
    assert browser.get("/admin/").status_code == 200


def test_nobody_signed_in_is_asked_to(client: Client) -> None:
    page = client.get("/inbox/")
    assert (page.status_code, page["Location"]) == (302, "/accounts/login/?next=/inbox/")


def test_who_signed_up_is_nobody(client: Client, acme: Account) -> None:
    form = {"email": "eve@example.com", "password1": "correct horse battery"}
    client.post("/accounts/signup/", form)
    assert not User.objects.exists()
