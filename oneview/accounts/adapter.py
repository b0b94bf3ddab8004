"""How people sign in: with e-mail and password, made by an operator or a supervisor. Nobody signs up. Who came, left or
tried to is written down for each account that they are a member of.
"""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest, HttpResponse

from oneview.accounts.middleware import ACCOUNT_KEY
from oneview.accounts.models import User
from oneview.accounts.services import record_everywhere


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def post_login(self, request: HttpRequest, user: User, **more: Any) -> HttpResponse:
        if user.last_account_id:
            request.session.setdefault(ACCOUNT_KEY, user.last_account_id)
        _record(request, user, "user.sign_in")
        return super().post_login(request, user, **more)  # type: ignore[no-any-return]

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        """Also asked for the password of somebody who is signed in."""
        user = User.objects.filter(email=str(credentials.get("email", "")).strip().lower()).first()
        if user is not None:
            _record(request, user, "user.sign_in_failed")

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, User):
            _record(request, request.user, "user.sign_out")
        super().logout(request)


def _record(request: HttpRequest, user: User, action: str) -> None:
    record_everywhere(user, action=action, new={"address": request.META.get("REMOTE_ADDR", "")})
