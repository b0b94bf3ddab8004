"""Who may do what."""

from __future__ import annotations

import pytest

from oneview.accounts import permissions
from oneview.accounts.models import Role

NOBODY = None


@pytest.mark.parametrize(
    ("role", "assignees", "allowed"),
    [
        (Role.SUPERVISOR, [], True),
        (Role.SUPERVISOR, [2], True),
        (Role.AGENT, [1], True),
        (Role.AGENT, [2, 1], True),
        (Role.AGENT, [2], False),
        (Role.AGENT, [], False),
        (NOBODY, [1], False),
    ],
)
def test_agents_edit_the_contacts_of_their_own_conversations(
    role: Role | None, assignees: list[int], allowed: bool
) -> None:
    assert permissions.may_edit_contact(role, user_id=1, assignees=assignees) is allowed


@pytest.mark.parametrize(
    ("role", "is_operator", "allowed"),
    [(Role.SUPERVISOR, False, True), (Role.AGENT, False, False), (NOBODY, True, True), (NOBODY, False, False)],
)
def test_the_admin_is_for_supervisors_and_operators(role: Role | None, is_operator: bool, allowed: bool) -> None:
    assert permissions.may_see_admin(role, is_operator=is_operator) is allowed


def test_an_operator_manages_no_account() -> None:
    assert not permissions.may_manage_account(NOBODY)
