"""The contacts around some identities, without reading the whole account. Pure: rows come from the caller's `load`."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Set
from datetime import datetime

from identity.resolver import (
    DecisionFact,
    EdgeKey,
    EvidenceFact,
    Facts,
    IdentityKey,
    Resolution,
    Settings,
    Status,
    judge_edges,
    read_facts,
    resolve,
    see_identities,
)


def resolve_around(
    seeds: Iterable[IdentityKey], *, load: Callable[[Set[IdentityKey]], Facts], settings: Settings
) -> Resolution:
    """The contacts of `seeds`, those in conflict with them, and every edge that touches them, as in the whole account.

    `load(identities)` returns, for them: their first sights, every evidence row with an end among them, and every
    decision that names one of them or an end of such a row. It is called with each identity at most once. Links are
    followed only where they may hold, so a placeholder or a kiosk with ten thousand neighbours costs its own rows and
    not theirs.

    After a change, `touched` are the ends of every row that was added, removed, seen earlier, revoked or restored, or
    that has an end which was blocked or unblocked, and of every pair set apart or allowed. With `touched` and all
    members of their present contacts as seeds, whatever the answer leaves out has not changed.
    """
    members: set[IdentityKey] = set(seeds)
    loaded: set[IdentityKey] = set()
    wanted: set[IdentityKey] = set(members)
    identities: dict[IdentityKey, datetime] = {}
    evidence: list[EvidenceFact] = []
    decisions: list[DecisionFact] = []
    while wanted:
        facts = load(frozenset(wanted))
        loaded |= wanted
        see_identities(identities, facts.identities.items())
        evidence.extend(facts.evidence)
        decisions.extend(facts.decisions)
        verdicts = judge_edges(read_facts(identities, evidence, decisions, settings), settings)
        _follow_links(members, verdicts, loaded)
        wanted = _undecided_ends(members, verdicts, settings) - loaded
    resolution = resolve(identities=identities, evidence=evidence, decisions=decisions, settings=settings)
    return Resolution(
        contacts=tuple(contact for contact in resolution.contacts if contact.id in members),
        edges=tuple(edge for edge in resolution.edges if edge.a in members or edge.b in members),
    )


def _follow_links(
    members: set[IdentityKey], verdicts: Mapping[EdgeKey, Status | None], loaded: Set[IdentityKey]
) -> None:
    """Adds to `members` what eligible edges reach from them, as far as both ends' rows are known."""
    linked: defaultdict[IdentityKey, set[IdentityKey]] = defaultdict(set)
    for (_, a, b), verdict in verdicts.items():
        if verdict is None and a in loaded and b in loaded:
            linked[a].add(b)
            linked[b].add(a)
    queue = deque(members)
    while queue:
        new = linked[queue.popleft()] - members
        members |= new
        queue.extend(new)


def _undecided_ends(
    members: Set[IdentityKey], verdicts: Mapping[EdgeKey, Status | None], settings: Settings
) -> set[IdentityKey]:
    """The far ends whose own rows may still change the verdict of a member's edge.

    More rows can only make an edge claimed or shared, and a shared one claimed at its other end.
    """
    ends: set[IdentityKey] = set()
    for (rule, a, b), verdict in verdicts.items():
        if verdict is None or (verdict == "shared" and settings.rule(rule).level == "asserted"):
            if a in members:
                ends.add(b)
            if b in members:
                ends.add(a)
    return ends
