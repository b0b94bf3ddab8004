"""Two accounts with the same shape of data: Alice's is ours."""

from __future__ import annotations

import pytest

from oneview.accounts.models import Membership
from tests.security.worlds import World, make_world


@pytest.fixture
def ours(alice: Membership) -> World:
    return make_world(alice, "narwhal")


@pytest.fixture
def theirs(charlie: Membership) -> World:
    return make_world(charlie, "quokka")
