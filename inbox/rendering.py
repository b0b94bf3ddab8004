"""Shapes to HTML, for pages and for the hub. Nothing here depends on who looks: instants are UTC, "mine" and "you" are
the browser's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

from django.template.loader import get_template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from identity.attributes import Rank
from identity.selectors import Word
from inbox.attributes import NAMED, Attribute, name_attribute, show_value
from inbox.selectors.contacts import kind_label
from inbox.shapes import ContactShape, ConversationShape, MessageShape

ROWS = 4_096  # kept by a process, each about 2 kB: what the lists of a few hundred agents show


def render_row(row: ConversationShape) -> SafeString:
    """A list row in the active language. Most rows of a page have not changed since somebody was shown them."""
    return _render_row(row, get_language())


@lru_cache(maxsize=ROWS)
def _render_row(row: ConversationShape, language: str) -> SafeString:
    return SafeString(get_template("inbox/row.html").render({"row": row}).strip())


def render_rows(rows: Iterable[ConversationShape]) -> dict[UUID, str]:
    """List rows by conversation id, in the active language."""
    return {row.id: render_row(row) for row in rows}


def render_messages(messages: Iterable[MessageShape]) -> dict[UUID, str]:
    """Timeline entries by message id, in the active language."""
    template = get_template("inbox/message.html")
    return {message.id: template.render({"message": message}).strip() for message in messages}


def render_unreached(names: Sequence[str]) -> str:
    """What the author of a note is told of those whom it calls in vain; nothing for nobody."""
    words = ngettext("%(names)s can’t see this conversation.", "%(names)s can’t see this conversation.", len(names)) % {
        "names": ", ".join(names)
    }
    return format_html("<p>{}</p>", words) if names else ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the details. `value` is what is kept, `shown` how people read it; `origin`: who says so, where that is
    no agent.
    """

    attribute: Attribute
    value: str
    shown: str
    origin: str


@dataclass(frozen=True, slots=True)
class FactGroup:
    title: str
    facts: tuple[Fact, ...]


def group_facts(
    contact: ContactShape, attributes: Mapping[str, Attribute], words: Mapping[str, Sequence[Word]]
) -> tuple[FactGroup, ...]:
    """What belongs to no group first, then each group in the order of its first attribute. What channels tell stands
    between the named details and the account's own.
    """
    told = {name: name_attribute(name) for name in sorted(contact.attributes) if name not in attributes}
    named = {name: attributes[name] for name in NAMED}
    groups: dict[str, list[Fact]] = {"": []}
    for attribute in {**named, **told, **attributes}.values():
        value = contact.attributes.get(attribute.name, "")
        said = next(iter(words.get(attribute.name, ())), None)
        shown = contact.name if attribute.name == "name" else show_value(attribute, value)
        origin = name_origin(said) if said and said.value == value else ""
        groups.setdefault(attribute.group, []).append(Fact(attribute, value, shown, origin))
    return tuple(FactGroup(title, tuple(facts)) for title, facts in groups.items())


def name_origin(word: Word) -> str:
    match word.rank:
        case Rank.AGENT:
            return ""
        case Rank.SIGNED:
            return _("from your own system")
        case Rank.PLATFORM:
            return _("from %(channel)s") % {"channel": kind_label(word.kind)}
    return _("told by the customer")
