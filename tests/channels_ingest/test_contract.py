"""What every channel promises. A new channel is tested by being there."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels_ingest.base import ChannelAdapter, DeliveryError, HttpResult, Permanent, Request, Retryable, Sent
from channels_ingest.events import Broken, Event, MessageReceived, Unknown
from channels_ingest.registry import load_channels
from tests.channels_ingest.contract import (
    CANARY,
    Payload,
    describe,
    get_leaf,
    load_case,
    load_dropped,
    load_payloads,
    make_credentials,
    name_path,
    parse,
    replace_leaf,
    send,
    walk,
)

PAYLOADS = [payload for kind in load_channels() for payload in load_payloads(kind)]
JSON_PAYLOADS = [payload for payload in PAYLOADS if payload.leaves]
POISONS = [
    "null",
    "true",
    "-1",
    "0.5",
    "NaN",
    "-Infinity",
    "1e400",
    "[]",
    "{}",
    "[null, [], {}]",
    '{"a": {"b": ["c"]}}',
    '""',
    '"   "',
    '"\\u0000"',
    '"a\\u0000b\\ud800c\\udfff"',
    '"\ud800"',
    '"253402300800"',
    '"1780000000000"',
    '"-1780000000"',
    '"99999999999999999999999999"',
    '"１７８００００００１"',
    '"\\u202egpj.exe"',
]
# Once for each field: they take their time.
LARGE_POISONS = [
    "9" * 5000,
    "[" * 2_000 + "]" * 2_000,
    '{"a":' * 100 + "1" + "}" * 100,
    '"' + "".join(chr(0x4E00 + i * 7 % 20_000) for i in range(9_000)) + '"',
    '"' + "9" * 9_000 + '"',
    '"' + "a\u0300" * 10_000 + '"',
]


@pytest.fixture(params=sorted(load_channels()))
def adapter(request: pytest.FixtureRequest) -> ChannelAdapter:
    return load_channels()[request.param]


@pytest.fixture(params=PAYLOADS, ids=lambda payload: f"{payload.kind}/{payload.path.stem}")
def payload(request: pytest.FixtureRequest) -> Payload:
    assert isinstance(request.param, Payload)
    return request.param


@pytest.fixture(params=JSON_PAYLOADS, ids=lambda payload: f"{payload.kind}/{payload.path.stem}")
def json_payload(request: pytest.FixtureRequest) -> Payload:
    assert isinstance(request.param, Payload)
    return request.param


class TestDescription:
    def test_it_says_what_it_is(self, adapter: ChannelAdapter) -> None:
        assert adapter.kind.isidentifier()
        assert adapter.label
        assert adapter.identity_kind
        assert adapter.external_id_label
        assert adapter.capabilities.text_limit > 0
        assert adapter.capabilities.receipts in ("sent", "delivered", "read")
        names = [field.name for field in adapter.credentials]
        assert len(names) == len(set(names))
        assert "base_url" not in names

    def test_it_brings_payloads(self, adapter: ChannelAdapter) -> None:
        assert load_payloads(adapter.kind)

    def test_its_scope_needs_no_credentials(self, adapter: ChannelAdapter) -> None:
        assert isinstance(adapter.identity_scope({}, external_id="x"), str)


class TestSignature:
    @pytest.fixture
    def credentials(self, adapter: ChannelAdapter) -> dict[str, Any]:
        return make_credentials(adapter)

    @pytest.fixture
    def request_(self, adapter: ChannelAdapter, credentials: dict[str, Any]) -> Request:
        case = load_case(adapter.kind)
        return case.sign(load_payloads(adapter.kind)[0].body, credentials[case.secret])

    def test_a_right_one_is_taken(
        self, adapter: ChannelAdapter, credentials: dict[str, Any], request_: Request
    ) -> None:
        assert adapter.verify(request_, credentials)

    def test_while_a_secret_rotates_both_are_taken(self, adapter: ChannelAdapter, credentials: dict[str, Any]) -> None:
        case = load_case(adapter.kind)
        rotating = credentials | {case.secret: ["new", "old"]}
        body = load_payloads(adapter.kind)[0].body
        assert [adapter.verify(case.sign(body, secret), rotating) for secret in ("new", "old", "older")] == [
            True,
            True,
            False,
        ]

    def test_a_wrong_one_is_refused(
        self, adapter: ChannelAdapter, credentials: dict[str, Any], request_: Request
    ) -> None:
        case = load_case(adapter.kind)
        assert not adapter.verify(case.sign(request_.body, "another secret"), credentials)
        for name, value in request_.headers.items():
            forged = {
                "": "",
                "cut": value[:-1],
                "upper": value.upper(),
                "twice": f"{value},{value}",
                "odd": "\udcff\0é" * 9,
            }
            for text in {*forged.values()} - {value}:
                assert not adapter.verify(replace(request_, headers={**request_.headers, name: text}), credentials)

    def test_a_missing_one_is_refused(
        self, adapter: ChannelAdapter, credentials: dict[str, Any], request_: Request
    ) -> None:
        assert not adapter.verify(replace(request_, headers={}), credentials)

    def test_without_a_secret_nothing_is_taken(self, adapter: ChannelAdapter, credentials: dict[str, Any]) -> None:
        case = load_case(adapter.kind)
        request = case.sign(b"{}", "")
        for value in ("", [], [""], None, 7):
            assert not adapter.verify(request, credentials | {case.secret: value})
        assert not adapter.verify(request, {})

    def test_a_handshake_without_our_word_is_refused(
        self, adapter: ChannelAdapter, credentials: dict[str, Any]
    ) -> None:
        for query in ({}, {"hub.mode": "subscribe", "hub.challenge": "1", "hub.verify_token": ""}):
            assert adapter.handshake(Request("GET", "https://inbox.example.com/", query, {}, b""), credentials) is None
            assert adapter.handshake(Request("GET", "https://inbox.example.com/", query, {}, b""), {}) is None


class TestParsing:
    def test_every_payload_means_its_events(self, payload: Payload) -> None:
        events = describe(parse(load_channels()[payload.kind], payload.body, payload.headers))
        payload.rewrite(events)
        assert events == payload.expected

    def test_equal_bytes_give_equal_events(self, payload: Payload) -> None:
        adapter = load_channels()[payload.kind]
        assert parse(adapter, payload.body, payload.headers) == parse(adapter, payload.body, payload.headers)

    def test_fields_we_do_not_know_change_nothing(self, json_payload: Payload) -> None:
        document = json.loads(json_payload.body)
        for known in [value for _, value in walk(document) if isinstance(value, dict)]:
            known["zz_later_version"] = {"a": [1, "b"]}
        adapter = load_channels()[json_payload.kind]
        events = parse(adapter, json.dumps(document).encode(), json_payload.headers)
        assert [type(event) for event in events] == [
            type(event) for event in parse(adapter, json_payload.body, json_payload.headers)
        ]

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b" ",
            b"\0",
            b"null",
            b"7",
            b'"text"',
            b"[]",
            b"[[]]",
            b"{",
            b"\xff\xfe",
            b"{}" * 3,
            b"[" * 100_000,
            b"%",
            b"a=b&c",
        ],
        ids=lambda body: repr(body[:12]),
    )
    def test_a_body_of_something_else_is_broken_as_a_whole(self, adapter: ChannelAdapter, body: bytes) -> None:
        events = parse(adapter, body)
        assert events == [] or isinstance(events[0], Broken | Unknown)
        assert all(event.body == body for event in events if isinstance(event, Broken))

    def test_a_body_cut_anywhere_never_raises(self, payload: Payload) -> None:
        adapter, body = load_channels()[payload.kind], payload.body
        for length in range(0, len(body), 97):
            parse(adapter, body[:length], payload.headers)

    def test_poison_in_any_leaf_never_raises_and_comes_out_clean(self, json_payload: Payload) -> None:
        adapter, body = load_channels()[json_payload.kind], json_payload.body
        for path in json_payload.leaves:
            for poison in POISONS:
                for event in parse(adapter, replace_leaf(body, path, poison), json_payload.headers):
                    check_clean(event)

    def test_large_poison_in_any_field_never_raises_and_comes_out_clean(self, adapter: ChannelAdapter) -> None:
        leaves = [(payload, path) for payload in load_payloads(adapter.kind) for path in payload.leaves]
        for payload, path in {name_path(path): (payload, path) for payload, path in leaves}.values():
            for poison in LARGE_POISONS:
                events = parse(adapter, replace_leaf(payload.body, path, poison), payload.headers)
                assert events
                for event in events:
                    check_clean(event)

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_any_json_in_any_leaves_never_raises_and_comes_out_clean(self, data: st.DataObject) -> None:
        payload = data.draw(st.sampled_from(JSON_PAYLOADS))
        document = json.loads(payload.body)
        for path in data.draw(st.lists(st.sampled_from(payload.leaves), min_size=1, max_size=4, unique=True)):
            get_leaf(document, path[:-1])[path[-1]] = data.draw(st.recursive(LEAVES, make_containers, max_leaves=6))
        body = json.dumps(document).encode()
        events = parse(load_channels()[payload.kind], body, payload.headers)
        assert events == parse(load_channels()[payload.kind], body, payload.headers)
        for event in events:
            check_clean(event)

    def test_every_documented_field_is_read_or_named_as_dropped(self, adapter: ChannelAdapter) -> None:
        """Changing a field changes an event, or the field is in dropped.txt; what is there has no effect."""
        has_effect: dict[str, bool] = defaultdict(bool)
        for payload in load_payloads(adapter.kind):
            before = parse(adapter, payload.body, payload.headers)
            for path in payload.leaves:
                other = json.dumps(change_leaf(get_leaf(json.loads(payload.body), path)))
                after = parse(adapter, replace_leaf(payload.body, path, other), payload.headers)
                has_effect[name_path(path)] |= before != after
        dropped = load_dropped(adapter.kind)
        ignored = {name for name, changes in has_effect.items() if not changes}
        assert {name for name in ignored if not covers(dropped, name)} == set()
        assert [path for path in dropped if not any(covers([path], name) for name in ignored)] == []


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20)


def make_containers(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)


def covers(dropped: list[str], name: str) -> bool:
    return any(name == path or name.startswith(f"{path}.") for path in dropped)


def change_leaf(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str() if value.isdigit():
            return f"{int(value) + 1}"
        case str():
            return f"{value}x"
        case _:
            return "x"


def check_clean(event: Event | Broken) -> None:
    """What PostgreSQL, jsonb and an index take."""
    described = describe(event)
    json.dumps(described, allow_nan=False)
    for text in walk_texts(described):
        assert "\0" not in text
        text.encode()
    if isinstance(event, Broken):
        assert event.body
        return
    assert event.at.utcoffset() is not None
    assert 1970 <= event.at.year < 2100
    assert len(event.recipient) <= 200
    for name in ("external_id", "message_id"):
        assert len((getattr(event, name, "") or "").encode()) <= 512
    for name in ("sender", "previous", "current"):
        if user := getattr(event, name, None):
            assert 0 < len(user.value.encode()) <= 512
            assert all(0 < len(claim.value.encode()) <= 512 for claim in user.claims)
            assert all(isinstance(value, str) for value in [*user.address.values(), *user.attributes.values()])
    if isinstance(event, MessageReceived):
        assert len(event.content.text) <= 1_000_000
        assert len((event.content.reply_to or "").encode()) <= 512


def walk_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from walk_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk_texts(item)


class TestSending:
    @pytest.fixture
    def accepted(self, adapter: ChannelAdapter) -> bytes:
        accepted = load_case(adapter.kind).accepted
        if accepted is None:
            pytest.skip("nothing is called")
        return accepted

    def test_a_text_is_one_final_step(self, adapter: ChannelAdapter, accepted: bytes) -> None:
        steps, sent = send(adapter, HttpResult(200, {}, accepted), text="hello")
        assert [step.final for step in steps] == [True]
        assert isinstance(sent, Sent)

    def test_another_address_of_the_provider_is_used(self, adapter: ChannelAdapter, accepted: bytes) -> None:
        credentials = make_credentials(adapter) | {"base_url": "http://127.0.0.1:9/here"}
        good = HttpResult(200, {}, accepted)
        steps, _ = send(adapter, good, credentials=credentials, text="hello")
        assert all(step.url.startswith("http://127.0.0.1:9/here/") for step in steps)

    @pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
    @pytest.mark.usefixtures("accepted")
    def test_what_may_pass_is_retryable(self, adapter: ChannelAdapter, status: int) -> None:
        for body in (b"", b"<html>", b"{}"):
            with pytest.raises(Retryable):
                send(adapter, HttpResult(status, {}, body), text="hello")

    @pytest.mark.usefixtures("accepted")
    @pytest.mark.parametrize(("given", "read"), [("7", 7.0), ("1.5", 1.5), ("soon", None), ("nan", None), ("-3", None)])
    def test_it_waits_as_long_as_the_provider_says(
        self, adapter: ChannelAdapter, given: str, read: float | None
    ) -> None:
        with pytest.raises(Retryable) as error:
            send(adapter, HttpResult(429, {"Retry-After": given}, b""), text="hello")
        assert error.value.retry_after == read

    @pytest.mark.parametrize("status", [400, 403, 404])
    @pytest.mark.usefixtures("accepted")
    def test_a_refusal_is_permanent(self, adapter: ChannelAdapter, status: int) -> None:
        for body in (b"", b"<html>", b"{}", b"[" * 100_000):
            with pytest.raises(Permanent) as error:
                send(adapter, HttpResult(status, {}, body), text="hello")
            assert error.value.reason

    @pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
    def test_no_secret_shows_in_steps_or_errors(self, adapter: ChannelAdapter, status: int) -> None:
        good = HttpResult(status, {}, load_case(adapter.kind).accepted or b"")
        try:
            steps, sent = send(adapter, good, text="hello")
            words = repr((steps, sent))
        except DeliveryError as error:
            words = f"{error!r} {error} {vars(error)}"
        assert CANARY not in words
        assert CANARY not in repr(adapter)
