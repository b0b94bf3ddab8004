"""Random worlds for Hypothesis, and what the property tests of the resolver share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Protocol, TypeVar, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from identity.resolver import ContactGroup, EdgeVerdict, IdentityKey, Resolution
from tests.identity.worlds import WORLD_BUILDERS

# Hypothesis shrinks what it drives but prefers small worlds; a seed gives a world as large as any.
randoms = st.randoms(use_true_random=False) | st.integers(0, 2**32).map(Random)
worlds = st.builds(lambda build, random: build(random), st.sampled_from(WORLD_BUILDERS), randoms)
Test = TypeVar("Test", bound=Callable[..., None])


class Decorator(Protocol):
    def __call__(self, test: Test, /) -> Test: ...


def holds_for(*strategies: st.SearchStrategy[Any]) -> Decorator:
    """`given` without a deadline: machines that run tests are busy."""

    def decorate(test: Test) -> Test:
        return cast(Test, settings(deadline=None)(given(*strategies)(test)))

    return decorate


def contacts_by_identity(resolution: Resolution) -> dict[IdentityKey, ContactGroup]:
    return {identity: contact for contact in resolution.contacts for identity in contact.identities}


def eligible_edges(resolution: Resolution) -> list[EdgeVerdict]:
    return [edge for edge in resolution.edges if edge.status in ("linked", "conflict")]


def components(resolution: Resolution, edges: Iterable[EdgeVerdict]) -> dict[IdentityKey, set[IdentityKey]]:
    """For each identity all that these edges connect it with, itself included."""
    component = {identity: {identity} for identity in contacts_by_identity(resolution)}
    for edge in edges:
        joined = component[edge.a] | component[edge.b]
        component |= dict.fromkeys(joined, joined)
    return component
