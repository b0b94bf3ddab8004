"""Who may do what, on plain values. `role` is that of an active membership, None for everybody else."""

from __future__ import annotations

from collections.abc import Collection

from oneview.accounts.models import Role


def may_view_conversation(role: str | None) -> bool:
    return role in Role


def may_reply(role: str | None) -> bool:
    """Replies, notes, resolving and snoozing."""
    return role in Role


def may_assign(role: str | None) -> bool:
    return role in Role


def may_edit_contact(role: str | None, *, user_id: int, assignees: Collection[int]) -> bool:
    """Agents edit the details of the users whose conversation is theirs, supervisors those of all."""
    return role == Role.SUPERVISOR or (role == Role.AGENT and user_id in assignees)


def may_decide_identity(role: str | None) -> bool:
    """Joining contacts, and undoing a link."""
    return role in Role


def may_see_admin(role: str | None, *, is_operator: bool) -> bool:
    return may_manage_account(role) or is_operator


def may_manage_account(role: str | None) -> bool:
    """Channels, members, quarantine, deliveries, audit: what the admin shows of an account."""
    return role == Role.SUPERVISOR


def may_operate(*, is_operator: bool) -> bool:
    """Accounts, users and memberships of the whole installation; never what is inside an account."""
    return is_operator
