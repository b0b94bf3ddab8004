"""Fields of forms that offer what the account has, as boxes to tick."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms

from inbox.selectors.channels import list_channels

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


class Boxes(forms.TypedMultipleChoiceField):
    """Any number of them, none included."""

    def __init__(
        self, *, label: StrOrPromise, coerce: Callable[[Any], Any] = UUID, help_text: StrOrPromise = ""
    ) -> None:
        super().__init__(
            label=label, coerce=coerce, required=False, widget=forms.CheckboxSelectMultiple, help_text=help_text
        )


def offer(form: forms.BaseForm, name: str, choices: Iterable[tuple[object, str]]) -> None:
    """`choices`: value and words of each."""
    field = form.fields[name]
    assert isinstance(field, Boxes)
    field.choices = [(str(value), words) for value, words in choices]


def offer_channels(form: forms.BaseForm, account_id: int) -> None:
    offer(form, "channels", ((each.id, f"{each.name} ({each.label})") for each in list_channels(account_id)))
