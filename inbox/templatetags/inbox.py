"""How the pages draw icons, channels, authors, texts and files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from django import template
from django.template.loader import render_to_string
from django.utils.html import Urlizer, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from lucide.templatetags.lucide import lucide

from inbox.calls import name_pattern
from inbox.forms import ListQuery
from inbox.models.thread import Status
from inbox.rendering import render_row
from inbox.shapes import Called, ChannelShape, Preview, Reaction

register = template.Library()

# fmt: off
ICONS = frozenset({
    "archive-restore", "arrow-down", "arrow-right", "ban", "bot", "camera", "check", "check-check", "chevron-down",
    "arrow-left-right", "at-sign",
    "chevron-left", "circle-alert", "circle-question-mark", "circle-user", "clock", "code", "contact", "download",
    "ellipsis", "eraser",
    "external-link", "file-text", "globe", "hash", "headset", "history", "image", "inbox", "keyboard", "link",
    "lock", "log-out", "mail", "map-pin", "message-circle", "message-square", "message-square-text", "plus",
    "bell", "coffee", "eye-off",
    "messages-square", "mic", "monitor", "moon", "panel-left", "panel-right", "paperclip", "pencil", "phone",
    "phone-call", "refresh-cw", "reply", "search", "send", "settings", "shield-alert", "shield-check",
    "smartphone", "sun", "tag",
    "trash-2", "triangle-alert", "undo-2", "user", "user-plus", "users", "video", "x", "zap",
})
# fmt: on

CHANNEL_ICONS = {
    "whatsapp": "phone",
    "telegram": "send",
    "messenger": "message-circle",
    "instagram": "camera",
    "sms": "message-square-text",
    "email": "mail",
    "webchat": "globe",
    "line": "messages-square",
    "viber": "phone-call",
    "slack": "hash",
    "api": "code",
}
STATUS_LOOKS = {
    "queued": ("clock", _("Being sent")),
    "sending": ("clock", _("Being sent")),
    "sent": ("check", _("Sent")),
    "delivered": ("check-check", _("Delivered")),
    "read": ("check-check", _("Read")),
    "failed": ("circle-alert", _("Not sent")),
    "unknown": ("circle-question-mark", _("Not known whether it arrived")),
}
TYPE_NAMES = {
    "image": _("Photo"),
    "audio": _("Voice message"),
    "video": _("Video"),
    "file": _("File"),
    "sticker": _("Sticker"),
    "location": _("Location"),
    "contact": _("Contact card"),
    "template": _("Template"),
    "unsupported": _("Message of a type that is not shown yet"),
}
TINTS = 6
CARD_ADDRESSES = 6


@cache
def _symbol(name: str) -> str:
    svg = lucide(name)
    return f'<symbol id="i-{name}" viewBox="0 0 24 24">{svg[svg.index(">") + 1 : svg.rindex("<")].strip()}</symbol>'


@register.simple_tag
@cache
def icon_sprite() -> SafeString:
    """The drawings that `icon` refers to; once in a page."""
    return mark_safe(f'<svg hidden aria-hidden="true">{"".join(map(_symbol, sorted(ICONS)))}</svg>')  # noqa: S308 (the drawings of a package)


@register.simple_tag
@cache
def icon(name: str, size: int = 16, extra: str = "") -> SafeString:
    """A decorative icon; KeyError for one that is not in the sprite."""
    if name not in ICONS:
        raise KeyError(name)
    return format_html(
        '<svg class="icon{}" width="{}" height="{}" aria-hidden="true"><use href="#i-{}"/></svg>',
        f" {extra}" if extra else "",
        size,
        size,
        name,
    )


@register.simple_tag
def channel_mark(channel: ChannelShape, size: int = 11) -> SafeString:
    """A channel's mark with its name for those who do not see it."""
    return format_html(
        '<span class="mark mark-{}" title="{}">{}<span class="sr">{}</span></span>',
        channel.kind,
        channel.label,
        icon("smartphone" if channel.in_app else CHANNEL_ICONS.get(channel.kind, "message-circle"), size),
        channel.label,
    )


register.simple_tag(render_row)


@register.simple_tag
def row_tools(status: str) -> SafeString:
    """The buttons of a list row, the same on every row of a status."""
    return _render_row_tools(status == Status.RESOLVED, get_language())


@cache
def _render_row_tools(is_resolved: bool, language: str) -> SafeString:
    return render_to_string("inbox/row_tools.html", {"is_resolved": is_resolved})


@register.simple_tag
def status_tick(status: str) -> SafeString:
    """The state of a message of ours: a named picture, nothing for messages of others."""
    look = STATUS_LOOKS.get(status)
    if look is None:
        return SafeString("")
    name, words = look
    return format_html(
        '<span class="tick tick-{}" role="img" aria-label="{}" title="{}">{}</span>',
        status,
        words,
        words,
        icon(name, 14),
    )


@register.filter
def media_icon(kind: str) -> str:
    return {"image": "image", "audio": "mic", "video": "video"}.get(kind, "file-text")


@register.filter
def initials(name: str) -> str:
    words = [word for word in name.split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"


@register.filter
def tint(id: UUID | int | None) -> int:
    """Which of the tints an avatar has: always the same for one id."""
    return int(id or 0) % TINTS


@register.filter
def instant(at: datetime | None) -> str:
    """An instant as the browser reads it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if at else ""


@register.filter
def file_size(size: int | None) -> str:
    if not size:
        return ""
    value, units = float(size), ["B", "kB", "MB", "GB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if value >= 10 or units[0] == "B" else f"{value:.1f} {units[0]}"


class _Linker(Urlizer):
    url_template = '<a href="{href}" target="_blank" rel="noopener noreferrer nofollow">{url}</a>'


_link = _Linker()


@register.filter
def linked(text: str) -> SafeString:
    """A message's text, escaped, its addresses as links."""
    return mark_safe(_link(text, trim_url_limit=60, autoescape=True))  # noqa: S308 (escaped by the linker)


@register.filter
def linked_calling(text: str, mentions: Iterable[Called]) -> SafeString:
    """The same with the names of those who are called as chips."""
    pattern = name_pattern(each.name for each in mentions)
    if pattern is None:
        return linked(text)
    pieces = pattern.split(text)  # every second one is a name
    chip = '<span class="chip called">@{}</span>'
    html = (format_html(chip, each) if at % 2 else linked(each) for at, each in enumerate(pieces))
    return mark_safe("".join(html))  # noqa: S308 (escaped piece by piece)


@register.filter
def called(mentions: Iterable[Called], which: str = "all") -> str:
    """Ids of those who are called, or of those who have not looked yet."""
    return " ".join(str(each.id) for each in mentions if which == "all" or not each.seen)


@register.filter
def gist(preview: Preview) -> str:
    """The one line a list row shows of a message."""
    if preview.redacted:
        return gettext("Message redacted")
    if preview.deleted:
        return gettext("Message deleted")
    return preview.text[:200] or str(TYPE_NAMES.get(preview.type, ""))


@dataclass(frozen=True, slots=True)
class ReactionGroup:
    emoji: str
    count: int
    names: str


@register.filter
def grouped(reactions: Iterable[Reaction]) -> list[ReactionGroup]:
    names: dict[str, list[str]] = {}
    for reaction in reactions:
        names.setdefault(reaction.emoji, []).append(reaction.author.name)
    return [ReactionGroup(emoji, len(who), ", ".join(who)) for emoji, who in names.items()]


@register.filter
def map_link(data: Mapping[str, Any]) -> str:
    """Where a location can be looked up; empty when it has no coordinates."""
    latitude, longitude = data.get("latitude"), data.get("longitude")
    if latitude is None or longitude is None:
        return ""
    return f"https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=16/{latitude}/{longitude}"


@register.filter
def card_addresses(data: Any) -> list[str]:
    """Phone numbers and e-mail addresses of a contact card, whatever the channel's shape of it."""
    found: list[str] = []
    pending = [("", data)]
    while pending and len(found) < CARD_ADDRESSES:
        key, value = pending.pop(0)
        if isinstance(value, Mapping):
            pending.extend((str(name), item) for name, item in value.items())
        elif isinstance(value, list):
            pending.extend((key, item) for item in value)
        elif isinstance(value, str) and key.rstrip("s") in ("phone", "phone_number", "email") and value not in found:
            found.append(value)
    return found


@register.simple_tag
def list_url(query: ListQuery, **changes: Any) -> str:
    """The address of the list with some filters changed."""
    return query.address(**changes)


@register.filter
def lag(wait: timedelta) -> str:
    """How long something waits for us, in words; a second or two is nothing."""
    seconds = int(wait.total_seconds())
    if seconds < 3:
        return gettext("at once")
    return gettext("%(n)s s") % {"n": seconds} if seconds < 120 else gettext("%(n)s min") % {"n": seconds // 60}


@register.filter
def theme_icon(theme: str) -> str:
    return {"light": "sun", "dark": "moon"}.get(theme, "monitor")


@register.filter
def identity_icon(kind: str) -> str:
    return {"phone": "phone", "email": "mail", "mailbox": "mail", "customer": "user"}.get(kind, "link")


@register.filter
def as_json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)
