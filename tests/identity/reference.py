"""The definition of a grouping, written a second time as plainly as possible: lists, loops, no care for speed.

Shares no code and no structure with the resolver. Works on the JSON document as it is.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias

Node: TypeAlias = tuple[str, str, str, int]
Edge: TypeAlias = tuple[str, Node, Node]


def reference_resolve(document: dict[str, Any]) -> dict[str, Any]:
    settings = document["settings"]
    rules = {
        name: (rule["class"], rule["priority"], rule["policy"]) for name, rule in settings.get("rules", {}).items()
    }
    rules["link"] = (0, 0, "auto")
    decisions = in_order_of_effect(document.get("decisions", []))

    rows = [(row["rule"], *ends(row), instant(row["first_seen"])) for row in document.get("evidence", [])]
    rows += [("link", *ends(row), instant(row["at"])) for row in decisions if row["op"] == "link"]
    rows = [row for row in rows if row[1] != row[2]]
    edges: list[Edge] = sorted({row[:3] for row in rows})
    age = {edge: min(row[3] for row in rows if row[:3] == edge) for edge in edges}

    sights = [(node(entry["id"]), instant(entry["first_seen"])) for entry in document.get("identities", [])]
    sights += [(end, row[3]) for row in rows for end in row[1:3]]
    nodes = sorted({sight[0] for sight in sights})
    born = {each: min(at for sighted, at in sights if sighted == each) for each in nodes}

    revoked: set[Edge] = set()
    apart: set[frozenset[Node]] = set()
    blocked = {node(entry) for entry in settings.get("blocked", [])}
    for row in decisions:
        match row["op"]:
            case "revoke":
                revoked.add((row["rule"], *ends(row)))
            case "restore":
                revoked.discard((row["rule"], *ends(row)))
            case "link":
                revoked.discard(("link", *ends(row)))
            case "cannot_link":
                apart.add(frozenset(ends(row)))
            case "allow_link":
                apart.discard(frozenset(ends(row)))
            case "block_value":
                blocked.add(node(row["id"]))
            case "unblock_value":
                blocked.discard(node(row["id"]))

    def is_countable(edge: Edge) -> bool:
        rule_class, _, policy = rules[edge[0]]
        return edge not in revoked and policy == "auto" and rule_class != 5 and not blocked & set(edge[1:])

    def is_claimed(edge: Edge) -> bool:
        return rules[edge[0]][0] >= 4 and any(
            end[0] in ("phone", "email") and end in other[1:] and is_countable(other) and 1 <= rules[other[0]][0] <= 3
            for end in edge[1:]
            for other in edges
        )

    def is_shared(edge: Edge) -> bool:
        classes = (1, 2, 3) if rules[edge[0]][0] <= 3 else (4, 5)
        level = "proven" if rules[edge[0]][0] <= 3 else "asserted"
        for end, far in ((edge[1], edge[2]), (edge[2], edge[1])):
            met = set()
            for other in edges:
                if is_countable(other) and rules[other[0]][0] in classes and end in other[1:]:
                    met |= {each for each in other[1:] if each != end and each[0] == far[0]}
            for limit in settings.get("degree_limits", []):
                applies = (limit["node"], limit["neighbour"], limit["level"]) == (end[0], far[0], level)
                if applies and len(met) > limit["max"]:
                    return True
        return False

    def judge(edge: Edge) -> str:
        rule_class, _, policy = rules[edge[0]]
        if edge in revoked:
            return "revoked"
        if policy != "auto" or rule_class == 5:
            return "suggest"
        if blocked & set(edge[1:]):
            return "blocked_value"
        if rule_class != 0 and is_claimed(edge):
            return "claimed"
        if rule_class != 0 and is_shared(edge):
            return "shared"
        return "eligible"

    verdict = {edge: judge(edge) for edge in edges}
    eligible = [edge for edge in edges if verdict[edge] == "eligible"]

    def broken(members: frozenset[Node]) -> list[str]:
        found = []
        if settings.get("max_identities") is not None and len(members) > settings["max_identities"]:
            found.append("size")
        for kind in sorted(settings.get("kind_limits", {})):
            counts: dict[str, int] = {}
            for member in members:
                if member[0] == kind:
                    group = member[1] if kind == "customer" else "all scopes"
                    counts[group] = counts.get(group, 0) + 1
            if any(count > settings["kind_limits"][kind] for count in counts.values()):
                found.append(f"kind:{kind}")
        if any(len(pair) == 2 and pair <= members for pair in apart):
            found.append("cannot_link")
        return found

    def hash_of(edge: Edge) -> str:
        rule, a, b = edge
        parts = [rule, a[0], a[1], a[2], str(a[3]), b[0], b[1], b[2], str(b[3])]
        return sha256("\u001f".join(parts).encode("utf-8")).hexdigest()

    groups: list[frozenset[Node]] = []
    for component in components(nodes, eligible):
        inside = [edge for edge in eligible if edge[1] in component]
        if not broken(component):
            groups.append(component)
            continue
        parts = [frozenset([each]) for each in component]
        for edge in sorted(inside, key=lambda e: (rules[e[0]][0], rules[e[0]][1], age[e], hash_of(e))):
            one, other = holder(parts, edge[1]), holder(parts, edge[2])
            if one != other and not broken(one | other):
                parts = [part for part in parts if part not in (one, other)] + [one | other]
        groups += parts

    contacts = []
    for group in groups:
        rank = settings.get("kind_rank", {})
        first = min(group, key=lambda each: (rank.get(each[0], 1), born[each], each))
        contacts.append({"id": list(first), "identities": [list(each) for each in sorted(group)]})

    printed = []
    for edge in edges:
        status, violated = verdict[edge], None
        if status == "eligible":
            one, other = holder(groups, edge[1]), holder(groups, edge[2])
            status = "linked" if one == other else "conflict"
            violated = None if one == other else broken(one | other)[0]
        printed.append(
            {"rule": edge[0], "a": list(edge[1]), "b": list(edge[2]), "status": status, "violated": violated}
        )
    return {"contacts": sorted(contacts, key=lambda contact: tuple(contact["id"])), "edges": printed}


def node(value: list[Any]) -> Node:
    kind, scope, text, epoch = value
    return kind, scope, text, epoch


def ends(row: dict[str, Any]) -> tuple[Node, Node]:
    a, b = sorted([node(row["a"]), node(row["b"])])
    return a, b


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def in_order_of_effect(decisions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Replayed in this order the last one of each subject is the one that counts."""
    restricting = ("revoke", "cannot_link", "block_value")
    return sorted(decisions, key=lambda row: (instant(row["at"]), row["op"] in restricting))


def components(nodes: list[Node], edges: list[Edge]) -> list[frozenset[Node]]:
    groups = [frozenset([each]) for each in nodes]
    for _, a, b in edges:
        one, other = holder(groups, a), holder(groups, b)
        if one != other:
            groups = [group for group in groups if group not in (one, other)] + [one | other]
    return groups


def holder(groups: list[frozenset[Node]], each: Node) -> frozenset[Node]:
    return next(group for group in groups if each in group)
