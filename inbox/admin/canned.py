"""Admin pages of the account's canned replies. Personal ones are their owners' alone."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from inbox.forms import add_errors
from inbox.models import CannedReply
from inbox.services.canned import check_canned, remove_canned, save_canned
from oneview.accounts.admin_site import EditableAdmin, account_of, actor_of, is_allowed, register
from oneview.accounts.permissions import Operation
from oneview.common.errors import Invalid


class ReplyForm(forms.ModelForm[CannedReply]):
    account_id: int

    class Meta:
        model = CannedReply
        fields = ("shortcut", "title", "text")
        help_texts: ClassVar = {
            "shortcut": _("Agents type / and this."),
            "text": _(
                "Variables are filled in: {{ contact.name }}, {{ contact.first_name }}, {{ contact.phone }}, "
                "{{ contact.email }}, {{ contact.… }} with the key of an attribute, {{ agent.name }}, "
                "{{ account.name }}, {{ channel.name }}."
            ),
        }

    def clean(self) -> None:
        shortcut, text = (self.cleaned_data.get(name, "") for name in ("shortcut", "text"))
        reply_id = None if self.instance._state.adding else self.instance.pk
        try:
            check_canned(self.account_id, owner=None, shortcut=shortcut, text=text, reply_id=reply_id)
        except Invalid as refused:
            add_errors(self, refused)


@register(CannedReply)
class CannedReplyAdmin(EditableAdmin):
    operation = Operation.MANAGE_WORDS
    form = ReplyForm
    list_display = ("shortcut", "title", "updated_at")
    search_fields = ("shortcut", "title")
    fields = ("shortcut", "title", "text")
    ordering = ("shortcut",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(owner=None)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.account_id = account_of(request).pk
        return form

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_allowed(request, self.operation)

    def save_model(self, request: HttpRequest, obj: CannedReply, form: Any, change: bool) -> None:
        saved = save_canned(
            account_of(request),
            owner=None,
            actor=actor_of(request),
            reply_id=obj.pk if change else None,
            **form.cleaned_data,
        )
        obj.pk = saved.pk

    def delete_model(self, request: HttpRequest, obj: CannedReply) -> None:
        remove_canned(account_of(request), obj.pk, owner=None, actor=actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[CannedReply]) -> None:
        for reply in queryset:
            self.delete_model(request, reply)
