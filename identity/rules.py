"""What may link whom, and how far: rules, ranks and limits of one account, and the values they start with. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

# What PostgreSQL and UTF-8 refuse in a text: NUL, half of a surrogate pair.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")

Policy = Literal["auto", "suggest", "off"]
Level = Literal["proven", "asserted"]


class IdentityKey(NamedTuple):
    """What makes an identity the same one: compared as (string, string, string, integer).

    `value` is canonical (`identity.normalise`). `epoch` is the Unix second from which the value belongs to a new
    holder, 0 for its first.
    """

    kind: str
    scope: str
    value: str
    epoch: int = 0


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason for two identities to be one contact.

    Classes: 0 an agent said so, 1 signed by the tenant, 2 the platform attests it, 3 possession, 4 typed by the user,
    5 inferred. Inside a class the lesser priority is taken first.
    """

    name: str
    rule_class: int
    priority: int = 0
    policy: Policy = "auto"

    @property
    def level(self) -> Level:
        return "proven" if self.rule_class <= 3 else "asserted"

    @property
    def may_link(self) -> bool:
        return self.policy == "auto" and self.rule_class < 5


@dataclass(frozen=True, slots=True)
class DegreeLimit:
    """A `node` with more than `maximum` neighbours of kind `neighbour` at `level` is shared and links to none."""

    node: str
    neighbour: str
    level: Level
    maximum: int


class UnknownRule(ValueError):
    """Evidence or a decision names a rule that the settings do not have."""


LINK = Rule(name="link", rule_class=0)


@dataclass(frozen=True, slots=True)
class Settings:
    """A limit that is not named is no limit. `kind_limits` count per contact; that of `customer` counts per scope."""

    rules: Mapping[str, Rule] = field(default_factory=dict)
    kind_rank: Mapping[str, int] = field(default_factory=dict)
    kind_limits: Mapping[str, int] = field(default_factory=dict)
    degree_limits: tuple[DegreeLimit, ...] = ()
    max_identities: int | None = None
    blocked: frozenset[IdentityKey] = frozenset()

    def rule(self, name: str) -> Rule:
        """`link` is always the same rule, whatever `rules` says. Raises UnknownRule."""
        if name == LINK.name:
            return LINK
        try:
            return self.rules[name]
        except KeyError:
            raise UnknownRule(f"unknown rule {name!r}") from None

    def rank(self, kind: str) -> int:
        return self.kind_rank.get(kind, 1)


def default_settings() -> Settings:
    """What an account starts with: proof links, what a user typed or we inferred is only suggested."""
    rules = (
        LINK,
        Rule("signed", 1),
        Rule("platform", 2),
        Rule("possession", 3),
        Rule("typed", 4, policy="suggest"),
        Rule("inferred", 5, policy="suggest"),
    )
    endpoints = ("whatsapp", "messenger", "instagram", "telegram", "line", "viber", "slack", "api", "mailbox")
    return Settings(
        rules={rule.name: rule for rule in rules},
        kind_rank={"customer": 0, **dict.fromkeys(endpoints, 1), "sms": 2, "phone": 3, "email": 3, "visitor": 4},
        kind_limits={"customer": 1, "phone": 4, "email": 5},
        degree_limits=(
            *_limit("visitor", "customer", proven=1, asserted=1),
            *_limit("phone", "customer", proven=1, asserted=1),
            *_limit("email", "customer", proven=1, asserted=1),
            *_limit("phone", "whatsapp", proven=4, asserted=4),
            *_limit("phone", "visitor", proven=8, asserted=3),
            *_limit("email", "visitor", proven=8, asserted=3),
            *_limit("visitor", "phone", proven=8, asserted=3),
            *_limit("visitor", "email", proven=8, asserted=3),
        ),
        max_identities=100,
        blocked=frozenset(
            {
                IdentityKey("phone", "", "0000000"),
                IdentityKey("email", "", "test@test.com"),
                IdentityKey("email", "", "test@example.com"),
                IdentityKey("email", "", "example@example.com"),
                IdentityKey("email", "", "noreply@example.com"),
                IdentityKey("email", "", "none@none.com"),
            }
        ),
    )


def _limit(node: str, neighbour: str, *, proven: int, asserted: int) -> tuple[DegreeLimit, DegreeLimit]:
    return DegreeLimit(node, neighbour, "proven", proven), DegreeLimit(node, neighbour, "asserted", asserted)
