"""What changes who is who: what channels observe, and what agents decide. Every function runs inside a scope that holds
the account lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection

from identity.attributes import AttributeFact, Rank, fold_contacts, read_last_word, store_attributes
from identity.epochs import Start, read_epochs
from identity.evidence import store_picture
from identity.grouping import Move, read_ground, record_moves, regroup
from identity.models import Decision, Evidence, Identity
from identity.partings import Parted, Parting, drop_unseen, drop_vacated, part_values
from identity.rules import LINK, UNSTORABLE, IdentityKey
from identity.sights import Edge, Picture, Sight, Span, Tie, fold_sights, name_value, store_sights
from oneview.common.errors import NotFound


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a rule says belongs to the user seen. `ended`: the user left it at the instant of the sighting."""

    rule: str
    kind: str
    value: str
    scope: str = ""
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Sighting:
    """A user seen at an instant on one address. `said`: attributes by name; `source`: the stored event, the proof."""

    kind: str
    scope: str
    value: str
    seen_at: datetime
    source: UUID
    keys: tuple[Key, ...] = ()
    said: Mapping[str, str] = field(default_factory=dict)
    rank: Rank = Rank.PLATFORM


@dataclass(frozen=True, slots=True)
class Boundary:
    """From `at` on a value may be somebody else's (a number given up)."""

    kind: str
    scope: str
    value: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Observed:
    """The identity of each sighting in its order (None where its value is unusable), the contact of each identity (of
    one that is no more, the one it was in), what moved, and what turns out to be another holder's.

    `contacts` names every contact whose composition or attributes changed.
    """

    identities: tuple[UUID | None, ...]
    contact_of: Mapping[UUID, UUID]
    moves: tuple[Move, ...]
    contacts: frozenset[UUID]
    partings: tuple[Parting, ...] = ()


def observe(
    account_id: int, sightings: Sequence[Sighting], *, boundaries: Sequence[Boundary] = (), now: datetime
) -> Observed:
    """Takes in a batch of sightings and boundaries. In any order, any number of times, they come to the same."""
    ground = read_ground(account_id)
    sights = [_read_sighting(sighting, region=ground.region) for sighting in sightings]
    batch = [sight for sight in sights if sight]
    parted = part_values(ground, _read_boundaries(boundaries, region=ground.region)) if boundaries else Parted()
    store_sights(ground, batch)
    together = (*batch, *parted.again)
    picture = fold_sights(together, read_epochs(account_id, (value for sight in together for value in sight.values())))
    stored = store_picture(ground, picture)
    drop_unseen(ground, parted.cut)
    moves = regroup(ground, stored.touched | parted.touched | parted.cut)
    grown = tuple(move for move in moves if move.identity not in stored.new)
    record_moves(ground, grown, cause="observed", now=now)
    staying = drop_vacated(ground, parted.cut, now=now)
    described = store_attributes(
        account_id,
        [AttributeFact(ground.ids[said.node], said.name, said.value, said.rank, said.at) for said in picture.said],
    )
    vacated = parted.cut - staying.keys()
    left = {move.identity: move.origin if move.identity in vacated else move.target for move in moves}
    contact_of = stored.contact_of | staying | {id: id for id in vacated} | left
    reported = tuple(move for move in grown if move.identity not in vacated)
    gathered = {contact_of[id] for id in (*stored.new, *staying)} | _contacts_of(reported)
    changed = fold_contacts(account_id, gathered | vacated | {contact_of[id] for id in described})
    nodes = iter(picture.nodes)
    return Observed(
        identities=tuple(None if sight is None else ground.ids[next(nodes)] for sight in sights),
        contact_of=contact_of,
        moves=reported,
        contacts=frozenset(gathered | changed),
        partings=parted.partings,
    )


def decide(
    account_id: int,
    op: Decision.Op,
    *,
    a: UUID,
    b: UUID | None = None,
    rule: str = "",
    actor_id: int | None,
    reason: str = "",
    now: datetime,
) -> tuple[Move, ...]:
    """Records what a person decided and regroups; nothing where `a` is `b`. Raises NotFound for identities of nobody
    here.
    """
    if (b is None) != (op in (Decision.Op.BLOCK_VALUE, Decision.Op.UNBLOCK_VALUE)):
        raise ValueError(f"{op} is about {'one identity' if b else 'two identities'}")
    if a == b:
        return ()
    ground = read_ground(account_id)
    ends = {row.id: row for row in Identity.objects.filter(account=account_id, id__in=[id for id in (a, b) if id])}
    if a not in ends or (b is not None and b not in ends):
        raise NotFound
    if b is not None and _key(ends[b]) < _key(ends[a]):
        a, b = b, a
    decision = Decision.objects.create(
        account_id=account_id, op=op, rule=rule, a_id=a, b_id=b, actor_id=actor_id, reason=reason, at=now
    )
    touched = set(ends)
    if op == Decision.Op.LINK and b is not None:
        store_picture(ground, _picture_link(ends[a], ends[b], at=now, source=decision.id))
    elif b is None:
        touched |= _read_neighbours(account_id, a)
    moves = regroup(ground, touched)
    record_moves(ground, moves, cause=op, now=now)
    fold_contacts(account_id, _contacts_of(moves))
    return moves


def revoke_evidence(
    account_id: int, evidence_id: int, *, actor_id: int | None, reason: str = "", now: datetime
) -> tuple[Move, ...]:
    """Undoes one link. It stays undone when the same pair is seen again."""
    evidence = Evidence.objects.filter(account=account_id, id=evidence_id).first()
    if evidence is None:
        raise NotFound
    return decide(
        account_id,
        Decision.Op.REVOKE,
        a=evidence.a_id,
        b=evidence.b_id,
        rule=evidence.rule,
        actor_id=actor_id,
        reason=reason,
        now=now,
    )


def describe(
    account_id: int, contact_id: UUID, said: Mapping[str, str], *, rank: Rank = Rank.AGENT, now: datetime
) -> None:
    """Somebody wrote these attributes of a contact; they are kept on its canonical identity. An agent's stand before
    what platforms tell. An empty value takes the word of that rank back.

    Who waited for the lock speaks after those who had it, whenever their transactions began.
    """
    last = read_last_word(account_id, contact_id, said, rank=rank)
    at = max(now, last + timedelta(microseconds=1)) if last else now
    store_attributes(account_id, [AttributeFact(contact_id, name, value, rank, at) for name, value in said.items()])
    fold_contacts(account_id, [contact_id])


def _read_sighting(sighting: Sighting, *, region: str | None) -> Sight | None:
    who = name_value(sighting.kind, sighting.scope, sighting.value, region=region)
    if who is None:
        return None
    named = ((claim, name_value(claim.kind, claim.scope, claim.value, region=region)) for claim in sighting.keys)
    return Sight(
        who=who,
        at=sighting.seen_at,
        source=sighting.source,
        ties=tuple(Tie(claim.rule, key, claim.ended) for claim, key in named if key),
        said={
            name: value for name, value in sighting.said.items() if value and not UNSTORABLE.search(f"{name}{value}")
        },
        rank=sighting.rank,
    )


def _read_boundaries(boundaries: Iterable[Boundary], *, region: str | None) -> list[Start]:
    named = ((each, name_value(each.kind, each.scope, each.value, region=region)) for each in boundaries)
    return [Start(value.value, int(each.at.timestamp())) for each, value in named if value]


def _picture_link(a: Identity, b: Identity, *, at: datetime, source: UUID) -> Picture:
    seen = {_key(end): (at, end.raw_value) for end in (a, b)}
    return Picture(seen=seen, edges={Edge(LINK.name, *seen): Span(at, at, source)})


def _key(identity: Identity) -> IdentityKey:
    return IdentityKey(identity.kind, identity.scope, identity.value, identity.epoch)


def _contacts_of(moves: Iterable[Move]) -> set[UUID]:
    return {contact for move in moves for contact in (move.origin, move.target)}


def _read_neighbours(account_id: int, identity: UUID) -> set[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT b_id FROM identity_evidence WHERE account_id = %s AND a_id = %s
            UNION SELECT a_id FROM identity_evidence WHERE account_id = %s AND b_id = %s
            """,
            [account_id, identity, account_id, identity],
        )
        return {row[0] for row in cursor.fetchall()}
