"""What users set for themselves, and which of their accounts is open."""

from __future__ import annotations

from typing import cast
from zoneinfo import available_timezones

from django.apps import apps
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from inbox import forms
from inbox.views.base import member_view, user_of
from oneview.accounts import services as accounts
from oneview.accounts.middleware import AccountRequest, open_account
from oneview.accounts.permissions import Operation
from oneview.accounts.selectors import find_membership
from oneview.common.errors import NotFound


@member_view(post=Operation.EDIT_PROFILE)
def save_preferences(request: AccountRequest) -> HttpResponse:
    wanted = forms.read_form(forms.PreferencesForm(request.POST))
    given = {name: each for name, each in wanted.items() if each not in (None, "")}
    accounts.save_preferences(user_of(request), **given)
    return HttpResponse(status=204)


@member_view(get=Operation.EDIT_PROFILE, post=Operation.EDIT_PROFILE)
def edit_profile(request: AccountRequest) -> HttpResponse:
    user = user_of(request)
    if request.method == "POST":
        form = forms.ProfileForm(request.POST)
        if form.is_valid():
            accounts.save_preferences(user, **cast(accounts.Preferences, form.cleaned_data))
            messages.success(request, _("Saved."))
            return redirect("inbox:profile")
    else:
        form = forms.ProfileForm(initial={name: getattr(user, name) for name in forms.ProfileForm.base_fields})
    context = {"form": form, "zones": sorted(available_timezones()), "has_mfa": apps.is_installed("allauth.mfa")}
    return render(request, "inbox/profile.html", context, status=400 if form.errors else 200)


@member_view(post=Operation.SWITCH_ACCOUNT)
def switch_account(request: AccountRequest) -> HttpResponse:
    """Raises NotFound for what is none of the user's accounts."""
    wanted = forms.read_form(forms.AccountForm(request.POST))["account"]
    membership = find_membership(user_of(request).pk, account_id=wanted)
    if membership is None or membership.account_id != wanted:
        raise NotFound
    open_account(request, wanted, user=user_of(request))
    return redirect("inbox:page")


@member_view(post=Operation.GO_AWAY)
def go_away(request: AccountRequest) -> HttpResponse:
    """Or come back."""
    is_away = forms.read_form(forms.AwayForm(request.POST))["away"]
    accounts.set_away(request.membership, is_away=is_away, actor=user_of(request))
    return HttpResponse(status=204)
