"""The form that connects a channel: its fields are what the adapter says it needs. Secrets go in and never come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from cryptography.fernet import InvalidToken
from django import forms
from django.utils.translation import gettext as _

from channels_ingest.base import ChannelAdapter, Field, secrets
from channels_ingest.models import Channel

PREFIX = "credential_"
CURRENT_SECRETS = 2
WIDE = {"class": "vTextField"}


class ChannelForm(forms.ModelForm[Channel]):
    """Made complete by `build_form`. `collect_credentials` is the document to store."""

    adapter: ChannelAdapter

    class Meta:
        model = Channel
        fields = ("name", "external_id")
        widgets: ClassVar[dict[str, forms.Widget]] = {
            name: forms.TextInput(attrs=WIDE) for name in ("name", "external_id")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = read_credentials(self.instance)
        if self.instance._state.adding:
            self.fields["external_id"].label = self.adapter.external_id_label
        else:
            del self.fields["external_id"]
        for field in self.adapter.credentials:
            entry = self.fields[PREFIX + field.name]
            if field.secret:
                has_one = bool(secrets(self.stored, field.name))
                entry.required = field.required and not has_one
                if has_one:
                    entry.help_text = " ".join(filter(None, (field.help, explain_secret(field))))
            else:
                entry.initial = ", ".join(secrets(self.stored, field.name))

    def collect_credentials(self) -> dict[str, Any]:
        """What was entered over what is stored. A rotating secret keeps the former value beside the new one."""
        found = dict(self.stored)
        for field in self.adapter.credentials:
            given = self.cleaned_data[PREFIX + field.name].strip()
            if field.secret and not given:
                continue
            former = [each for each in secrets(self.stored, field.name) if each != given]
            found[field.name] = [given, *former][:CURRENT_SECRETS] if field.rotates and former else given
        return found


def build_form(adapter: ChannelAdapter) -> type[ChannelForm]:
    """The form of one kind of channel."""
    entries: dict[str, Any] = {PREFIX + field.name: make_entry(field) for field in adapter.credentials}
    return type("ChannelForm", (ChannelForm,), {**entries, "adapter": adapter})


def make_entry(field: Field) -> forms.CharField:
    if field.is_url:
        return forms.URLField(
            label=field.label,
            help_text=field.help,
            required=field.required,
            widget=forms.URLInput(attrs=WIDE),
            max_length=2000,
            assume_scheme="https",
        )
    hidden = forms.PasswordInput(attrs={**WIDE, "autocomplete": "new-password"})
    widget = hidden if field.secret else forms.TextInput(attrs=WIDE)
    return forms.CharField(
        label=field.label, help_text=field.help, required=field.required, widget=widget, max_length=4000
    )


def explain_secret(field: Field) -> str:
    if field.rotates:
        return _("Stored. Leave empty to keep it. A new one stands beside the former, until that is dropped.")
    return _("Stored. Leave empty to keep it.")


def list_rotating(adapter: ChannelAdapter, credentials: Mapping[str, Any]) -> list[Field]:
    """The secrets that have a new and a former value."""
    return [field for field in adapter.credentials if field.rotates and len(secrets(credentials, field.name)) > 1]


def read_credentials(channel: Channel) -> Mapping[str, Any]:
    """Empty for a new channel, and for one whose key was lost: then all of it has to be entered again."""
    if channel._state.adding:
        return {}
    try:
        return dict(channel.credentials)
    except InvalidToken:
        return {}
