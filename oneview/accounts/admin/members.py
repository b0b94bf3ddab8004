"""Admin pages of users, members and teams."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from oneview.accounts import services
from oneview.accounts.admin_site import (
    EditableAdmin,
    OperatorAdmin,
    ScopedAdmin,
    account_of,
    actor_of,
    is_operator,
    register,
    role_of,
)
from oneview.accounts.models import Membership, Role, Team, User
from oneview.accounts.permissions import SUPERVISOR, Operation


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


@register(Membership)
class MemberAdmin(ScopedAdmin):
    """Supervisors invite and change the members of their account; an operator sees all memberships and may change
    them.
    """

    operation = Operation.MANAGE_MEMBERS

    list_display = ("user", "email", "role", "is_active", "created_at")
    list_filter = ("role", "is_active")
    list_select_related = ("user",)
    search_fields = ("user__email", "user__name")
    ordering = ("id",)
    fields = ("user", "email", "role", "is_active", "created_at")
    readonly_fields = ("user", "email", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Into the account that one supervises."""
        return role_of(request) == SUPERVISOR and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return self.has_view_permission(request, obj)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        everything: QuerySet[Membership] = Membership.objects.order_by("id")
        return everything if is_operator(request) else everything.filter(account=account_of(request))

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return (*self.list_display, "account") if is_operator(request) else self.list_display

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return redirect("admin:accounts_invitation_add")

    @admin.display(description=_("E-mail"), ordering="user__email")
    def email(self, membership: Membership) -> str:
        return membership.user.email

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        role, is_active = Role(form.cleaned_data["role"]), form.cleaned_data["is_active"]
        services.update_member(obj, role=role, is_active=is_active, actor=actor_of(request))


@register(Team)
class TeamAdmin(EditableAdmin):
    operation = Operation.MANAGE_TEAMS
    list_display = ("name",)
    fields = ("name",)
    ordering = ("name",)

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        obj.account = account_of(request)
        services.save_team(obj, actor=actor_of(request))
