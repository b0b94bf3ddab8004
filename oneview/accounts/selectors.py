"""Reads of accounts and members. Accounts, users and memberships carry no wall: these run in or out of a scope."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from uuid import UUID

from django.db import connection

from oneview.accounts.models import Account, Membership, User
from oneview.common.errors import NotFound


def get_account(slug: str) -> Account:
    """Raises NotFound."""
    try:
        return Account.objects.get(slug=slug)
    except Account.DoesNotExist:
        raise NotFound(f"There is no account {slug!r}.") from None


def get_user(email: str) -> User:
    """Raises NotFound."""
    try:
        return User.objects.get(email=email.strip().lower())
    except User.DoesNotExist:
        raise NotFound(f"There is no user {email!r}.") from None


def find_membership(user_id: int, *, account_id: int | None = None) -> Membership | None:
    """The active membership in `account_id`, else the user's first one; with its account and user."""
    memberships = Membership.objects.filter(user=user_id, user__is_active=True, is_active=True)
    found = list(memberships.select_related("account", "user").order_by("id"))
    return next((each for each in found if each.account_id == account_id), found[0] if found else None)


def list_memberships(user_id: int) -> list[Membership]:
    """The active ones, with their accounts, by the accounts' names."""
    found = Membership.objects.filter(user=user_id, user__is_active=True, is_active=True)
    return list(found.select_related("account").order_by("account__name", "account_id"))


def list_member_names(account_id: int) -> list[tuple[int, str]]:
    """Id and name of each active user of an account, by name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.id, coalesce(nullif(u.name, ''), u.email) FROM accounts_membership m "
            "JOIN accounts_user u ON u.id = m.user_id "
            "WHERE m.account_id = %s AND m.is_active AND u.is_active ORDER BY u.name, u.id",
            [account_id],
        )
        return list(cursor.fetchall())


def name_members(account_id: int, user_ids: Collection[int]) -> dict[int, str]:
    """The names of those who are members of an account or have been, by id."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.id, coalesce(nullif(u.name, ''), u.email) FROM accounts_membership m "
            "JOIN accounts_user u ON u.id = m.user_id WHERE m.account_id = %s AND m.user_id = ANY(%s)",
            [account_id, list(user_ids)],
        )
        return dict(cursor.fetchall())


def list_teams_of(user_ids: Collection[int]) -> dict[tuple[int, int], frozenset[UUID]]:
    """The teams of each user in each account, by (account, user); without those who are in none. Outside of any scope,
    in one query for all.
    """
    found: defaultdict[tuple[int, int], set[UUID]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute("SELECT account_id, user_id, team_id FROM teams_of(%s)", [list(user_ids)])
        for account_id, user_id, team in cursor.fetchall():
            found[account_id, user_id].add(team)
    return {key: frozenset(teams) for key, teams in found.items()}


def list_former_members(account_id: int) -> list[tuple[int, str]]:
    """Id and name of each user who was an active member once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.id, coalesce(nullif(u.name, ''), u.email) FROM accounts_membership m "
            "JOIN accounts_user u ON u.id = m.user_id WHERE m.account_id = %s AND NOT (m.is_active AND u.is_active)",
            [account_id],
        )
        return list(cursor.fetchall())


def list_audited_things(account_id: int) -> list[str]:
    """What the account's audit tells of: "member" of "member.add". Inside a scope."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT split_part(action, '.', 1) FROM accounts_auditentry WHERE account_id = %s ORDER BY 1",
            [account_id],
        )
        return [thing for (thing,) in cursor.fetchall()]
