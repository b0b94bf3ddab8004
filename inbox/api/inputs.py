"""What the API takes. A name it does not know is an error: a misspelt filter must not answer with everything."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from inbox.attributes import NAMED
from inbox.models.endpoint import Endpoint
from inbox.models.thread import Status
from inbox.realtime import TYPES
from inbox.services.details import MOST_TAGS
from inbox.services.labels import MOST_FIELDS, MOST_LABELS
from inbox.services.notes import MOST_CHARACTERS as MOST_NOTE

MOST_TEXT = 20_000
MOST_ATTACHMENTS = 10


class Strict(serializers.Serializer[Any]):
    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError(dict.fromkeys(unknown, "There is no such field."), code="unknown")
        return super().to_internal_value(data)


class Label(serializers.CharField):
    """A word or a few, on one line."""

    def __init__(self) -> None:
        super().__init__(max_length=100)


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "maxLength": 1000, "nullable": True},
            {"type": "number", "minimum": -(1 << 53), "maximum": 1 << 53},
            {"type": "boolean"},
        ],
    }
)
class FieldValue(serializers.Field[Any, Any, Any, Any]):
    """A text, a number or a truth. Numbers are those that every JSON reader keeps exactly."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, str):
            return serializers.CharField(max_length=1000, allow_blank=True, trim_whitespace=False).run_validation(data)
        if isinstance(data, bool) or (isinstance(data, int | float) and math.isfinite(data) and abs(data) <= 1 << 53):
            return data
        raise serializers.ValidationError("Give a text, a number, true, false or null.")


class ConversationFilters(Strict):
    status = serializers.ChoiceField([*Status.values, "all"], default="all")
    channel = serializers.UUIDField(required=False)
    team = serializers.UUIDField(required=False)
    assignee = serializers.CharField(max_length=20, required=False, help_text="me, none or the id of an agent")
    label = serializers.CharField(max_length=100, required=False)  # type: ignore[assignment]
    unread = serializers.BooleanField(default=False)
    q = serializers.CharField(max_length=200, required=False)
    cursor = serializers.CharField(max_length=100, required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=40)


class ConversationChanges(Strict):
    status = serializers.ChoiceField(Status.choices, required=False)
    snoozed_until = serializers.DateTimeField(required=False, allow_null=True)
    assignee = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=(1 << 63) - 1)
    team = serializers.UUIDField(required=False, allow_null=True)
    labels = serializers.ListField(child=Label(), max_length=MOST_LABELS, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("snoozed_until") and attrs.get("status") != Status.SNOOZED:
            raise serializers.ValidationError({"snoozed_until": "Only together with the status snoozed."})
        return attrs


class MessagePage(Strict):
    before = serializers.UUIDField(required=False)
    after = serializers.UUIDField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=30)
    expand = serializers.ChoiceField(["context"], required=False)


class NewMessage(Strict):
    client_id = serializers.RegexField(
        r"^[ -~]{1,64}\Z", trim_whitespace=False, help_text="The caller's own name of this message"
    )
    text = serializers.CharField(max_length=MOST_TEXT, allow_blank=True, default="", trim_whitespace=False)
    thread = serializers.UUIDField(required=False)
    private = serializers.BooleanField(default=False)
    attachments = serializers.ListField(child=serializers.UUIDField(), max_length=MOST_ATTACHMENTS, required=False)
    reply_to = serializers.UUIDField(required=False)


class NewHandover(Strict):
    reason = serializers.CharField(max_length=300)
    summary = serializers.CharField(max_length=4000, allow_blank=True, default="")
    team = serializers.UUIDField(required=False)


class NewConversation(Strict):
    """Either `text` or `template`, the provider's own document with its `name`."""

    contact = serializers.UUIDField()
    channel = serializers.UUIDField()
    client_id = serializers.RegexField(
        r"^[ -~]{1,64}\Z", trim_whitespace=False, help_text="The caller's own name of this message"
    )
    text = serializers.CharField(max_length=MOST_TEXT, required=False, trim_whitespace=False)
    template = serializers.DictField(required=False)

    def validate_template(self, given: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(given.get("name"), str) or not given["name"].strip():
            raise serializers.ValidationError("Give the name of the template.")
        try:
            document = json.dumps(given, allow_nan=False, ensure_ascii=False).encode()
        except ValueError:
            raise serializers.ValidationError("This holds what can't be stored.") from None
        if b"\\u0000" in document or len(document) > MOST_TEXT:
            raise serializers.ValidationError("This is too long or holds what can't be stored.")
        return given

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("text" in attrs) == ("template" in attrs):
            raise serializers.ValidationError("Give either a text or a template.")
        return {"text": "", **attrs}


class MessageChanges(Strict):
    labels = serializers.ListField(child=Label(), max_length=MOST_LABELS, required=False)
    fields = serializers.DictField(  # type: ignore[assignment]
        child=FieldValue(allow_null=True),
        required=False,
        help_text=f"Those named are set, null takes one away; up to {MOST_FIELDS} names of up to 60 characters.",
    )

    def validate_fields(self, given: dict[str, Any]) -> dict[str, Any]:
        name = serializers.CharField(max_length=60, trim_whitespace=False)
        return {name.run_validation(key): value for key, value in given.items()}


class ReadUpTo(Strict):
    up_to = serializers.UUIDField()


class ContactChanges(Strict):
    version = serializers.IntegerField(min_value=0, max_value=(1 << 31) - 1)
    name = serializers.CharField(max_length=1000, allow_blank=True, required=False)
    phone = serializers.CharField(max_length=60, allow_blank=True, required=False)
    email = serializers.CharField(max_length=254, allow_blank=True, required=False)
    language = serializers.CharField(max_length=60, allow_blank=True, required=False)
    attributes = serializers.DictField(
        child=FieldValue(allow_null=True),
        required=False,
        help_text="Of those that the account defined; those named are set, null takes the value away.",
    )
    tags = serializers.ListField(
        child=serializers.CharField(max_length=40),
        max_length=MOST_TAGS,
        required=False,
        help_text="All tags that the contact is to have, of those that the account defined.",
    )

    def validate_attributes(self, given: dict[str, Any]) -> dict[str, Any]:
        if beside := [name for name in given if name in NAMED]:
            raise serializers.ValidationError(dict.fromkeys(beside, "This stands beside the attributes."))
        return given


class Block(Strict):
    spam = serializers.BooleanField(default=False)


# A field that is called as a word of the language.
OtherContact = type("OtherContact", (Strict,), {"with": serializers.UUIDField(help_text="The other contact")})


class Split(Strict):
    evidence = serializers.IntegerField(
        min_value=1, max_value=(1 << 63) - 1, required=False, help_text="Takes back this one link"
    )
    identity = serializers.UUIDField(required=False, help_text="Takes back every link of this identity")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("Name either a piece of evidence or an identity.")
        return attrs


class NewNote(Strict):
    text = serializers.CharField(max_length=MOST_NOTE)


class Revert(Strict):
    field = serializers.CharField(max_length=60, help_text="One of those that the entry changed")
    current = serializers.CharField(
        max_length=1000,
        allow_blank=True,
        required=False,
        trim_whitespace=False,
        help_text="The value that the caller knows: 409 when another one stands by now. Not asked for tags and labels",
    )


class CannedFilters(Strict):
    q = serializers.CharField(max_length=60, required=False, help_text="Looked for in shortcut, title and text")


class NewCannedReply(Strict):
    shortcut = serializers.CharField(max_length=40)
    title = serializers.CharField(max_length=120)
    text = serializers.CharField(max_length=4000)


class CannedReplyChanges(NewCannedReply):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.partial = True


class Expansion(Strict):
    expand = serializers.ChoiceField(["context"], required=False)


class EventsAfter(Strict):
    after = serializers.IntegerField(min_value=0, max_value=(1 << 63) - 1, required=False)


@extend_schema_field({"type": "string", "format": "uri", "maxLength": 2000})
class Address(serializers.CharField):
    """What may be called is decided by who calls it."""


class NewEndpoint(Strict):
    url = Address(max_length=2000)
    events = serializers.ListField(child=serializers.ChoiceField(TYPES), min_length=1, max_length=len(TYPES))
    bot = serializers.CharField(max_length=120, required=False, help_text="Whose address it is")


class EndpointChanges(Strict):
    state = serializers.ChoiceField(Endpoint.State.choices, required=False)
    events = serializers.ListField(
        child=serializers.ChoiceField(TYPES), min_length=1, max_length=len(TYPES), required=False
    )


class Replay(Strict):
    after = serializers.IntegerField(
        min_value=0, max_value=(1 << 63) - 1, required=False, help_text="The number of an event: what follows it"
    )
    since = serializers.DateTimeField(required=False, help_text="An instant: what happened from then on")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("Name either an event or an instant.")
        return attrs


class Page(Strict):
    """Of a list that goes from the newest to the oldest."""

    cursor = serializers.UUIDField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=50)


@extend_schema_field(OpenApiTypes.BINARY)
class UploadedFile(serializers.FileField):
    """Described as what is sent, not as an address to find it at."""


class Upload(Strict):
    file = UploadedFile(allow_empty_file=False)
