"""Who may do what, on plain values. `role` is that of an active membership, BOT for a bot, None for everybody else."""

from __future__ import annotations

from collections.abc import Collection

from oneview.accounts.models import Role

BOT = "bot"  # stands where the role of a member stands


def may_view_conversation(role: str | None) -> bool:
    return _is_member(role) or role == BOT


def may_reply(role: str | None) -> bool:
    """Replies, notes, labels, resolving and snoozing."""
    return _is_member(role) or role == BOT


def may_assign(role: str | None) -> bool:
    return _is_member(role) or role == BOT


def may_mark_read(role: str | None) -> bool:
    """Unread is what no person of the team has seen, whatever a bot has read."""
    return _is_member(role)


def may_edit_contact(role: str | None, *, user_id: int, assignees: Collection[int]) -> bool:
    """Agents edit the details of the users whose conversation is theirs, supervisors those of all."""
    return role == Role.SUPERVISOR or (role == Role.AGENT and user_id in assignees)


def may_decide_identity(role: str | None) -> bool:
    """Joining contacts, and undoing a link."""
    return _is_member(role)


def may_see_admin(role: str | None, *, is_operator: bool) -> bool:
    return may_manage_account(role) or is_operator


def may_manage_account(role: str | None) -> bool:
    """Channels, members, quarantine, deliveries, endpoints, audit: what the admin shows of an account."""
    return role == Role.SUPERVISOR


def may_operate(*, is_operator: bool) -> bool:
    """Accounts, users and memberships of the whole installation; never what is inside an account."""
    return is_operator


def _is_member(role: str | None) -> bool:
    return role in Role
