"""The tools of the contract suite: what every channel is measured with.

A channel takes part by existing. It brings `cases/<kind>.py` with a `CASE`, and payloads in `payloads/<kind>/`:

- `<name>.json` is a body as the provider sends it (another ending where that is no JSON), `<name>.events.json` the
  events it means, `<name>.headers.json` the headers that parsing needs, if any;
- `dropped.txt` names the fields that mean nothing to us, a path and the reason a line. A path covers what is below it.

Where events are meant to change, run test_contract.py with `REWRITE_EVENTS=1` and read the diff.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from channels_ingest.base import ChannelAdapter, HttpResult, HttpStep, Outgoing, Request
from channels_ingest.calls import run_steps
from channels_ingest.events import Broken, Event
from oneview.common.http import send_request

PAYLOADS = Path(__file__).parent / "payloads"
CANARY = "canary-3f9c"
Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """`secret`: the name of the credential that signs. `sign`: a request with a right signature of these bytes.

    `address` is one that a message can be sent to, `accepted` the body of a good answer to it, None where the user
    comes for messages and nothing is called.
    """

    secret: str
    sign: Callable[[bytes, str], Request]
    address: Mapping[str, str]
    accepted: bytes | None
    external_id: str


def load_case(kind: str) -> Case:
    case = importlib.import_module(f"tests.channels_ingest.cases.{kind}").CASE
    assert isinstance(case, Case)
    return case


@dataclass(frozen=True)
class Payload:
    kind: str
    path: Path

    @property
    def body(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def leaves(self) -> list[Keys]:
        """The paths of all strings, numbers, booleans and nulls; none where the body is not JSON."""
        if self.path.suffix != ".json":
            return []
        return [path for path, value in walk(json.loads(self.body)) if not isinstance(value, dict | list)]

    @property
    def headers(self) -> dict[str, str]:
        path = self.path.with_suffix(".headers.json")
        return dict(json.loads(path.read_text())) if path.exists() else {}

    @property
    def expected(self) -> Any:
        return json.loads(self.path.with_suffix(".events.json").read_text())

    def rewrite(self, events: Any) -> None:
        if os.environ.get("REWRITE_EVENTS"):
            text = json.dumps(events, indent=2, ensure_ascii=False)
            self.path.with_suffix(".events.json").write_text(f"{text}\n")


def load_payloads(kind: str) -> list[Payload]:
    paths = sorted((PAYLOADS / kind).glob("*.*"))
    return [Payload(kind, path) for path in paths if path.name.count(".") == 1 and path.name != "dropped.txt"]


def load_dropped(kind: str) -> list[str]:
    path = PAYLOADS / kind / "dropped.txt"
    return [line.split()[0] for line in path.read_text().splitlines() if line.strip()] if path.exists() else []


def make_credentials(adapter: ChannelAdapter) -> dict[str, Any]:
    """A canary for every credential: none of them may show up anywhere."""
    return {field.name: f"{CANARY}-{field.name}" for field in adapter.credentials}


def describe(value: Any) -> Any:
    """An event as JSON, without the fields that have their default value."""
    match value:
        case datetime():
            return value.isoformat()
        case bytes():
            return value.decode("utf-8", "replace")
        case StrEnum():
            return value.value
        case Mapping():
            return {key: describe(item) for key, item in value.items()}
        case list() | tuple():
            return [describe(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        described = {
            field.name: describe(getattr(value, field.name)) for field in fields(value) if not _is_default(value, field)
        }
        return {"event": type(value).__name__, **described} if isinstance(value, Event | Broken) else described
    return value


def _is_default(value: Any, field: Any) -> bool:
    default = field.default if field.default_factory is MISSING else field.default_factory()
    return bool(getattr(value, field.name) == default)


def parse(adapter: ChannelAdapter, body: bytes, headers: Mapping[str, str] | None = None) -> list[Event | Broken]:
    return list(adapter.parse(body, headers or {}))


def drive(steps: Any, *results: HttpResult) -> tuple[list[HttpStep], Any]:
    """Runs a send or a fetch with given results: the steps it took and what it returned. Its errors pass through."""
    try:
        taken = [next(steps)]
    except StopIteration as stop:
        return [], stop.value
    for result in results:
        try:
            taken.append(steps.send(result))
        except StopIteration as stop:
            return taken, stop.value
    raise AssertionError(f"wants one more result, for {taken[-1].url}")


def perform(steps: Any) -> Any:
    """Runs a send, a fetch or a check over real HTTP; what it returned."""
    return run_steps(steps, _call)


def _call(step: HttpStep) -> HttpResult:
    answer = send_request(
        step.method, step.url, headers=step.headers, json=step.json, data=step.data, files=step.files, timeout=10
    )
    return HttpResult(answer.status, answer.headers, answer.body)


def send(
    adapter: ChannelAdapter, *results: HttpResult, credentials: dict[str, Any] | None = None, **message: Any
) -> Any:
    case = load_case(adapter.kind)
    outgoing = Outgoing(**{"key": "018f6e5c-0000-7000-8000-000000000001", "address": case.address, **message})
    return drive(
        adapter.send(outgoing, credentials or make_credentials(adapter), external_id=case.external_id), *results
    )


def walk(document: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every value of a document with its path, the document first."""
    yield path, document
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, item in items:
        yield from walk(item, (*path, key))


def get_leaf(document: Any, path: Keys) -> Any:
    for key in path:
        document = document[key]
    return document


def replace_leaf(body: bytes, path: Keys, raw: str) -> bytes:
    """The body with one value replaced by raw text, which need not be JSON."""
    document = json.loads(body)
    parent = get_leaf(document, path[:-1])
    parent[path[-1]] = "@@poison@@"
    return json.dumps(document).replace('"@@poison@@"', raw).encode("utf-8", "surrogatepass")


def name_path(path: Keys) -> str:
    return ".".join(key for key in path if isinstance(key, str))
