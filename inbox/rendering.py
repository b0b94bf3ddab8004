"""Shapes to HTML, for pages and for the hub. Nothing here depends on who looks: instants are UTC, "mine" and "you" are
the browser's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.template.loader import get_template
from django.utils.translation import gettext as _

from inbox.shapes import ContactShape, ConversationShape, MessageShape

NAMED_FACTS = ("name", "phone", "email", "language")


def render_rows(rows: Iterable[ConversationShape]) -> dict[UUID, str]:
    """List rows by conversation id, in the active language."""
    template = get_template("inbox/row.html")
    return {row.id: template.render({"row": row}).strip() for row in rows}


def render_messages(messages: Iterable[MessageShape]) -> dict[UUID, str]:
    """Timeline entries by message id, in the active language."""
    template = get_template("inbox/message.html")
    return {message.id: template.render({"message": message}).strip() for message in messages}


@dataclass(frozen=True, slots=True)
class Fact:
    """A line of the details. Our own can be edited; `is_code`: written left to right in every language."""

    name: str
    label: str
    value: str
    is_code: bool = False
    is_editable: bool = True


def list_facts(contact: ContactShape) -> tuple[Fact, ...]:
    """The named attributes first, then what else is known."""
    named = (
        Fact("name", _("Name"), contact.name),
        Fact("phone", _("Phone"), contact.phone, is_code=True),
        Fact("email", _("E-mail"), contact.email, is_code=True),
        Fact("language", _("Language"), contact.language),
    )
    own = (
        Fact(name, name.replace("_", " ").capitalize(), value, is_editable=False)
        for name, value in sorted(contact.attributes.items())
        if name not in NAMED_FACTS
    )
    return (*named, *own)
