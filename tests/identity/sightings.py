"""Short words for tests: who was seen where, and who is one contact now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from identity.attributes import Rank
from identity.models import Contact, Decision, Evidence, Identity
from identity.services import Boundary, Key, Observed, Sighting, decide, observe
from oneview.accounts.models import Account
from oneview.common.ids import new_id
from oneview.common.scope import locked_scope, scope

START = datetime(2026, 11, 1, 9, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def platform(phone: str, *, ended: bool = False) -> Key:
    return Key("platform", "phone", phone, ended=ended)


def signed(customer: str) -> Key:
    return Key("signed", "customer", customer)


def whatsapp(value: str, *keys: Key, minutes: float = 0, **said: str) -> Sighting:
    return Sighting("whatsapp", "", value, at(minutes), new_id(), keys, said)


def visitor(value: str, *keys: Key, minutes: float = 0, rank: Rank = Rank.PLATFORM, **said: str) -> Sighting:
    return Sighting("visitor", "web", value, at(minutes), new_id(), keys, said, rank)


def see(account: Account, *sightings: Sighting, boundaries: tuple[Boundary, ...] = ()) -> Observed:
    with locked_scope(account) as now:
        return observe(account.id, sightings, boundaries=boundaries, now=now)


def rule_on(
    account: Account, op: Decision.Op, a: str, b: str | None = None, *, rule: str = "", minutes: float = 60
) -> None:
    """A decision about the identities with these values."""
    with locked_scope(account):
        ends = [find(account, value) for value in (a, b) if value]
        decide(account.id, op, a=ends[0], b=ends[1] if b else None, rule=rule, actor_id=None, now=at(minutes))


def find(account: Account, value: str) -> UUID:
    """The identity of a value; several kinds or epochs of one value are no matter for this."""
    with scope(account):
        return Identity.objects.get(value=value).id


def groups(account: Account) -> set[frozenset[str]]:
    """Who is one contact, by value; identities that stand for an epoch are `value@epoch`."""
    members: dict[UUID, set[str]] = {}
    with scope(account):
        for row in Identity.objects.all():
            name = f"{row.value}@{row.epoch}" if row.epoch else row.value
            members.setdefault(row.contact_id, set()).add(name)
        assert set(Contact.objects.values_list("id", flat=True)) == members.keys()
    return {frozenset(found) for found in members.values()}


def verdicts(account: Account) -> Mapping[tuple[str, str, str], str]:
    with scope(account):
        rows = Evidence.objects.select_related("a", "b")
        return {(row.rule, row.a.value, row.b.value): row.status for row in rows}


def contact(account: Account, value: str) -> Contact:
    """The contact that a value belongs to."""
    with scope(account):
        return Contact.objects.get(id=Identity.objects.get(value=value).contact_id)
