"""JSON in and out: what is refused, with the place of the mistake, and what is understood."""

from __future__ import annotations

import json
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import strategies as st

from identity.interchange import DocumentError, resolve_line, settings_from_json, settings_to_json
from identity.rules import default_settings
from tests.identity.strategies import holds_for
from tests.identity.worlds import build_wide_world

PHONE = ["phone", "", "+34600111222", 0]
WHATSAPP = ["whatsapp", "900100", "ES.44", 0]
NOON = "2026-11-01T12:00:00Z"
ROW = {"rule": "platform", "a": PHONE, "b": WHATSAPP, "first_seen": NOON}
SETTINGS = {"rules": {"platform": {"class": 2, "priority": 0, "policy": "auto"}}}


def refusal(line: bytes | dict[str, Any]) -> str:
    with pytest.raises(DocumentError) as caught:
        resolve_line(line if isinstance(line, bytes) else json.dumps(line).encode())
    message = str(caught.value)
    assert "\n" not in message
    return message


def refusal_of_row(**changes: Any) -> str:
    row = {name: value for name, value in (ROW | changes).items() if value is not ...}
    return refusal({"settings": SETTINGS, "evidence": [ROW, row]})


def refusal_of_settings(**changes: Any) -> str:
    return refusal({"settings": SETTINGS | changes})


def refusal_of_decision(**decision: Any) -> str:
    return refusal({"settings": SETTINGS, "decisions": [decision]})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "document: cannot be read as JSON"),
        (b"[]", "document: expected an object, got []"),
        (b"null", "document: expected an object, got None"),
        (b"{}", "document: settings is missing"),
        (b'{"settings": {}} {}', "document: cannot be read as JSON"),
        (b"\xff\xfe", "document: not UTF-8"),
        (b'{"settings": NaN}', "document: NaN is not JSON"),
        (b'{"settings": -Infinity}', "document: -Infinity is not JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "document: nested too deeply"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "document: nested too deeply"),
        (b'{"settings": {"max_identities": ' + b"9" * 5000 + b"}}", "document: cannot be read as JSON"),
    ],
)
def test_a_line_that_is_no_document_is_refused(line: bytes, message: str) -> None:
    assert refusal(line).startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rule": "hearsay"}, "evidence[1].rule: unknown rule 'hearsay'"),
        ({"rule": 7}, "evidence[1].rule: expected a string, got 7"),
        ({"rule": ...}, "evidence[1]: rule is missing"),
        ({"a": ...}, "evidence[1]: a is missing"),
        ({"b": None}, "evidence[1].b: expected [kind, scope, value, epoch], got None"),
        ({"b": PHONE[:3]}, "evidence[1].b: expected [kind, scope, value, epoch]"),
        ({"b": [*PHONE, 0]}, "evidence[1].b: expected [kind, scope, value, epoch]"),
        ({"b": {"kind": "phone"}}, "evidence[1].b: expected [kind, scope, value, epoch]"),
        ({"a": ["phone", "", 34600111222, 0]}, "evidence[1].a[2]: expected a string"),
        ({"a": ["phone", "", "1", "0"]}, "evidence[1].a[3]: expected an integer, got '0'"),
        ({"a": ["phone", "", "1", 0.0]}, "evidence[1].a[3]: expected an integer, got 0.0"),
        ({"a": ["phone", "", "1", False]}, "evidence[1].a[3]: expected an integer, got False"),
        ({"a": ["phone", "", "1", 2**63]}, "evidence[1].a[3]: must be between"),
        ({"a": ["phone", "", "1", 10**4000]}, "evidence[1].a[3]: must be between"),
        ({"a": ["phone", "", "a\0b", 0]}, "evidence[1].a[2]: holds a NUL character"),
        ({"a": ["phone", "\ud83d", "a", 0]}, "evidence[1].a[1]: holds a NUL character or half of a surrogate pair"),
        ({"first_seen": ...}, "evidence[1]: first_seen is missing"),
        ({"first_seen": 1793534400}, "evidence[1].first_seen: expected a string"),
        ({"first_seen": "yesterday"}, "evidence[1].first_seen: expected an RFC 3339 time with an offset"),
        ({"first_seen": "2026-11-01"}, "evidence[1].first_seen: expected an RFC 3339 time with an offset"),
        ({"first_seen": "2026-11-01T12:00:00"}, "evidence[1].first_seen: expected an RFC 3339 time with an offset"),
        ({"first_seen": "2026-11-01T12:00:00+25:00"}, "evidence[1].first_seen: expected an RFC 3339 time"),
        ({"first_seen": "10000-01-01T00:00:00Z"}, "evidence[1].first_seen: expected an RFC 3339 time"),
        ({"first_seen": "0000-01-01T00:00:00Z"}, "evidence[1].first_seen: no such time"),
        ({"first_seen": "2026-02-30T00:00:00Z"}, "evidence[1].first_seen: no such time"),
        ({"first_seen": "2026-11-01T12:00:60Z"}, "evidence[1].first_seen: no such time"),
        ({"first_seen": "0001-01-01T00:00:00+01:00"}, "evidence[1].first_seen: no such time"),
        ({"first_seen": "9999-12-31T23:59:59-01:00"}, "evidence[1].first_seen: no such time"),
    ],
)
def test_a_bad_row_is_refused_with_its_place(changes: dict[str, Any], message: str) -> None:
    assert refusal_of_row(**changes).startswith(message)


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        ({"at": NOON}, "decisions[0]: op is missing"),
        ({"op": "merge", "at": NOON}, "decisions[0].op: expected one of link, revoke, restore, cannot_link"),
        ({"op": ["link"], "at": NOON}, "decisions[0].op: expected one of"),
        ({"op": "link", "a": PHONE, "b": WHATSAPP}, "decisions[0]: at is missing"),
        ({"op": "link", "a": PHONE, "at": NOON}, "decisions[0]: b is missing"),
        ({"op": "revoke", "a": PHONE, "b": WHATSAPP, "at": NOON}, "decisions[0]: rule is missing"),
        ({"op": "revoke", "rule": "x", "a": PHONE, "b": WHATSAPP, "at": NOON}, "decisions[0].rule: unknown rule 'x'"),
        ({"op": "block_value", "a": PHONE, "at": NOON}, "decisions[0]: id is missing"),
    ],
)
def test_a_bad_decision_is_refused_with_its_place(decision: dict[str, Any], message: str) -> None:
    assert refusal_of_decision(**decision).startswith(message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rules": []}, "settings.rules: expected an object, got []"),
        ({"rules": {"platform": 2}}, "settings.rules['platform']: expected an object, got 2"),
        ({"rules": {"x": {"class": 6}}}, "settings.rules['x'].class: must be between 0 and 5"),
        ({"rules": {"x": {"class": 2, "policy": "auto"}}}, "settings.rules['x']: priority is missing"),
        ({"rules": {"x": {"class": 2, "priority": 0, "policy": "always"}}}, "settings.rules['x'].policy: expected one"),
        ({"kind_rank": {"phone": "3"}}, "settings.kind_rank['phone']: expected an integer"),
        ({"kind_rank": {"ph\0ne": 3}}, "settings.kind_rank, name: holds a NUL"),
        ({"kind_limits": {"customer": 0}}, "settings.kind_limits['customer']: must be between 1"),
        ({"kind_limits": {"customer": True}}, "settings.kind_limits['customer']: expected an integer"),
        ({"max_identities": 0}, "settings.max_identities: must be between 1"),
        ({"max_identities": 1e2}, "settings.max_identities: expected an integer, got 100.0"),
        ({"degree_limits": {}}, "settings.degree_limits: expected a list, got {}"),
        (
            {"degree_limits": [{"node": "visitor", "neighbour": "customer", "level": "sure", "max": 1}]},
            "settings.degree_limits[0].level: expected one of proven, asserted",
        ),
        (
            {"degree_limits": [{"node": "visitor", "neighbour": "customer", "level": "proven", "max": -1}]},
            "settings.degree_limits[0].max: must be between 0",
        ),
        ({"blocked": [PHONE, "0000000"]}, "settings.blocked[1]: expected [kind, scope, value, epoch]"),
    ],
)
def test_bad_settings_are_refused_with_the_field(changes: dict[str, Any], message: str) -> None:
    assert refusal_of_settings(**changes).startswith(message)


@pytest.mark.parametrize("name", ["identities", "evidence", "decisions"])
@pytest.mark.parametrize("value", [None, {}, "x", 1])
def test_what_should_be_a_list_is_a_list(name: str, value: Any) -> None:
    assert refusal({"settings": SETTINGS, name: value}).startswith(f"{name}: expected a list")


def test_a_long_value_is_shortened_in_a_refusal() -> None:
    assert len(refusal_of_row(rule="x" * 100_000)) < 100
    assert len(refusal_of_row(a=[["x" * 1000] * 10] * 10)) < 2000


def test_everything_but_the_settings_may_be_missing() -> None:
    assert resolve_line(b'{"settings": {}}') == '{"contacts": [], "edges": []}'


def test_unknown_members_are_ignored() -> None:
    document = {"settings": SETTINGS | {"version": 3}, "evidence": [ROW | {"last_seen": NOON, "proof": {}}], "note": ""}
    assert '"status": "linked"' in resolve_line(json.dumps(document).encode())


@pytest.mark.parametrize("time", ["2026-11-01 12:00:00z", "2026-11-01t17:30:00.000+05:30", "2026-11-01T12:00:00-00:00"])
def test_every_spelling_of_rfc_3339_is_understood(time: str) -> None:
    elder = {"id": ["fax", "", "1", 0], "first_seen": NOON}
    row = {"rule": "link", "a": ["fax", "", "2", 0], "b": ["fax", "", "1", 0], "first_seen": time}
    document = {"settings": {}, "identities": [elder], "evidence": [row]}
    assert '"id": ["fax", "", "1", 0]' in resolve_line(json.dumps(document).encode())


def test_the_default_settings_survive_being_stored() -> None:
    stored = json.loads(json.dumps(settings_to_json(default_settings())))
    assert settings_from_json(stored) == default_settings()


@holds_for(st.integers(0, 10_000))
def test_any_settings_survive_being_stored(seed: int) -> None:
    settings = build_wide_world(Random(seed)).settings
    assert settings_from_json(json.loads(json.dumps(settings_to_json(settings)))) == settings


def test_stored_settings_name_the_field_that_is_wrong() -> None:
    with pytest.raises(DocumentError, match=r"^settings\.max_identities: expected an integer, got 'many'$"):
        settings_from_json({"max_identities": "many"})


@holds_for(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_refused(line: bytes) -> None:
    with suppress(DocumentError):
        resolve_line(line)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([PHONE, WHATSAPP, NOON]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*ROW, "op", "at", "id"]), inner),
    max_leaves=10,
)


@holds_for(json_values, json_values, json_values, json_values)
def test_any_json_is_a_document_or_refused(settings: Any, identities: Any, evidence: Any, decisions: Any) -> None:
    for chosen in (SETTINGS, settings):
        document = {"settings": chosen, "identities": identities, "evidence": evidence, "decisions": decisions}
        for lists in (
            document,
            {**document, "identities": [identities], "evidence": [evidence], "decisions": [decisions]},
        ):
            with suppress(DocumentError):
                resolve_line(json.dumps(lists).encode())
