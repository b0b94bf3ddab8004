"""JSON in and out: the documents of `resolve_identities`, the groupings it prints, settings as they are stored. Pure.

Unknown members are ignored. Every refusal is a DocumentError that begins with the place: `evidence[3].a[2]: ...`.
"""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn, TypeVar, get_args

from identity.resolver import DecisionFact, EvidenceFact, Facts, IdentityKey, Op, Resolution, Settings, resolve
from identity.rules import UNSTORABLE, DegreeLimit, Level, Policy, Rule, UnknownRule

POLICIES: tuple[Policy, ...] = get_args(Policy)
LEVELS: tuple[Level, ...] = get_args(Level)
OPS: tuple[Op, ...] = get_args(Op)
BIGINT = 2**63
HOUR = r"([01]\d|2[0-3]):[0-5]\d"
RFC_3339 = re.compile(rf"\d{{4}}-\d\d-\d\d[T ]{HOUR}:\d\d(\.\d+)?(Z|[+-]{HOUR})", re.ASCII)
Choice = TypeVar("Choice", bound=str)


class DocumentError(ValueError):
    """The text is not a document of this form; says where and why in one line."""


@dataclass(frozen=True, slots=True)
class Document:
    facts: Facts
    settings: Settings


def resolve_line(line: bytes) -> str:
    """One JSON document to its grouping, without a line end. Raises DocumentError."""
    document = read_document(line)
    facts = document.facts
    resolution = resolve(
        identities=facts.identities, evidence=facts.evidence, decisions=facts.decisions, settings=document.settings
    )
    return write_resolution(resolution)


def read_document(line: bytes) -> Document:
    """`settings` is required, the lists may be missing. Raises DocumentError."""
    root = _Field("", _load_json(line))
    settings = _read_settings(root.member("settings"))
    identities: dict[IdentityKey, datetime] = {}
    for entry in root.entries("identities"):
        identity, first_seen = entry.member("id").identity(), entry.member("first_seen").instant()
        identities[identity] = min(first_seen, identities.get(identity, first_seen))
    evidence = [
        EvidenceFact(
            rule=_read_rule(entry.member("rule"), settings),
            a=entry.member("a").identity(),
            b=entry.member("b").identity(),
            first_seen=entry.member("first_seen").instant(),
        )
        for entry in root.entries("evidence")
    ]
    decisions = [_read_decision(entry, settings) for entry in root.entries("decisions")]
    return Document(Facts(identities, evidence, decisions), settings)


def write_resolution(resolution: Resolution) -> str:
    contacts = [{"id": contact.id, "identities": contact.identities} for contact in resolution.contacts]
    edges = [
        {"rule": edge.rule, "a": edge.a, "b": edge.b, "status": edge.status, "violated": edge.violated}
        for edge in resolution.edges
    ]
    return json.dumps({"contacts": contacts, "edges": edges}, ensure_ascii=False)


def settings_from_json(document: object) -> Settings:
    """The settings of a stored or submitted JSON value. Raises DocumentError."""
    return _read_settings(_Field("settings", document))


def settings_to_json(settings: Settings) -> dict[str, object]:
    """What `settings_from_json()` reads back as the same settings."""
    return {
        "rules": {
            name: {"class": rule.rule_class, "priority": rule.priority, "policy": rule.policy}
            for name, rule in settings.rules.items()
        },
        "kind_rank": dict(settings.kind_rank),
        "kind_limits": dict(settings.kind_limits),
        "degree_limits": [
            {"node": limit.node, "neighbour": limit.neighbour, "level": limit.level, "max": limit.maximum}
            for limit in settings.degree_limits
        ],
        "max_identities": settings.max_identities,
        "blocked": [list(identity) for identity in sorted(settings.blocked)],
    }


def _load_json(line: bytes) -> object:
    try:
        return json.loads(line.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise DocumentError(f"document: not UTF-8: {error.reason} at byte {error.start}") from None
    except RecursionError:
        raise DocumentError("document: nested too deeply") from None
    except DocumentError:
        raise
    except ValueError as error:
        raise DocumentError(f"document: cannot be read as JSON: {error}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise DocumentError(f"document: {name} is not JSON")


def _read_settings(settings: _Field) -> Settings:
    most = settings.optional("max_identities")
    return Settings(
        rules={
            name: Rule(
                name,
                rule_class=entry.member("class").integer(0, 5),
                priority=entry.member("priority").integer(),
                policy=entry.member("policy").choice(POLICIES),
            )
            for name, entry in settings.items("rules")
        },
        kind_rank={kind: rank.integer() for kind, rank in settings.items("kind_rank")},
        kind_limits={kind: limit.integer(1) for kind, limit in settings.items("kind_limits")},
        degree_limits=tuple(
            DegreeLimit(
                node=entry.member("node").text(),
                neighbour=entry.member("neighbour").text(),
                level=entry.member("level").choice(LEVELS),
                maximum=entry.member("max").integer(0),
            )
            for entry in settings.entries("degree_limits")
        ),
        max_identities=None if most is None or most.value is None else most.integer(1),
        blocked=frozenset(entry.identity() for entry in settings.entries("blocked")),
    )


def _read_rule(rule: _Field, settings: Settings) -> str:
    try:
        return settings.rule(rule.text()).name
    except UnknownRule:
        rule.refuse(f"unknown rule {reprlib.repr(rule.value)}")


def _read_decision(entry: _Field, settings: Settings) -> DecisionFact:
    op, at = entry.member("op").choice(OPS), entry.member("at").instant()
    if op in ("block_value", "unblock_value"):
        return DecisionFact(op=op, at=at, identity=entry.member("id").identity())
    rule = _read_rule(entry.member("rule"), settings) if op in ("revoke", "restore") else None
    return DecisionFact(op=op, at=at, rule=rule, a=entry.member("a").identity(), b=entry.member("b").identity())


@dataclass(frozen=True, slots=True)
class _Field:
    """A JSON value and where it stands. Every reader raises DocumentError naming that place."""

    path: str
    value: object

    def refuse(self, reason: str) -> NoReturn:
        raise DocumentError(f"{self.path or 'document'}: {reason}")

    def expect(self, wanted: str) -> NoReturn:
        self.refuse(f"expected {wanted}, got {reprlib.repr(self.value)}")

    def optional(self, name: str) -> _Field | None:
        """The member of that name, None where it is missing."""
        if not isinstance(self.value, dict):
            self.expect("an object")
        return _Field(f"{self.path}.{name}".lstrip("."), self.value[name]) if name in self.value else None

    def member(self, name: str) -> _Field:
        member = self.optional(name)
        if member is None:
            self.refuse(f"{name} is missing")
        return member

    def items(self, name: str) -> Iterator[tuple[str, _Field]]:
        """The members of an object that may be missing."""
        member = self.optional(name)
        if member is None:
            return
        if not isinstance(member.value, dict):
            member.expect("an object")
        for key, value in member.value.items():
            yield _Field(f"{member.path}, name", key).text(), _Field(f"{member.path}[{reprlib.repr(key)}]", value)

    def entries(self, name: str) -> Iterator[_Field]:
        """The entries of a list that may be missing."""
        member = self.optional(name)
        if member is None:
            return
        if not isinstance(member.value, list):
            member.expect("a list")
        for index, value in enumerate(member.value):
            yield _Field(f"{member.path}[{index}]", value)

    def text(self) -> str:
        if not isinstance(self.value, str):
            self.expect("a string")
        if UNSTORABLE.search(self.value):
            self.refuse("holds a NUL character or half of a surrogate pair")
        return self.value

    def integer(self, least: int = -BIGINT, most: int = BIGINT - 1) -> int:
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.expect("an integer")
        if not least <= self.value <= most:
            self.refuse(f"must be between {least} and {most}")
        return self.value

    def choice(self, choices: tuple[Choice, ...]) -> Choice:
        chosen = next((choice for choice in choices if self.value == choice), None)
        if chosen is None:
            self.expect(f"one of {', '.join(choices)}")
        return chosen

    def instant(self) -> datetime:
        text = self.text().upper()
        if not RFC_3339.fullmatch(text):
            self.expect("an RFC 3339 time with an offset")
        try:
            return datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            self.refuse(f"no such time: {error}")

    def identity(self) -> IdentityKey:
        if not isinstance(self.value, list) or len(self.value) != 4:
            self.expect("[kind, scope, value, epoch]")
        kind, scope, value, epoch = (_Field(f"{self.path}[{index}]", part) for index, part in enumerate(self.value))
        return IdentityKey(kind.text(), scope.text(), value.text(), epoch.integer())
