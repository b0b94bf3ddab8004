"""The admin page of invitations."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext, pgettext

from oneview.accounts import invitations
from oneview.accounts.admin_site import EditableAdmin, account_of, actor_of, register
from oneview.accounts.models import Invitation, Role
from oneview.accounts.permissions import Operation


@register(Invitation)
class InvitationAdmin(EditableAdmin):
    """An invitation is sent, sent again and withdrawn; nothing in it changes."""

    operation = Operation.MANAGE_MEMBERS
    list_display = ("email", "role", "state", "invited_by", "created_at", "expires_at")
    list_filter = ("role",)
    list_select_related = ("invited_by",)
    search_fields = ("email",)
    ordering = ("-id",)
    fields = ("email", "role")
    actions = ("send_again", "withdraw")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Of the account that is open: an operator has none."""
        return getattr(request, "account", None) is not None and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> tuple[str, ...]:
        more = ("state", "invited_by", "created_at", "expires_at", "accepted_at")
        return (*self.fields, *more) if obj else self.fields

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        help_texts = {"email": _("A link is sent there, with which they join. It is valid for seven days.")}
        return super().get_form(request, obj, change, help_texts=help_texts, **kwargs)

    @admin.display(description=_("State"))
    def state(self, invitation: Any) -> str | Promise:
        if invitation.accepted_at:
            return _("Accepted")
        if invitation.is_expired:
            return _("Expired")
        return pgettext("invitation", "Sent") if invitation.hash else _("About to be sent")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        dated: QuerySet[Any] = super().get_queryset(request).annotate(is_expired=Q(expires_at__lte=Now()))
        return dated

    def save_model(self, request: HttpRequest, obj: Invitation, form: Any, change: bool) -> None:
        """One that waits already is sent again."""
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        obj.pk = invitations.invite(account_of(request), email=email, role=role, actor=actor_of(request)).pk

    @admin.action(description=_("Send the selected invitations again"), permissions=["manage"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = invitations.send_again(account_of(request).id, ids, actor=actor_of(request))
        messages.success(
            request,
            ngettext("%(count)d invitation is sent.", "%(count)d invitations are sent.", count) % {"count": count},
        )

    @admin.action(description=_("Withdraw the selected invitations"), permissions=["manage"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        count = invitations.withdraw(account_of(request).id, ids, actor=actor_of(request))
        said = ngettext("%(count)d invitation withdrawn.", "%(count)d invitations withdrawn.", count)
        messages.success(request, said % {"count": count})
