"""Canonical values: what two observations of one address or key have in common. Pure.

A match value decides who is who and may differ from what is dialled or shown: keep the raw value beside it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from hashlib import sha256

import phonenumbers

from identity.rules import UNSTORABLE

MAX_BYTES = 512
MAX_EMAIL = 320
PLACEHOLDER = re.compile(
    r"[0-]*|-1|null|none|nan|undefined|anonymous|guest|true|false|email|distinct_id|\[object object\]", re.IGNORECASE
)
EMAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+")
WHATSAPP_PHONE = re.compile(r"\+?\d+", re.ASCII)
PLACEHOLDER_PHONE = re.compile(r"(\d)\1*|1234567(89?|890)?")

# One mobile line in two spellings: Brazil before its ninth digit, Mexico's old mobile prefixes, Argentina's 9 that only
# callers from abroad dial.
PHONE_VARIANTS = (
    (re.compile(r"\+55([1-9]{2})([6-9]\d{7})"), r"+55\g<1>9\2"),
    (re.compile(r"\+52(?:1|01|044|045)([1-9]\d{9})"), r"+52\1"),
    (re.compile(r"\+549([1-9]\d{9})"), r"+54\1"),
)


def normalise(kind: str, value: str, *, region: str | None = None) -> str | None:
    """The match value; None for what identifies nobody: nothing, a placeholder, text that is no number or address.

    `region` (ISO 3166, "ES") helps to read phone numbers that people typed. Without it digits are international, with
    or without their plus, as WhatsApp gives them. A match value is its own match value.
    """
    text = value.strip()
    if UNSTORABLE.search(text):
        return None
    canonical = _read_value(kind, text, region)
    if canonical and len(encoded := canonical.encode()) > MAX_BYTES:
        return f"sha256:{sha256(encoded).hexdigest()}"
    return canonical or None


def _read_value(kind: str, text: str, region: str | None) -> str | None:
    """Keys must look like what they are; endpoints are what the platform says, even an SMS from "BANK"."""
    match kind:
        case "phone":
            return _read_phone(text, region)
        case "email":
            return _read_email(text)
        case "customer":
            return None if PLACEHOLDER.fullmatch(text) else _read_text(text)
        case "sms":
            return _read_phone(text, region) or _read_text(text)
        case "mailbox":
            return _read_email(text) or _read_text(text)
        case "whatsapp" if WHATSAPP_PHONE.fullmatch(text):
            return (_read_phone(text, None) or text).removeprefix("+")
        case _:
            return _read_text(text)


def _read_text(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _read_email(text: str) -> str | None:
    address = _read_text(_read_text(text).lower())
    return address if EMAIL.fullmatch(address) and len(address.encode()) <= MAX_EMAIL else None


@lru_cache(maxsize=8192)
def _read_phone(text: str, region: str | None) -> str | None:
    """E.164. A typed number may be national or international: a valid reading goes before one of a possible length."""
    if any(char.isalpha() for char in text):
        return None
    international = text if text.startswith(("+", "\uff0b")) else f"+{text.removeprefix('00')}"
    readings = [_parse_phone(international, None)]
    if region is not None and text != international:
        readings.insert(0, _parse_phone(text, region.upper()))
    return max((reading for reading in readings if reading), default=(False, None), key=lambda reading: reading[0])[1]


def _parse_phone(text: str, region: str | None) -> tuple[bool, str] | None:
    """Whether the number is valid, not only possible, and its match value."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    dialled = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    for pattern, replacement in PHONE_VARIANTS:
        if pattern.fullmatch(dialled):
            return True, pattern.sub(replacement, dialled)
    possible = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    national = phonenumbers.national_significant_number(number)
    # Read again, a number loses its extension, and first digits that look like a trunk prefix: neither is one line.
    if not possible or PLACEHOLDER_PHONE.fullmatch(national) or phonenumbers.parse(dialled) != number:
        return None
    return phonenumbers.is_valid_number(number), dialled
