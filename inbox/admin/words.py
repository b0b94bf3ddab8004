"""Admin pages of what an account wants to know of its contacts: attributes and tags."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from inbox.forms import add_errors
from inbox.models import AttributeDefinition, Tag
from inbox.services.words import add_tag, check_attribute, check_tag, remove_attribute, remove_tag, save_attribute
from oneview.accounts.admin_site import EditableAdmin, account_of, actor_of, is_allowed, register
from oneview.accounts.permissions import Operation
from oneview.common.errors import Invalid


class AttributeForm(forms.ModelForm[AttributeDefinition]):
    account_id: int
    choices = SimpleArrayField(
        forms.CharField(max_length=80),
        label=_("Choices"),
        delimiter="\n",
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("Of a choice: one a line."),
    )

    class Meta:
        model = AttributeDefinition
        fields = ("label", "name", "type", "choices", "group", "position")
        help_texts = {  # noqa: RUF012
            "name": _("Letters, digits, hyphens and underscores; programs use it, so it stays."),
            "group": _("Attributes of one group stand together: Company."),
        }

    def clean_choices(self) -> list[str]:
        lines = (" ".join(line.split()) for line in self.cleaned_data["choices"])
        return list(dict.fromkeys(filter(None, lines)))

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            try:
                check_attribute(self.account_id, self.instance)
            except Invalid as refused:
                add_errors(self, refused)


class TagForm(forms.ModelForm[Tag]):
    account_id: int

    class Meta:
        model = Tag
        fields = ("name",)

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            try:
                check_tag(self.account_id, self.instance)
            except Invalid as refused:
                add_errors(self, refused)


class WordAdmin(EditableAdmin):
    """Removing asks first; the objects that use a word are no rows of the database."""

    operation = Operation.MANAGE_WORDS

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return is_allowed(request, self.operation)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)
        form.account_id = account_of(request).pk
        return form

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for word in queryset:
            self.delete_model(request, word)


@register(AttributeDefinition)
class AttributeAdmin(WordAdmin):
    form = AttributeForm
    list_display = ("label", "name", "type", "group", "position")
    list_filter = ("type",)
    fields = ("label", "name", "type", "choices", "group", "position")
    ordering = ("group", "position", "label")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("name",) if obj else ()

    def save_model(self, request: HttpRequest, obj: AttributeDefinition, form: Any, change: bool) -> None:
        save_attribute(account_of(request), obj, actor=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: AttributeDefinition) -> None:
        remove_attribute(account_of(request), obj, actor=actor_of(request))


@register(Tag)
class TagAdmin(WordAdmin):
    """Contacts name their tags, so a tag is never renamed."""

    form = TagForm
    list_display = ("name",)
    fields = ("name",)
    ordering = ("name",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Tag, form: Any, change: bool) -> None:
        add_tag(account_of(request), obj, actor=actor_of(request))

    def delete_model(self, request: HttpRequest, obj: Tag) -> None:
        remove_tag(account_of(request), obj, actor=actor_of(request))
