"""Admin pages of accounts, users, members, tokens and the audit."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from oneview.accounts import services
from oneview.accounts.admin_site import (
    EditableAdmin,
    OperatorAdmin,
    ScopedAdmin,
    account_of,
    actor_of,
    is_allowed,
    is_operator,
    register,
    role_of,
)
from oneview.accounts.models import Account, ApiToken, AuditEntry, Membership, Role, Team, User
from oneview.accounts.permissions import SUPERVISOR, Operation


@register(Account)
class AccountAdmin(OperatorAdmin):
    """Supervisors read their own; only operators change plans and windows."""

    list_display = ("name", "slug", "plan", "window_days", "created_at")
    fields = ("name", "slug", "plan", "window_days", "language", "time_zone", "region", "purged_to", "created_at")
    readonly_fields = ("purged_to", "created_at")
    ordering = ("name",)

    def has_view_permission(self, request: HttpRequest, obj: Account | None = None) -> bool:
        return is_allowed(request, Operation.MANAGE_ACCOUNT)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Account]:
        accounts: QuerySet[Account] = super().get_queryset(request)
        return accounts if is_operator(request) else accounts.filter(pk=account_of(request).pk)

    def save_model(self, request: HttpRequest, obj: Account, form: forms.ModelForm[Account], change: bool) -> None:
        super().save_model(request, obj, form, change)
        new = {name: form.cleaned_data[name] for name in form.changed_data}
        old = {name: form.initial.get(name) for name in form.changed_data} if change else None
        action = "account.change" if change else "account.add"
        services.record_audit(obj.pk, actor=actor_of(request), action=action, target=obj.slug, old=old, new=new)


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


class MemberForm(forms.ModelForm[Membership]):
    """A new member is named by e-mail; a member's role and whether they are active can change."""

    email = forms.EmailField(label=_("E-mail"))
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        required=False,
        help_text=_("They choose a password through “Forgot your password?” on the sign-in page."),
    )

    class Meta:
        model = Membership
        fields = ("role",)


@register(Membership)
class MemberAdmin(ScopedAdmin):
    """Supervisors manage the members of their account; an operator sees all memberships and may change them."""

    operation = Operation.MANAGE_MEMBERS

    list_display = ("user", "email", "role", "is_active", "created_at")
    list_filter = ("role", "is_active")
    list_select_related = ("user",)
    search_fields = ("user__email", "user__name")
    ordering = ("id",)

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

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            return MemberForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return ("email", "name", "role") if obj is None else ("user", "email", "role", "is_active", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return () if obj is None else ("user", "email", "created_at")

    @admin.display(description=_("E-mail"), ordering="user__email")
    def email(self, membership: Membership) -> str:
        return membership.user.email

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:
        wanted = form.cleaned_data
        if change:
            role, is_active = Role(wanted["role"]), wanted["is_active"]
            services.update_member(obj, role=role, is_active=is_active, actor=actor_of(request))
        else:
            made = services.create_member(
                account_of(request),
                email=wanted["email"],
                name=wanted["name"],
                role=Role(wanted["role"]),
                actor=actor_of(request),
            )
            obj.pk, obj.account, obj.user = made.pk, made.account, made.user


@register(Team)
class TeamAdmin(EditableAdmin):
    operation = Operation.MANAGE_TEAMS
    list_display = ("name",)
    fields = ("name",)
    ordering = ("name",)

    def save_model(self, request: HttpRequest, obj: Team, form: Any, change: bool) -> None:
        obj.account = account_of(request)
        services.save_team(obj, actor=actor_of(request))


@register(ApiToken)
class ApiTokenAdmin(ScopedAdmin):
    """Tokens are made with `manage.py create_token`, which shows them once."""

    operation = Operation.MANAGE_BOTS

    list_display = ("owner", "created_at", "revoked_at")
    fields = ("owner", "created_at", "revoked_at")
    list_select_related = ("user",)
    ordering = ("-id",)
    actions = ("revoke",)

    @admin.display(description=_("Owner"))
    def owner(self, token: ApiToken) -> str:
        return str(token)

    @admin.action(description=_("Revoke the selected tokens"), permissions=["manage"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = services.revoke_tokens(account_of(request).id, ids=ids, actor=actor_of(request))
        messages.success(
            request, ngettext("%(count)d token revoked.", "%(count)d tokens revoked.", count) % {"count": count}
        )


@register(AuditEntry)
class AuditEntryAdmin(ScopedAdmin):
    operation = Operation.READ_AUDIT
    list_display = ("at", "actor_name", "action", "target")
    fields = ("at", "actor_name", "action", "target", "old", "new")
    search_fields = ("actor_name", "action", "target")
    ordering = ("-id",)
