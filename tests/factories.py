"""Rows for tests. Accounts, users and memberships need no scope; what belongs to an account is made inside one."""

from __future__ import annotations

from functools import cache

import factory
from django.contrib.auth.hashers import make_password
from factory.django import DjangoModelFactory

from oneview.accounts.models import Account, Membership, Role, User

PASSWORD = "correct horse battery"


@cache
def hash_once() -> str:
    """Hashing is slow on purpose; all users of a run share one hash."""
    return make_password(PASSWORD)


class AccountFactory(DjangoModelFactory):
    slug = factory.Sequence(lambda n: f"account-{n}")
    name = factory.LazyAttribute(lambda account: account.slug.title())

    class Meta:
        model = Account


class UserFactory(DjangoModelFactory):
    name = factory.Sequence(lambda n: f"Person {n}")
    email = factory.LazyAttribute(lambda user: f"{user.name.lower().replace(' ', '.')}@example.com")
    password = factory.LazyFunction(hash_once)

    class Meta:
        model = User


class MembershipFactory(DjangoModelFactory):
    account = factory.SubFactory(AccountFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.AGENT

    class Meta:
        model = Membership
