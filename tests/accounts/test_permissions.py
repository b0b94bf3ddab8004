"""Who may do what."""

from __future__ import annotations

from collections.abc import Callable

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


@pytest.mark.parametrize(
    ("may", "a_bot_may"),
    [
        (permissions.may_view_conversation, True),
        (permissions.may_reply, True),
        (permissions.may_assign, True),
        (permissions.may_mark_read, False),
        (permissions.may_decide_identity, False),
        (permissions.may_manage_account, False),
    ],
)
def test_a_bot_speaks_and_hands_on_and_decides_nothing_else(may: Callable[[str | None], bool], a_bot_may: bool) -> None:
    assert may(permissions.BOT) is a_bot_may
    assert may(Role.SUPERVISOR)
    assert not may(NOBODY)
