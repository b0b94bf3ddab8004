from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels_ingest.events import UNDATED, Broken, Event, Unknown
from channels_ingest.payload import (
    MAX_DEPTH,
    Unreadable,
    clean_json,
    clean_text,
    load_json,
    read_each,
    read_id,
    read_instant,
    read_text,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(-1e300, 1e300) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON)
def test_good_json_is_read_as_it_is(document: Any) -> None:
    assert load_json(json.dumps(document).encode()) == json.loads(json.dumps(document))


def test_what_is_too_deep_is_null_and_the_rest_stays() -> None:
    deep = '{"a": ' * 40 + "1" + "}" * 40
    document = load_json(f'{{"before": "]", "deep": {deep}, "after": "[\\"{{"}}'.encode())
    assert (document["before"], document["after"]) == ("]", '["{')
    assert "1" not in json.dumps(document["deep"])


def test_depth_up_to_the_limit_is_kept() -> None:
    body = b"[" * MAX_DEPTH + b"7" + b"]" * MAX_DEPTH
    assert json.dumps(load_json(body)).encode() == body
    assert b"null" in json.dumps(load_json(b"[" + body + b"]")).encode()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 5000, "-" + "9" * 5000])
def test_numbers_that_break_something_are_null(number: str) -> None:
    assert load_json(f"[{number}, 1]".encode()) == [None, 1]


@pytest.mark.parametrize("body", [b"", b"{", b"[1", b'"', b"[" * 1000, b"]" * 1000, b"{]" * 50, b'"\\"' * 50])
def test_what_is_no_json_says_so_without_repeating_it(body: bytes) -> None:
    with pytest.raises(Unreadable, match=r"^not JSON$"):
        load_json(body)


def test_other_encodings_lose_letters_and_not_the_message() -> None:
    assert load_json(b'{"name": "Zo\xeb", "id": 1}') == {"name": "Zo\ufffd", "id": 1}


@given(st.text(st.characters(exclude_categories=())))
def test_clean_text_is_what_a_database_takes(text: str) -> None:
    clean = clean_text(text)
    assert "\0" not in clean
    assert clean.encode().decode() == clean
    assert clean_json([{text: text}]) == [{clean: clean}]


def test_text_is_capped_and_everything_else_is_empty() -> None:
    assert read_text("abc", limit=2) == "ab"
    values: list[Any] = [7, 1.5, True, None, [], {}]
    assert [read_text(value) for value in values] == ["7", "1.5", "", "", "", ""]


@pytest.mark.parametrize("value", ["", "  ", None, [], True])
def test_an_id_has_to_be_there(value: Any) -> None:
    with pytest.raises(Unreadable):
        read_id(value)


@pytest.mark.parametrize("value", [1780000000, "1780000000", 1780000000000, "1780000000000", 1780000000.0])
def test_seconds_and_milliseconds_are_told_apart(value: Any) -> None:
    assert read_instant(value) == datetime(2026, 5, 28, 20, 26, 40, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, True, "", "now", "-1", -1, 0, "1e9", 10**30, "9" * 30, "１７８", []])
def test_absurd_times_are_refused(value: Any) -> None:
    with pytest.raises(Unreadable):
        read_instant(value)


def test_a_broken_element_costs_only_itself() -> None:
    def read(element: dict[str, Any]) -> list[Event]:
        if element["kind"] == 0:
            raise Unreadable("zero")
        return [Unknown("", UNDATED, kind=str(10 // (element["kind"] - 1)))]

    elements = [{"kind": 2}, {"kind": 0}, {"kind": 1}, {}, "text", {"kind": 3}]
    assert list(read_each(elements, read)) == [
        Unknown("", UNDATED, kind="10"),
        Broken(b'{"kind":0}', "zero"),
        Broken(b'{"kind":1}', "could not be read: ZeroDivisionError"),
        Broken(b"{}", "could not be read: KeyError"),
        Broken(b'"text"', "not an object"),
        Unknown("", UNDATED, kind="5"),
    ]
    assert list(read_each(None, read)) == []
    assert list(read_each({"a": 1}, read)) == [Broken(b'{"a":1}', "not a list")]
