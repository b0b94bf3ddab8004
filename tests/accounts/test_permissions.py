"""Who may do what: the table, asked."""

from __future__ import annotations

import pytest

from oneview.accounts.permissions import AGENT, BOT, OPERATOR, ROLES, SUPERVISOR, TABLE, VISITOR, Operation, may

INSIDE_AN_ACCOUNT = set(Operation) - {
    Operation.OPERATE,
    Operation.OPEN_ADMIN,
    Operation.MANAGE_ACCOUNT,
    Operation.MANAGE_MEMBERS,
    Operation.EDIT_PROFILE,
}


def test_every_operation_stands_in_the_table() -> None:
    assert set(TABLE) == set(Operation)


@pytest.mark.parametrize(
    ("role", "own", "allowed"),
    [(SUPERVISOR, False, True), (AGENT, True, True), (AGENT, False, False), (BOT, True, False), (None, True, False)],
)
def test_agents_write_notes_on_the_contacts_of_their_own_conversations(
    role: str | None, own: bool, allowed: bool
) -> None:
    assert may(role, Operation.WRITE_CONTACT_NOTE, own=own) is allowed


@pytest.mark.parametrize("operation", Operation)
def test_who_has_no_role_may_nothing(operation: Operation) -> None:
    assert not any(may(role, operation) for role in (None, "", "owner", "Supervisor"))


@pytest.mark.parametrize("operation", Operation)
def test_a_supervisor_may_what_an_agent_may(operation: Operation) -> None:
    assert may(SUPERVISOR, operation, own=False) or not may(AGENT, operation)


def test_an_operator_sees_nothing_inside_an_account() -> None:
    assert not any(may(OPERATOR, operation) for operation in INSIDE_AN_ACCOUNT)


def test_a_visitor_chats_and_nothing_else() -> None:
    assert [operation for operation in Operation if may(VISITOR, operation)] == [Operation.CHAT]


def test_a_bot_decides_nothing_that_people_decide() -> None:
    decisions = (Operation.JOIN_CONTACTS, Operation.TAKE_TURN, Operation.REDACT_MESSAGE, Operation.OPEN_ADMIN)
    assert not any(may(BOT, operation) for operation in decisions)
    assert [role for role in ROLES if may(role, Operation.HAND_OVER)] == [BOT]
