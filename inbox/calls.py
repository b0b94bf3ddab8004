"""People who are called by name in the text of a private note: @Bob Lindqvist."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping


def name_pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    """Finds `@` and one of the names, the longest that fits, as words of their own; None where there is no name."""
    longest_first = sorted({name for name in names if name}, key=lambda name: (-len(name), name))
    if not longest_first:
        return None
    return re.compile(rf"(?<![\w@./])@({'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)


def find_called(text: str, people: Mapping[int, str], *, chosen: Collection[int] = ()) -> set[int]:
    """The ids of those who are called. `chosen` tells namesakes apart: where one of a name is chosen, no other is."""
    pattern = name_pattern(people.values())
    called = {name.casefold() for name in pattern.findall(text)} if pattern else set()
    found = {id for id, name in people.items() if name.casefold() in called}
    settled = {people[id].casefold() for id in found.intersection(chosen)}
    return {id for id in found if id in chosen or people[id].casefold() not in settled}
