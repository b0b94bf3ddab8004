"""Admin pages of accounts."""

from __future__ import annotations

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest

from oneview.accounts import services
from oneview.accounts.admin_site import (
    OperatorAdmin,
    account_of,
    actor_of,
    is_allowed,
    is_operator,
    register,
)
from oneview.accounts.models import Account
from oneview.accounts.permissions import Operation


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
