"""Puts every request of a member inside their account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from oneview.accounts.models import Account, Membership, User
from oneview.accounts.selectors import find_membership, list_memberships
from oneview.accounts.services import remember_account, source
from oneview.accounts.tokens import Bot, TokenOwner, find_owner, read_bearer
from oneview.common.errors import Conflict, Forbidden, TooMany
from oneview.common.problems import problem_of, wants_problem
from oneview.common.ratelimit import hold_to
from oneview.common.scope import scope

ACCOUNT_KEY = "account"  # in the session: which of a user's accounts is open

API = "/api/"
BEARER_RATE = "600/minute"  # of one token
SESSION_RATE = "3000/minute"  # of one user; pages show files by it, some dozens at once
# Not of one member: probes, files, providers, visitors.
WITHOUT_ACCOUNT = ("/health/", "/metrics", "/static/", "/webhooks/", "/widget/", "/sandbox/")
# Open to those who may not see the inbox: signing in and out, the admin, which asks for itself.
SOURCES = {API: "api", "/admin/": "admin", "/accounts/": "sign-in"}  # for the audit; the rest is the inbox
WITHOUT_INBOX = ("/accounts/", "/admin/", "/i18n/", "/api/v1/schema/", "/api/v1/docs/")
# Open to members whose account is locked: choosing another one.
WITHOUT_PLAN = (*WITHOUT_INBOX, "/inbox/account/", "/inbox/profile/")
# Open to operators, who need no account for what is about themselves.
OPERATORS_TOO = ("/inbox/profile/", "/inbox/preferences/")
PAGE_ACCOUNT = "X-Account"  # header of a page's script: the account that the page shows


class AccountRequest(HttpRequest):
    """What views of members are given. `membership` is None for a bot; `now` is the database's clock.

    Requests that belong to no account (nobody signed in, an operator without a membership) carry None in all of them.
    """

    account: Account
    membership: Membership
    now: datetime
    token_owner: TokenOwner | None


@dataclass(frozen=True, slots=True)
class Caller:
    user: User | AnonymousUser
    account: Account | None = None
    membership: Membership | None = None
    token_owner: TokenOwner | None = None


class AccountMiddleware:
    """Runs the whole request in `scope(request.account)`; an answer of 500 and above rolls its writes back."""

    def __init__(self, get_response: Callable[[Any], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path.startswith(WITHOUT_ACCOUNT):
            return self.get_response(request)
        origin = source.set(next((name for path, name in SOURCES.items() if request.path.startswith(path)), "inbox"))
        try:
            return self._answer(request)
        finally:
            source.reset(origin)

    def _answer(self, request: HttpRequest) -> HttpResponseBase:
        caller = find_caller(request)
        request.user = caller.user
        vars(request).update(
            account=caller.account, membership=caller.membership, token_owner=caller.token_owner, now=None
        )
        if isinstance(caller.user, User):
            translation.activate(caller.user.language)
            request.LANGUAGE_CODE = translation.get_language()
        if caller.account is None:
            return self._refuse_stranger(request) or self.get_response(request)
        if request.path.startswith(API):
            try:
                count_call(caller)
            except TooMany as refusal:
                return problem_of(refusal)
        with timezone.override(zone_of(caller.user)), scope(caller.account) as now:
            vars(request).update(now=now)
            response = (
                self._refuse_other_account(request, caller.account)
                or self._refuse_locked(request, caller.account)
                or self.get_response(request)
            )
            if response.status_code >= 500:
                transaction.set_rollback(True)
            return response

    def _refuse_stranger(self, request: HttpRequest) -> HttpResponseBase | None:
        """Who is signed in and no active member of any account is told so; an operator goes to the admin."""
        if not request.user.is_authenticated or request.path.startswith(WITHOUT_INBOX):
            return None
        if request.user.is_superuser and request.path in OPERATORS_TOO:
            return None
        if wants_problem(request):
            return problem_of(Forbidden(_("You are not a member of any account.")))
        if request.user.is_superuser:
            return redirect("admin:index")
        return render(request, "no_account.html", status=403)

    def _refuse_other_account(self, request: HttpRequest, account: Account) -> HttpResponse | None:
        """A page that was left open while another account was chosen must not mix the two."""
        if request.headers.get(PAGE_ACCOUNT, str(account.pk)) == str(account.pk):
            return None
        return problem_of(Conflict(_("Another account is open now."), code="other_account"))

    def _refuse_locked(self, request: HttpRequest, account: Account) -> HttpResponse | None:
        if not account.is_locked or request.path.startswith(WITHOUT_PLAN):
            return None
        if wants_problem(request):
            return problem_of(Forbidden(_("The inbox is part of every paid plan."), code="plan_required"))
        memberships = list_memberships(request.user.pk) if isinstance(request.user, User) else []
        return render(request, "inbox/locked.html", {"memberships": memberships}, status=403)


def open_account(request: HttpRequest, account_id: int, *, user: User) -> None:
    """From the next request of this session on, and after the next sign-in."""
    request.session[ACCOUNT_KEY] = account_id
    remember_account(user, account_id)


def count_call(caller: Caller) -> None:
    """Of a token, or of a user in all sessions. Not inside a transaction, for it asks Redis. Raises TooMany."""
    if caller.token_owner:
        hold_to(BEARER_RATE, "token", str(caller.token_owner.token_id))
    else:
        hold_to(SESSION_RATE, "session", str(caller.user.pk))


def find_caller(request: HttpRequest) -> Caller:
    """By bearer token in the API, else by session. A token that is not valid is nobody, whatever the session says."""
    token = read_bearer(request) if request.path.startswith(API) else None
    if token is not None:
        return find_token_caller(token)
    if not isinstance(request.user, User):
        return Caller(AnonymousUser())
    membership = find_membership(request.user.id, account_id=request.session.get(ACCOUNT_KEY))
    if membership is None:
        return Caller(request.user)
    return Caller(membership.user, membership.account, membership)


def find_token_caller(token: str) -> Caller:
    owner = find_owner(token)
    if owner is None:
        return Caller(AnonymousUser())
    if owner.user_id is None:
        return Caller(Bot(owner), Account.objects.get(pk=owner.account_id), token_owner=owner)
    membership = find_membership(owner.user_id, account_id=owner.account_id)
    if membership is None or membership.account_id != owner.account_id:  # deactivated between the two reads
        return Caller(AnonymousUser())
    return Caller(membership.user, membership.account, membership, owner)


def zone_of(user: User | AnonymousUser) -> ZoneInfo:
    try:
        return ZoneInfo(user.time_zone if isinstance(user, User) else "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
