"""What the pages are asked: filters of the list, and posted commands, read from untrusted input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from inbox.shapes import ChannelShape, TeamShape
from oneview.accounts.models import User
from oneview.common.errors import FieldError, Invalid

BOXES = ("mine", "unassigned", "all", "mentions")
FILTERS = ("box", "status", "unread", "channel", "team", "label", "q")
STATUSES = ("open", "snoozed", "resolved", "all")
MOST_CHARACTERS = 200
MOST_FILES = 10
MOST_FILE_BYTES = 25_000_000


def name_status(status: str) -> str:
    return {"open": _("Open"), "snoozed": _("Snoozed"), "resolved": _("Resolved"), "all": _("Every status")}[status]


def default_status(box: str) -> str:
    """A mention counts wherever it is, work to do only while it is open."""
    return "all" if box == "mentions" else "open"


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The filters of the list as they stand in its address. What can't be read counts as not said."""

    box: str = "mine"
    status: str = "open"
    unread: bool = False
    channel: UUID | None = None
    team: UUID | None = None
    label: str = ""
    q: str = ""
    cursor: str | None = None
    channels: tuple[ChannelShape, ...] = ()
    teams: tuple[TeamShape, ...] = ()

    @classmethod
    def read(
        cls, given: Mapping[str, str], *, channels: tuple[ChannelShape, ...], teams: tuple[TeamShape, ...]
    ) -> ListQuery:
        box, status = given.get("box", ""), given.get("status", "")
        box = box if box in BOXES else "mine"
        return cls(
            box=box,
            status=status if status in STATUSES else default_status(box),
            unread=given.get("unread") == "1",
            channel=next((channel.id for channel in channels if str(channel.id) == given.get("channel")), None),
            team=next((team.id for team in teams if str(team.id) == given.get("team")), None),
            label=given.get("label", "")[:MOST_CHARACTERS],
            q=given.get("q", "").strip()[:MOST_CHARACTERS],
            cursor=given.get("cursor") or None,
            channels=channels,
            teams=teams,
        )

    def address(self, **changes: Any) -> str:
        """The query string of this list with some filters changed; defaults are left out, and change with the box."""
        if "box" in changes and "status" not in changes and self.status == default_status(self.box):
            changes["status"] = default_status(changes["box"])
        query = replace(self, **changes)
        plain = ListQuery(status=default_status(query.box))
        said = {name: getattr(query, name) for name in FILTERS}
        return "?" + urlencode(
            {name: 1 if value is True else value for name, value in said.items() if value != getattr(plain, name)}
        )

    @property
    def filters(self) -> dict[str, Any]:
        """The arguments of `list_conversations`."""
        return {name: getattr(self, name) for name in (*FILTERS, "cursor")}

    @property
    def is_other_status(self) -> bool:
        return self.status != default_status(self.box)

    @property
    def is_narrowed(self) -> bool:
        """More than a box is asked for."""
        return bool(self.is_other_status or self.unread or self.channel or self.team or self.label or self.q)

    @property
    def status_name(self) -> str:
        return name_status(self.status)

    @property
    def statuses(self) -> list[tuple[str, str]]:
        return [(status, name_status(status)) for status in STATUSES]

    @property
    def channel_name(self) -> str:
        return next((channel.name for channel in self.channels if channel.id == self.channel), "")

    @property
    def team_name(self) -> str:
        return next((team.name for team in self.teams if team.id == self.team), "")


class SendForm(forms.Form):
    client_id = forms.CharField(max_length=64)
    text = forms.CharField(max_length=20_000, required=False, strip=False)
    thread = forms.UUIDField(required=False)
    private = forms.BooleanField(required=False)
    reply_to = forms.UUIDField(required=False)
    mentions = forms.CharField(max_length=400, required=False)

    def clean_mentions(self) -> tuple[int, ...]:
        """Ids of members, parted by spaces."""
        return tuple(int(id) for id in self.cleaned_data["mentions"].split() if id.isascii() and id.isdigit())


class MentionForm(forms.Form):
    message = forms.UUIDField()


class AssignForm(forms.Form):
    """What is not named stays; what is empty is nobody's."""

    assignee = forms.IntegerField(required=False)
    team = forms.UUIDField(required=False)


class StatusForm(forms.Form):
    status = forms.ChoiceField(choices=[(status, status) for status in STATUSES if status != "all"])
    snoozed_until = forms.CharField(required=False, max_length=40)

    def clean_snoozed_until(self) -> datetime | None:
        given = self.cleaned_data["snoozed_until"]
        at = parse_datetime(given) if given else None
        if given and (at is None or at.tzinfo is None):
            raise forms.ValidationError(_("Not an instant."))
        return at


class ReadForm(forms.Form):
    up_to = forms.UUIDField()


class UnreadForm(forms.Form):
    since = forms.UUIDField()


class LabelForm(forms.Form):
    """A label that is added or removed, or a field that is set; without a value it is taken away."""

    added = forms.CharField(max_length=100, required=False)
    removed = forms.CharField(max_length=100, required=False)
    name = forms.CharField(max_length=60, required=False)
    value = forms.CharField(max_length=1000, required=False)

    def clean(self) -> dict[str, Any]:
        """The arguments of `label_message`."""
        given = self.cleaned_data
        name = given.get("name")
        return {
            "added": [given["added"]] if given.get("added") else [],
            "removed": [given["removed"]] if given.get("removed") else [],
            "fields": {name: given.get("value") or None} if name else None,
        }


class StartForm(forms.Form):
    """A first message: a text, or the name and language of a template."""

    channel = forms.UUIDField()
    client_id = forms.CharField(max_length=64)
    text = forms.CharField(max_length=20_000, required=False, strip=False)
    template = forms.CharField(max_length=512, required=False)
    language = forms.CharField(max_length=20, required=False)

    def clean(self) -> dict[str, Any]:
        """`template` as the provider takes it."""
        given = self.cleaned_data
        name, language = given.get("template"), given.pop("language", "")
        return given | {"template": {"name": name, "language": {"code": language}} if name else None}


class BlockForm(forms.Form):
    spam = forms.BooleanField(required=False)


class FieldForm(forms.Form):
    name = forms.CharField(max_length=60)
    value = forms.CharField(max_length=1000, required=False)
    before = forms.CharField(max_length=1000, required=False)


class WordsForm(forms.Form):
    """One word to put on, or one to take off."""

    add = forms.CharField(required=False)
    remove = forms.CharField(required=False)

    def clean(self) -> dict[str, Any]:
        return {name: [word] if word else [] for name, word in self.cleaned_data.items()}


class TagForm(WordsForm):
    add = forms.CharField(max_length=40, required=False)


class ConversationLabelForm(WordsForm):
    add = forms.CharField(max_length=100, required=False)


class NoteForm(forms.Form):
    text = forms.CharField(max_length=10_000)


class RevertForm(forms.Form):
    entry = forms.UUIDField()
    field = forms.CharField(max_length=60)
    before = forms.CharField(max_length=1000, required=False)


class OtherForm(forms.Form):
    contact = forms.UUIDField()


class UndoForm(forms.Form):
    evidence = forms.IntegerField()


class CannedForm(forms.Form):
    shortcut = forms.CharField(label=_lazy("Shortcut"), max_length=40)
    title = forms.CharField(label=_lazy("Title"), max_length=120)
    text = forms.CharField(label=_lazy("Text"), max_length=4000, widget=forms.Textarea(attrs={"rows": 8}))


class ProfileForm(forms.Form):
    name = forms.CharField(label=_lazy("Name"), max_length=120, widget=forms.TextInput({"autocomplete": "name"}))
    language = forms.ChoiceField(label=_lazy("Language"), choices=settings.LANGUAGES)
    time_zone = forms.CharField(
        label=_lazy("Time zone"),
        max_length=64,
        help_text=_lazy("Times in the inbox are shown in this zone. Type to search, as in “Europe/Madrid”."),
        widget=forms.TextInput({"list": "zones", "autocomplete": "off"}),
    )
    theme = forms.ChoiceField(label=_lazy("Theme"), choices=User.THEMES, widget=forms.RadioSelect)
    single_keys = forms.BooleanField(
        label=_lazy("Single-key shortcuts"),
        help_text=_lazy("Keys such as E for “Resolve” work while you are in no field."),
        required=False,
    )

    def clean_time_zone(self) -> str:
        given: str = self.cleaned_data["time_zone"]
        if given not in available_timezones():
            raise forms.ValidationError(_("There is no time zone of this name."))
        return given


class AccountForm(forms.Form):
    account = forms.IntegerField(min_value=1, max_value=(1 << 63) - 1)


class AwayForm(forms.Form):
    away = forms.BooleanField(required=False)


class PreferencesForm(forms.Form):
    theme = forms.ChoiceField(choices=[("system", ""), ("light", ""), ("dark", "")], required=False)
    single_keys = forms.NullBooleanField(required=False)


def read_form(form: forms.Form) -> dict[str, Any]:
    """The cleaned values; raises Invalid."""
    if form.is_valid():
        return form.cleaned_data
    raise Invalid(
        *(
            FieldError(name, error.code or "invalid", "; ".join(error.messages))
            for name, found in form.errors.as_data().items()
            for error in found
        )
    )


def add_errors(form: forms.Form | forms.ModelForm[Any], refused: Invalid) -> None:
    """What a service refused, beside the fields."""
    for error in refused.errors:
        form.add_error(error.field, error.message)


def read_files(files: Sequence[object]) -> list[dict[str, Any]]:
    """The arguments of `store_upload` for each uploaded file. Raises Invalid for more or larger ones than are taken."""
    if len(files) > MOST_FILES:
        raise Invalid(FieldError("files", "too_many", _("At most %(n)s files at a time.") % {"n": MOST_FILES}))
    uploads = [file for file in files if isinstance(file, UploadedFile)]
    for file in uploads:
        if (file.size or 0) > MOST_FILE_BYTES:
            raise Invalid(FieldError("files", "too_large", _("%(name)s is larger than 25 MB.") % {"name": file.name}))
    return [
        {"name": file.name or "", "content_type": file.content_type or "", "content": file.read()} for file in uploads
    ]
