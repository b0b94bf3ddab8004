"""Variables in the text of a canned reply: {{ contact.name }}.

One pass over the text, and nothing in it is run: what is filled in is not looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")
ATTRIBUTE = re.compile(r"contact\.([\w-]+)")
# Known in every account; the account's attributes follow as contact.<name>.
FIXED = (
    *("contact.name", "contact.first_name", "contact.phone", "contact.email"),
    *("agent.name", "account.name", "channel.name"),
)


@dataclass(frozen=True, slots=True)
class Filled:
    """`missing`: the variables without a value; they stand in the text as ⟦contact.company⟧."""

    text: str
    missing: tuple[str, ...]


def list_variables(text: str) -> tuple[str, ...]:
    """The names between braces, each once, in the order of the text."""
    return tuple(dict.fromkeys(found.strip() for found in VARIABLE.findall(text)))


def name_attribute(variable: str) -> str | None:
    """The attribute that a variable names; None where it names something else or nothing."""
    found = ATTRIBUTE.fullmatch(variable)
    return found[1] if found and variable not in FIXED else None


def fill_variables(text: str, values: Mapping[str, str]) -> Filled:
    missing: dict[str, None] = {}

    def fill(found: re.Match[str]) -> str:
        name = found[1].strip()
        if value := values.get(name):
            return value
        missing[name] = None
        return f"⟦{name}⟧"

    return Filled(VARIABLE.sub(fill, text), tuple(missing))
