"""The people of the tests: Alice supervises Acme, Bob is an agent there, Charlie supervises Zenith, another account."""

from __future__ import annotations

import pytest
from django.test import Client

from oneview.accounts.models import Account, Membership, Role, User
from tests.factories import make_account, make_member, make_user


@pytest.fixture
def acme(db: None) -> Account:
    return make_account("acme")


@pytest.fixture
def alice(acme: Account) -> Membership:
    return make_member(acme, "Alice", role=Role.SUPERVISOR)


@pytest.fixture
def bob(acme: Account) -> Membership:
    return make_member(acme, "Bob")


@pytest.fixture
def zenith(db: None) -> Account:
    return make_account("zenith")


@pytest.fixture
def charlie(zenith: Account) -> Membership:
    return make_member(zenith, "Charlie", role=Role.SUPERVISOR)


@pytest.fixture
def operator(db: None) -> User:
    """Runs the installation and is a member of no account."""
    return make_user("Olga", is_superuser=True)


def sign_in(who: Membership | User) -> Client:
    """A browser in which somebody is signed in."""
    client = Client()
    client.force_login(who.user if isinstance(who, Membership) else who)
    return client
