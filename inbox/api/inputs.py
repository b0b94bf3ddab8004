"""What the API takes. A name it does not know is an error: a misspelt filter must not answer with everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from inbox.models.thread import Status

MOST_TEXT = 20_000
MOST_ATTACHMENTS = 10


class Strict(serializers.Serializer[Any]):
    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError(dict.fromkeys(unknown, "There is no such field."), code="unknown")
        return super().to_internal_value(data)


class ConversationFilters(Strict):
    status = serializers.ChoiceField([*Status.values, "all"], default="all")
    channel = serializers.UUIDField(required=False)
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

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("snoozed_until") and attrs.get("status") != Status.SNOOZED:
            raise serializers.ValidationError({"snoozed_until": "Only together with the status snoozed."})
        return attrs


class MessagePage(Strict):
    before = serializers.UUIDField(required=False)
    after = serializers.UUIDField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=30)


class NewMessage(Strict):
    client_id = serializers.CharField(max_length=64)
    text = serializers.CharField(max_length=MOST_TEXT, allow_blank=True, default="", trim_whitespace=False)
    thread = serializers.UUIDField(required=False)
    private = serializers.BooleanField(default=False)
    attachments = serializers.ListField(child=serializers.UUIDField(), max_length=MOST_ATTACHMENTS, required=False)
    reply_to = serializers.UUIDField(required=False)


class ReadUpTo(Strict):
    up_to = serializers.UUIDField()


class ContactChanges(Strict):
    version = serializers.IntegerField(min_value=0, max_value=(1 << 31) - 1)
    name = serializers.CharField(max_length=1000, allow_blank=True, required=False)
    phone = serializers.CharField(max_length=60, allow_blank=True, required=False)
    email = serializers.CharField(max_length=254, allow_blank=True, required=False)
    language = serializers.CharField(max_length=60, allow_blank=True, required=False)


class Split(Strict):
    evidence = serializers.IntegerField(min_value=1, max_value=(1 << 63) - 1)


class Expansion(Strict):
    expand = serializers.ChoiceField(["context"], required=False)


class EventsAfter(Strict):
    after = serializers.IntegerField(min_value=0, max_value=(1 << 63) - 1, required=False)


class Upload(Strict):
    file = serializers.FileField(allow_empty_file=False)
