"""The people of the tests: Alice supervises Acme, Bob is an agent there, Charlie supervises Zenith, another account."""

from __future__ import annotations

import pytest
from django.test import Client

from oneview.accounts.models import Account, Membership, Role, User
from tests.factories import AccountFactory, MembershipFactory, UserFactory


@pytest.fixture
def acme(db: None) -> Account:
    account: Account = AccountFactory(slug="acme", name="Acme")
    return account


@pytest.fixture
def alice(acme: Account) -> Membership:
    return make_member(acme, "Alice", Role.SUPERVISOR)


@pytest.fixture
def bob(acme: Account) -> Membership:
    return make_member(acme, "Bob", Role.AGENT)


@pytest.fixture
def zenith(db: None) -> Account:
    account: Account = AccountFactory(slug="zenith", name="Zenith")
    return account


@pytest.fixture
def charlie(zenith: Account) -> Membership:
    return make_member(zenith, "Charlie", Role.SUPERVISOR)


@pytest.fixture
def operator(db: None) -> User:
    """Runs the installation and is a member of no account."""
    user: User = UserFactory(name="Olga", is_superuser=True)
    return user


def make_member(account: Account, name: str, role: Role) -> Membership:
    membership: Membership = MembershipFactory(account=account, user__name=name, role=role)
    return membership


def sign_in(who: Membership | User) -> Client:
    """A browser in which somebody is signed in."""
    client = Client()
    client.force_login(who.user if isinstance(who, Membership) else who)
    return client
