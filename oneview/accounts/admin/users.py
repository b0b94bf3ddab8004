"""Admin pages of users."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest

from oneview.accounts.admin_site import OperatorAdmin, register
from oneview.accounts.models import User


@register(User)
class UserAdmin(OperatorAdmin):
    """A new user chooses a password through "Forgot your password?"; `manage.py changepassword` sets one."""

    list_display = ("email", "name", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("email", "name")
    ordering = ("email",)
    fields = ("email", "name", "language", "time_zone", "is_active", "is_superuser", "last_login", "date_joined")
    readonly_fields = ("last_login", "date_joined")

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm[User], change: bool) -> None:
        obj.email = obj.email.lower()
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)
