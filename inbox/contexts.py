"""What was known when a message was written, beside what is known now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from inbox.attributes import NAMED, Attribute, name_attribute, show_value
from inbox.selectors.channels import label_of


@dataclass(frozen=True, slots=True)
class ContextFact:
    """A value then and now; empty for not known."""

    label: str
    then: str
    now: str

    @property
    def has_changed(self) -> bool:
        return self.then != self.now


@dataclass(frozen=True, slots=True)
class Comparison:
    user: tuple[ContextFact, ...]
    account: tuple[ContextFact, ...]

    @property
    def has_changed(self) -> bool:
        return any(fact.has_changed for fact in (*self.user, *self.account))


def compare_contexts(
    then: Mapping[str, Any], now: Mapping[str, Any], *, attributes: Mapping[str, Attribute]
) -> Comparison:
    """Of two documents of snapshots. `attributes`: those that people fill; values are shown as in the details."""
    user = {**{name: name_attribute(name).label for name in NAMED}, "tags": _("Tags")}
    account = {
        "name": _("Name"),
        "plan": _("Plan"),
        "channel": _("Channel"),
        "team": _("Team"),
        "business_hours": _("Business hours"),
    }
    return Comparison(
        user=_compare(then["user"], now["user"], labels=user, attributes=attributes),
        account=(
            *_compare(_drop(then["account"]), _drop(now["account"]), labels=account),
            *_compare(then["account"]["attributes"], now["account"]["attributes"], labels={}),
        ),
    )


def _drop(account: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in account.items() if name != "attributes"}


def _compare(
    then: Mapping[str, Any],
    now: Mapping[str, Any],
    *,
    labels: Mapping[str, str],
    attributes: Mapping[str, Attribute] | None = None,
) -> tuple[ContextFact, ...]:
    """The named ones first, then the rest by name; what was never known is left out."""
    others = sorted((then.keys() | now.keys()) - labels.keys())
    facts = []
    for name in (*labels, *others):
        attribute = (attributes or {}).get(name) or name_attribute(name)
        label = labels.get(name) or attribute.label
        facts.append(ContextFact(label, _show(then.get(name), attribute), _show(now.get(name), attribute)))
    return tuple(fact for fact in facts if fact.then or fact.now)


def _show(value: Any, attribute: Attribute) -> str:
    match value:
        case None:
            return ""
        case str():
            return show_value(attribute, value)
        case {"kind": str(kind), "name": str(name)}:
            return f"{label_of(kind)} · {name}"
        case {"kind": str(kind)}:
            return label_of(kind)
        case {"name": str(name)}:
            return name
        case list() | tuple():
            return _join(value)
        case True | False:
            return _("Yes") if value else _("No")
    return str(value)


def _join(values: Iterable[Any]) -> str:
    return ", ".join(map(str, values))
