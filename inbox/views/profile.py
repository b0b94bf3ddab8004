"""What users set for themselves."""

from __future__ import annotations

from django.http import HttpResponse

from inbox import forms
from inbox.views.base import member_view, user_of
from oneview.accounts import services as accounts
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation


@member_view(post=Operation.EDIT_PROFILE)
def save_preferences(request: AccountRequest) -> HttpResponse:
    wanted = forms.read_form(forms.PreferencesForm(request.POST))
    given = {name: each for name, each in wanted.items() if each not in (None, "")}
    accounts.save_preferences(user_of(request), **given)
    return HttpResponse(status=204)
