"""The page behind the link of an invitation."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from allauth.account.utils import perform_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from oneview.accounts import invitations
from oneview.accounts.forms import WelcomeForm
from oneview.accounts.middleware import open_account
from oneview.accounts.models import Invitation, User
from oneview.common.errors import Conflict, NotFound
from oneview.common.ratelimit import is_within

RATE = "30/minute"  # of one address


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def answer_invitation(request: HttpRequest, account_id: int, word: str) -> HttpResponse:
    """Somebody new chooses name and password, who exists joins after signing in. Every link that leads nowhere answers
    the same.
    """
    if not is_within(RATE, "invitation", request.META.get("REMOTE_ADDR", "")):
        return render(request, "account/invitation_gone.html", {"is_limited": True}, status=429)
    invitation = invitations.find_invitation(account_id, word)
    if invitation is None:
        return render(request, "account/invitation_gone.html", status=404)
    try:
        if User.objects.filter(email=invitation.email).exists():
            return _join(request, invitation, word)
        return _welcome(request, invitation, word)
    except (Conflict, NotFound):
        return render(request, "account/invitation_gone.html", status=404)


def _join(request: HttpRequest, invitation: Invitation, word: str) -> HttpResponse:
    user = request.user
    is_invited = isinstance(user, User) and user.email == invitation.email
    if request.method == "POST" and isinstance(user, User) and is_invited:
        invitations.accept(invitation.account_id, word, user=user)
        open_account(request, invitation.account_id, user=user)
        return redirect("inbox:page")
    context = {"invitation": invitation, "is_invited": is_invited}
    return render(request, "account/invitation_join.html", context)


def _welcome(request: HttpRequest, invitation: Invitation, word: str) -> HttpResponse:
    form = WelcomeForm(*([request.POST] if request.method == "POST" else []), email=invitation.email)
    if request.method != "POST" or not form.is_valid():
        context = {"invitation": invitation, "form": form}
        return render(request, "account/invitation_welcome.html", context, status=400 if form.errors else 200)
    member = invitations.accept(invitation.account_id, word, **form.cleaned_data)
    if request.user.is_authenticated:
        get_adapter(request).logout(request)
    open_account(request, invitation.account_id, user=member.user)
    return perform_login(request, member.user)  # type: ignore[no-any-return]
