"""Forms of pages around signing in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import password_validators_help_text_html, validate_password
from django.utils.translation import gettext_lazy as _

from oneview.accounts.models import User


class WelcomeForm(forms.Form):
    """What somebody new says of themselves."""

    name = forms.CharField(label=_("Your name"), max_length=120, widget=forms.TextInput({"autocomplete": "name"}))
    password = forms.CharField(
        label=_("Password"),
        max_length=1024,
        strip=False,
        help_text=password_validators_help_text_html,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )

    def __init__(self, *given: Any, email: str) -> None:
        super().__init__(*given)
        self.email = email

    def clean(self) -> dict[str, Any]:
        name, password = (self.cleaned_data.get(each, "") for each in ("name", "password"))
        if password:
            try:
                validate_password(password, User(email=self.email, name=name))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return self.cleaned_data
