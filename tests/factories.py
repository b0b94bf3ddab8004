"""Accounts, users and members for tests. What belongs to an account is made inside its scope, by each test."""

from __future__ import annotations

from functools import cache
from itertools import count
from typing import Any

from django.contrib.auth.hashers import make_password

from oneview.accounts.models import Account, Membership, Role, User

PASSWORD = "correct horse battery"

_numbers = count(1)


@cache
def hash_once() -> str:
    """Hashing is slow on purpose; all users of a run share one hash."""
    return make_password(PASSWORD)


def make_account(slug: str = "", **fields: Any) -> Account:
    slug = slug or f"account-{next(_numbers)}"
    return Account.objects.create(slug=slug, **{"name": slug.title(), **fields})


def make_user(name: str = "", **fields: Any) -> User:
    """Signs in with `PASSWORD`; Dora's e-mail is dora@example.com."""
    name = name or f"Person {next(_numbers)}"
    email = f"{name.lower().replace(' ', '.')}@example.com"
    return User.objects.create(**{"name": name, "email": email, "password": hash_once(), **fields})


def make_member(account: Account, name: str = "", *, role: Role = Role.AGENT) -> Membership:
    return Membership.objects.create(account=account, user=make_user(name), role=role)
