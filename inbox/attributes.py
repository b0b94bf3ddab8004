"""What can be known of a contact, and how a value is written: one place for pages, API and bots.

Values are kept as text: a date as 2026-11-26, a number in plain digits, yes or no.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from identity.attributes import NO, YES
from identity.normalise import normalise
from identity.rules import UNSTORABLE
from oneview.common.errors import FieldError, Invalid

NAMED = ("name", "phone", "email", "language")
MOST_CHARACTERS, MOST_DIGITS = 1000, 28  # as many digits as Decimal keeps
CONSENT = "consent_"
LABELS = {
    "name": gettext_lazy("Name"),
    "phone": gettext_lazy("Phone"),
    "email": gettext_lazy("E-mail"),
    "language": gettext_lazy("Language"),
    "username": gettext_lazy("Username"),
    "country": gettext_lazy("Country"),
    "time_zone": gettext_lazy("Time zone"),
    "page": gettext_lazy("Page"),
    "platform": gettext_lazy("Platform"),
    "device": gettext_lazy("Device"),
    "claimed_email": gettext_lazy("Claimed email"),
    "claimed_phone": gettext_lazy("Claimed phone"),
}
# Names of what is no attribute, in the same documents.
RESERVED = frozenset({*LABELS, "blocked", "tags", "labels", "note", "reverts", "version"})

Value = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Attribute:
    """One kind of fact. `type`: text, number, date, choice, yes_no, and of system attributes phone and email; `own`: it
    is the account's. Others than named and own ones only channels fill.
    """

    name: str
    label: str
    type: str = "text"
    choices: tuple[str, ...] = ()
    group: str = ""
    own: bool = False

    @property
    def is_editable(self) -> bool:
        return self.own or self.name in NAMED

    @property
    def is_code(self) -> bool:
        """Written left to right in every language."""
        return self.type in ("phone", "email", "number", "date") or self.name in ("page", "username")


def name_attribute(name: str) -> Attribute:
    """What a channel fills; one of a name that nobody thought of is named after itself."""
    if name.startswith(CONSENT):
        about = name.removeprefix(CONSENT).replace("_", " ")
        return Attribute(name, _("Consent to %(about)s") % {"about": about}, type="yes_no")
    label = LABELS.get(name) or name.replace("_", " ").capitalize()
    kind = name.removeprefix("claimed_")
    return Attribute(name, str(label), type=kind if kind in ("phone", "email") else "text")


def clean_value(attribute: Attribute, value: Value, *, field: str, region: str | None) -> str:
    """The value as it is kept; nothing stays nothing. Raises Invalid, which names the `field` and what it takes."""
    text = _to_text(value)
    if UNSTORABLE.search(text) or len(text) > MOST_CHARACTERS:
        raise Invalid(FieldError(field, "invalid", _("This is too long or has characters that can't be stored.")))
    if not text:
        return ""
    cleaned = _clean(attribute, text, region=region)
    if cleaned is None:
        raise Invalid(FieldError(field, "invalid", describe_type(attribute)))
    return cleaned


def describe_type(attribute: Attribute) -> str:
    """What a value looks like, for who gave another."""
    match attribute.type:
        case "email":
            return _("This is no e-mail address.")
        case "phone":
            return _("This is no phone number. Write it with its country: +34 600 111 222.")
        case "number":
            return _("A number like 12 or 12.5.")
        case "date":
            return _("A date like 2026-11-26.")
        case "choice":
            return _("One of: %(choices)s.") % {"choices": ", ".join(attribute.choices)}
        case "yes_no":
            return _("yes or no.")
    return _("A text.")


def show_value(attribute: Attribute, value: str) -> str:
    """As people read it."""
    match attribute.type:
        case "yes_no":
            return {YES: _("Yes"), NO: _("No")}.get(value, value)
        case "date" if _clean_date(value):
            return date_format(date.fromisoformat(value), "DATE_FORMAT")
    return value


def _to_text(value: Value) -> str:
    match value:
        case None:
            return ""
        case bool():
            return YES if value else NO
        case int() | float():
            return repr(value)
    return " ".join(value.split())


def _clean(attribute: Attribute, text: str, *, region: str | None) -> str | None:
    match attribute.type:
        case "email":
            try:
                validate_email(text)
            except ValidationError:
                return None
            return text
        case "phone":
            return normalise("phone", text, region=region)
        case "number":
            return _clean_number(text)
        case "date":
            return _clean_date(text)
        case "choice":
            return text if text in attribute.choices else None
        case "yes_no":
            return text.lower() if text.lower() in (YES, NO) else None
    return text


def _clean_number(text: str) -> str | None:
    """Plain digits: 1e3 is 1000, 2.50 is 2.5."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS or len(number.as_tuple().digits) > MOST_DIGITS:
        return None
    return "0" if number.is_zero() else f"{number.normalize():f}"


def _clean_date(text: str) -> str | None:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text, re.ASCII):
        return None
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return None
