"""What Meta says of the account, the number or a template: shown to supervisors with all its words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from channels_ingest.events import ChannelNotice
from channels_ingest.payload import read_text

# Fields that tell of the account or the number, with the kind of their notice.
NOTICES = {
    "account_alerts": "alert",
    "account_review_update": "account",
    "account_update": "account",
    "business_capability_update": "limits",
    "message_template_quality_update": "template",
    "message_template_status_update": "template",
    "phone_number_name_update": "number",
    "phone_number_quality_update": "quality",
    "security": "security",
    "template_category_update": "template",
}
_SEVERE = {
    "ACCOUNT_DELETED",
    "ACCOUNT_OFFBOARDED",
    "ACCOUNT_RESTRICTION",
    "ACCOUNT_VIOLATION",
    "CRITICAL",
    "DISABLE",
    "DISABLED",
    "DISABLED_UPDATE",
    "DOWNGRADE",
    "FLAGGED",
    "PARTNER_REMOVED",
    "PAUSED",
    "PENDING_DELETION",
    "REJECTED",
    "SCHEDULE_FOR_DISABLE",
}


def build_notice(recipient: str, time: datetime, *, field: str, body: dict[str, Any]) -> ChannelNotice:
    words = list(_flatten(body))
    text = ", ".join(f"{key} {word}" for key, word in words)
    return ChannelNotice(
        recipient,
        time,
        NOTICES[field],
        f"{field.replace('_', ' ').capitalize()}: {text}"[:500],
        severe=any(word in _SEVERE for _, word in words),
    )


def _flatten(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flatten(item, read_text(name, limit=60).replace("_", " "))
    elif isinstance(value, list):
        for item in value:
            yield from _flatten(item, key)
    elif word := read_text(value, limit=200):
        yield key, word
