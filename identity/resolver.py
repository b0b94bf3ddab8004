"""Who is one contact: a pure function of evidence, decisions and settings.

Nothing else plays a part: no clock, no order of arrival, no row ids. The same facts in any order, any number of times,
give the same answer.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal, TypeAlias, TypeVar

from identity.rules import LINK, IdentityKey, Level, Settings

__all__ = [
    "ContactGroup",
    "DecisionFact",
    "EdgeVerdict",
    "EvidenceFact",
    "Facts",
    "IdentityKey",
    "Resolution",
    "Settings",
    "explain",
    "resolve",
    "why_not",
]

Status = Literal["linked", "conflict", "shared", "claimed", "blocked_value", "suggest", "revoked"]
Op = Literal["link", "revoke", "restore", "cannot_link", "allow_link", "block_value", "unblock_value"]
EdgeKey: TypeAlias = tuple[str, IdentityKey, IdentityKey]
Subject = TypeVar("Subject")

RESTRICTING: frozenset[Op] = frozenset({"revoke", "cannot_link", "block_value"})
CLAIMABLE = frozenset({"phone", "email"})


@dataclass(frozen=True, slots=True)
class EvidenceFact:
    """`rule` saw `a` and `b`, in either order, as one contact. Instants are aware datetimes."""

    rule: str
    a: IdentityKey
    b: IdentityKey
    first_seen: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionFact:
    """What an agent decided about `identity` (block_value, unblock_value), about the edge `rule`, `a`, `b` (revoke,
    restore), or about the pair `a`, `b` (the others)."""

    op: Op
    at: datetime
    a: IdentityKey | None = None
    b: IdentityKey | None = None
    rule: str | None = None
    identity: IdentityKey | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The input of `resolve()` without the settings. `identities` maps an identity to its first sight."""

    identities: Mapping[IdentityKey, datetime]
    evidence: Iterable[EvidenceFact]
    decisions: Iterable[DecisionFact]


@dataclass(frozen=True, slots=True)
class ContactGroup:
    id: IdentityKey
    identities: tuple[IdentityKey, ...]


@dataclass(frozen=True, slots=True)
class EdgeVerdict:
    """`a` < `b`. `violated` is set for a conflict only: `size`, `kind:<kind>` or `cannot_link`."""

    rule: str
    a: IdentityKey
    b: IdentityKey
    status: Status
    violated: str | None = None


@dataclass(frozen=True, slots=True)
class Resolution:
    """Contacts by id, their identities by themselves, edges by (rule, a, b)."""

    contacts: tuple[ContactGroup, ...]
    edges: tuple[EdgeVerdict, ...]


def resolve(
    *,
    identities: Mapping[IdentityKey, datetime],
    evidence: Iterable[EvidenceFact],
    decisions: Iterable[DecisionFact],
    settings: Settings,
) -> Resolution:
    """The grouping of everything that is passed. Raises UnknownRule; ValueError for a decision without its subject.

    On a part of an account the answer equals that on the whole when the part is closed: every evidence row (linked or
    not) and every `link` decision with one end inside has both ends inside, and all decisions about those identities
    and edges are passed. Cannot-link pairs need not be followed: they matter only between identities that evidence
    connects. Where hubs make that part too large, `identity.neighbourhood` needs less.
    """
    graph = read_facts(identities, evidence, decisions, settings)
    verdicts = judge_edges(graph, settings)
    constraints = _Constraints(settings, graph.apart)
    blocks = _join_blocks(graph, verdicts, settings, constraints)
    return Resolution(
        contacts=_name_contacts(blocks, graph.first_sights, settings),
        edges=tuple(_conclude(edge, verdicts[edge], blocks, constraints) for edge in sorted(verdicts)),
    )


def explain(resolution: Resolution, x: IdentityKey, y: IdentityKey) -> tuple[EdgeVerdict, ...] | None:
    """A shortest path of linked edges from `x` to `y`: empty for the same identity, None when they are two contacts."""
    edges_at: defaultdict[IdentityKey, list[EdgeVerdict]] = defaultdict(list)
    for edge in resolution.edges:
        if edge.status == "linked":
            edges_at[edge.a].append(edge)
            edges_at[edge.b].append(edge)
    paths: dict[IdentityKey, tuple[EdgeVerdict, ...]] = {x: ()}
    queue = deque([x])
    while queue and y not in paths:
        here = queue.popleft()
        for edge in edges_at[here]:
            there = edge.b if edge.a == here else edge.a
            if there not in paths:
                paths[there] = (*paths[here], edge)
                queue.append(there)
    return paths.get(y)


def why_not(resolution: Resolution, x: IdentityKey, y: IdentityKey) -> tuple[EdgeVerdict, ...]:
    """The edges between the contacts of `x` and `y`, none of them linked; empty when they are one contact.

    Raises KeyError for an identity that the resolution does not hold.
    """
    contact_of = {identity: contact.id for contact in resolution.contacts for identity in contact.identities}
    pair = {contact_of[x], contact_of[y]}
    if len(pair) == 1:
        return ()
    return tuple(edge for edge in resolution.edges if {contact_of.get(edge.a), contact_of.get(edge.b)} == pair)


@dataclass(frozen=True, slots=True)
class Graph:
    """The facts without duplicates and order. `edges` maps to first sights; `apart` holds each pair both ways."""

    first_sights: Mapping[IdentityKey, datetime]
    edges: Mapping[EdgeKey, datetime]
    revoked: Set[EdgeKey]
    blocked: Set[IdentityKey]
    apart: Mapping[IdentityKey, Set[IdentityKey]]


def read_facts(
    identities: Mapping[IdentityKey, datetime],
    evidence: Iterable[EvidenceFact],
    decisions: Iterable[DecisionFact],
    settings: Settings,
) -> Graph:
    edges: dict[EdgeKey, datetime] = {}
    on_edges: list[tuple[EdgeKey, datetime, bool]] = []
    on_pairs: list[tuple[tuple[IdentityKey, IdentityKey], datetime, bool]] = []
    on_values: list[tuple[IdentityKey, datetime, bool]] = []
    for fact in evidence:
        _see_edge(edges, _order_ends(settings.rule(fact.rule).name, fact.a, fact.b), fact.first_seen)
    for decision in decisions:
        restricts = decision.op in RESTRICTING
        if decision.op in ("block_value", "unblock_value"):
            on_values.append((_required(decision.identity, decision), decision.at, restricts))
            continue
        rule = LINK.name
        if decision.op in ("revoke", "restore"):
            rule = settings.rule(_required(decision.rule, decision)).name
        edge = _order_ends(rule, _required(decision.a, decision), _required(decision.b, decision))
        if decision.op in ("cannot_link", "allow_link"):
            on_pairs.append((edge[1:], decision.at, restricts))
            continue
        on_edges.append((edge, decision.at, restricts))
        if decision.op == "link":
            _see_edge(edges, edge, decision.at)

    first_sights = dict(identities)
    see_identities(first_sights, ((end, seen) for (_, a, b), seen in edges.items() for end in (a, b)))
    apart: defaultdict[IdentityKey, set[IdentityKey]] = defaultdict(set)
    for (a, b), forbidden in _latest(on_pairs).items():
        if forbidden:
            apart[a].add(b)
            apart[b].add(a)
    values = _latest(on_values)
    return Graph(
        first_sights=first_sights,
        edges=edges,
        revoked={edge for edge, revoked in _latest(on_edges).items() if revoked},
        blocked={value for value in settings.blocked | values.keys() if values.get(value, True)},
        apart=apart,
    )


def _order_ends(rule: str, a: IdentityKey, b: IdentityKey) -> EdgeKey:
    return (rule, a, b) if a < b else (rule, b, a)


def _see_edge(edges: dict[EdgeKey, datetime], edge: EdgeKey, at: datetime) -> None:
    if edge[1] != edge[2]:
        edges[edge] = min(at, edges.get(edge, at))


def see_identities(first_sights: dict[IdentityKey, datetime], sights: Iterable[tuple[IdentityKey, datetime]]) -> None:
    for identity, at in sights:
        first_sights[identity] = min(at, first_sights.get(identity, at))


def _required(part: Subject | None, decision: DecisionFact) -> Subject:
    if part is None:
        raise ValueError(f"the decision {decision.op!r} lacks its subject")
    return part


def _latest(rulings: Iterable[tuple[Subject, datetime, bool]]) -> dict[Subject, bool]:
    """Whether the ruling that counts on each subject restricts: the latest counts, at one instant the restricting."""
    latest: dict[Subject, tuple[datetime, bool]] = {}
    for subject, at, restricts in rulings:
        latest[subject] = max((at, restricts), latest.get(subject, (at, restricts)))
    return {subject: restricts for subject, (_, restricts) in latest.items()}


def judge_edges(graph: Graph, settings: Settings) -> dict[EdgeKey, Status | None]:
    """Why each edge cannot link, None where it is eligible. Never looks further than the edges at its two ends."""
    verdicts = {edge: _judge_alone(edge, graph, settings) for edge in graph.edges}
    limits: dict[tuple[str, str, Level], int] = {}
    for limit in settings.degree_limits:
        pair = (limit.node, limit.neighbour, limit.level)
        limits[pair] = min(limit.maximum, limits.get(pair, limit.maximum))

    claimed: set[IdentityKey] = set()
    neighbours: defaultdict[tuple[IdentityKey, str, Level], set[IdentityKey]] = defaultdict(set)
    rules = {name: settings.rule(name) for name in {edge[0] for edge in verdicts}}
    countable = [
        (edge, rules[edge[0]].level)
        for edge, verdict in verdicts.items()
        if verdict is None and rules[edge[0]].rule_class > 0
    ]
    for (_, a, b), level in countable:
        for node, far in ((a, b), (b, a)):
            if level == "proven" and node.kind in CLAIMABLE:
                claimed.add(node)
            if (node.kind, far.kind, level) in limits:
                neighbours[node, far.kind, level].add(far)
    crowded = {
        (node, kind, level)
        for (node, kind, level), found in neighbours.items()
        if len(found) > limits[node.kind, kind, level]
    }

    for edge, level in countable:
        _, a, b = edge
        if level == "asserted" and (a in claimed or b in claimed):
            verdicts[edge] = "claimed"
        elif crowded and ((a, b.kind, level) in crowded or (b, a.kind, level) in crowded):
            verdicts[edge] = "shared"
    return verdicts


def _judge_alone(edge: EdgeKey, graph: Graph, settings: Settings) -> Status | None:
    rule, a, b = edge
    if edge in graph.revoked:
        return "revoked"
    if not settings.rule(rule).may_link:
        return "suggest"
    if a in graph.blocked or b in graph.blocked:
        return "blocked_value"
    return None


@dataclass(slots=True)
class _Block:
    """Identities that are one contact so far. `tally` counts the limited kinds; `foes` may never join."""

    members: set[IdentityKey]
    tally: dict[tuple[str, str], int]
    foes: set[IdentityKey]

    def absorb(self, other: _Block) -> None:
        self.members |= other.members
        self.foes |= other.foes
        for key, count in other.tally.items():
            self.tally[key] = self.tally.get(key, 0) + count


@dataclass(frozen=True, slots=True)
class _Constraints:
    settings: Settings
    apart: Mapping[IdentityKey, Set[IdentityKey]]

    def start_block(self, identity: IdentityKey) -> _Block:
        limited = identity.kind in self.settings.kind_limits
        scope = identity.scope if identity.kind == "customer" else ""
        return _Block({identity}, {(identity.kind, scope): 1} if limited else {}, set(self.apart.get(identity, ())))

    def first_broken(self, one: _Block, other: _Block) -> str | None:
        """The first constraint that the two break together; alone, neither breaks any."""
        most = self.settings.max_identities
        if most is not None and len(one.members) + len(other.members) > most:
            return "size"
        limits = self.settings.kind_limits
        broken = [
            kind
            for (kind, scope), count in one.tally.items()
            if count + other.tally.get((kind, scope), 0) > limits[kind]
        ]
        if broken:
            return f"kind:{min(broken)}"
        if not one.foes.isdisjoint(other.members):
            return "cannot_link"
        return None


def _join_blocks(
    graph: Graph, verdicts: Mapping[EdgeKey, Status | None], settings: Settings, constraints: _Constraints
) -> dict[IdentityKey, _Block]:
    """Takes the eligible edges, strongest and oldest first, and joins what no constraint keeps apart.

    Components need no pass of their own: unions in one never touch another, and in a component that breaks no
    constraint none is refused.
    """
    ranks = {rule.name: (rule.rule_class, rule.priority) for rule in map(settings.rule, {edge[0] for edge in verdicts})}
    texts = {identity: "\x1f".join(map(str, identity)) for identity in graph.first_sights}

    def precedence(edge: EdgeKey) -> tuple[tuple[int, int], datetime, bytes, EdgeKey]:
        rule, a, b = edge
        digest = sha256(f"{rule}\x1f{texts[a]}\x1f{texts[b]}".encode()).digest()
        return ranks[rule], graph.edges[edge], digest, edge

    blocks = {identity: constraints.start_block(identity) for identity in graph.first_sights}
    for _, a, b in sorted((edge for edge, verdict in verdicts.items() if verdict is None), key=precedence):
        large, small = blocks[a], blocks[b]
        if len(large.members) < len(small.members):
            large, small = small, large
        if large is small or constraints.first_broken(small, large):
            continue
        large.absorb(small)
        for member in small.members:
            blocks[member] = large
    return blocks


def _name_contacts(
    blocks: Mapping[IdentityKey, _Block], first_sights: Mapping[IdentityKey, datetime], settings: Settings
) -> tuple[ContactGroup, ...]:
    def seniority(identity: IdentityKey) -> tuple[int, datetime, IdentityKey]:
        return settings.rank(identity.kind), first_sights[identity], identity

    distinct = {id(block): block for block in blocks.values()}.values()
    contacts = [ContactGroup(min(block.members, key=seniority), tuple(sorted(block.members))) for block in distinct]
    return tuple(sorted(contacts, key=lambda contact: contact.id))


def _conclude(
    edge: EdgeKey, verdict: Status | None, blocks: Mapping[IdentityKey, _Block], constraints: _Constraints
) -> EdgeVerdict:
    rule, a, b = edge
    if verdict is not None:
        return EdgeVerdict(rule, a, b, verdict)
    if blocks[a] is blocks[b]:
        return EdgeVerdict(rule, a, b, "linked")
    return EdgeVerdict(rule, a, b, "conflict", constraints.first_broken(blocks[a], blocks[b]))
