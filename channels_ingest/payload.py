"""Reading what others wrote: total readers that give clean values whatever a body holds. Pure: no Django, no ORM.

Clean means: no NUL, no lone surrogates, no infinite numbers, nothing deeper than `MAX_DEPTH`. Each breaks some layer.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from channels_ingest.events import Broken, Event

MAX_DEPTH = 32
MAX_TEXT = 65_536
MAX_ID = 512
MAX_DIGITS = 40

_BRACES = bytes.maketrans(b"[]", b"{}")
_NO_STRUCTURE = bytes(set(range(256)) - set(b'[]{}"'))
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*(?:"|\Z)|[\[\]{}]', re.DOTALL)
_YEAR_2001, _YEAR_2096 = 1_000_000_000, 4_000_000_000


class Unreadable(ValueError):
    """A part that has to be there is missing or makes no sense. The message never repeats what was sent."""


def load_json(body: bytes) -> Any:
    """The document; NaN, infinities, integers beyond `MAX_DIGITS` and what is too deep are None. Raises Unreadable."""
    text = (body if _is_shallow(body) else _prune(body)).decode("utf-8-sig", "replace")
    try:
        return json.loads(
            text, strict=False, parse_constant=lambda _: None, parse_int=_parse_int, parse_float=_parse_float
        )
    except ValueError as error:
        raise Unreadable("not JSON") from error


def read_each(elements: Any, read: Callable[[dict[str, Any]], Iterable[Event | Broken]]) -> Iterator[Event | Broken]:
    """Reads the objects of a list one by one. What can't be read is a `Broken` with its bytes, the rest goes on."""
    if elements is None:
        return
    if not isinstance(elements, list):
        yield Broken(dump_json(elements), "not a list")
        return
    for element in elements:
        if not isinstance(element, dict):
            yield Broken(dump_json(element), "not an object")
            continue
        try:
            events = list(read(element))
        except Unreadable as error:
            yield Broken(dump_json(element), str(error))
        except Exception as error:  # noqa: BLE001 - a reader's slip on one element must not cost its neighbours
            yield Broken(dump_json(element), f"could not be read: {type(error).__name__}")
        else:
            yield from events


def dump_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def read_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def read_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def read_text(value: Any, *, limit: int = MAX_TEXT) -> str:
    """A string or number as clean text of at most `limit` characters, "" for everything else."""
    if isinstance(value, str):
        return clean_text(value)[:limit]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)[:limit]
    return ""


def read_id(value: Any) -> str:
    """A provider's id: hashed where it is longer than an index takes. Raises Unreadable where there is none."""
    text = read_text(value)
    if not text.strip():
        raise Unreadable("no id")
    encoded = text.encode()
    return text if len(encoded) <= MAX_ID else f"sha256:{hashlib.sha256(encoded).hexdigest()}"


def read_instant(value: Any) -> datetime:
    """Unix seconds or milliseconds, as number or digits, between 2001 and 2096. Raises Unreadable."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        for seconds in (value, value / 1000):
            if _YEAR_2001 <= seconds < _YEAR_2096:
                return datetime.fromtimestamp(seconds, UTC)
    raise Unreadable("no readable time")


def read_number(value: Any) -> float | int | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def clean_text(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def clean_json(value: Any) -> Any:
    """A JSON value with every string in it clean and capped."""
    match value:
        case str():
            return clean_text(value)[:MAX_TEXT]
        case dict():
            return {clean_text(key)[:MAX_ID]: clean_json(item) for key, item in value.items()}
        case list():
            return [clean_json(item) for item in value]
        case _:
            return value


def _is_shallow(body: bytes) -> bool:
    """Whether brackets outside of strings close and nest at most `MAX_DEPTH` deep. Peels them, a level a turn."""
    bare = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(_BRACES, _NO_STRUCTURE)
    brackets = b"".join(bare.split(b'"')[::2])
    for _ in range(MAX_DEPTH):
        brackets = brackets.replace(b"{}", b"")
    return not brackets


def _prune(body: bytes) -> bytes:
    """`null` for everything below `MAX_DEPTH`, so that one deep part costs nothing but itself."""
    kept, start, depth = [], 0, 0
    for token in _STRING_OR_BRACKET.finditer(body):
        mark = body[token.start()]
        if mark in b"[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept.append(body[start : token.start()])
        elif mark in b"]}":
            if depth == MAX_DEPTH + 1:
                start = token.end()
            depth -= 1
    return b"null".join([*kept, body[start:]])


def _parse_int(digits: str) -> int | None:
    return int(digits) if len(digits) <= MAX_DIGITS else None


def _parse_float(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None
