"""Accounts, members and tokens."""

from __future__ import annotations

import pytest

from oneview.accounts import services
from oneview.accounts.models import Account, ApiToken, AuditEntry, Membership, Role, User
from oneview.accounts.tokens import find_owner
from oneview.common.errors import Conflict, Invalid, NotFound
from oneview.common.scope import scope
from tests.factories import PASSWORD, make_user

pytestmark = pytest.mark.django_db


def test_an_account_is_made_once() -> None:
    first = services.create_account("acme", name="Acme", plan="pro", window_days=10)
    again = services.create_account("acme", name="Other", plan="free", window_days=99)
    assert again == first
    assert (again.name, again.plan, again.window_days) == ("Acme", "pro", 10)


def test_an_account_keeps_messages_for_a_day_at_least() -> None:
    with pytest.raises(Invalid):
        services.create_account("acme", name="Acme", window_days=0)


def test_a_member_signs_in_with_their_password_and_speaks_the_language_of_the_account(acme: Account) -> None:
    acme.language = "de"
    user = services.create_member(acme, email=" Dora@Example.com ", role=Role.AGENT, password="secret").user
    assert (user.email, user.name, user.language) == ("dora@example.com", "dora", "de")
    assert user.check_password("secret")


def test_a_user_who_exists_keeps_name_and_password_in_the_next_account(acme: Account, charlie: Membership) -> None:
    email = charlie.user.email
    services.create_member(acme, email=email, role=Role.AGENT, name="Taken over", password="taken over")
    user = User.objects.get(email=email)
    assert (user.name, user.check_password(PASSWORD)) == ("Charlie", True)
    assert user.membership_set.count() == 2


def test_making_a_member_again_changes_the_role_only(bob: Membership) -> None:
    services.create_member(bob.account, email=bob.user.email, role=Role.SUPERVISOR)
    bob.refresh_from_db()
    assert bob.role == Role.SUPERVISOR


def test_the_last_supervisor_stays(alice: Membership, bob: Membership) -> None:
    with pytest.raises(Conflict):
        services.update_member(alice, role=Role.AGENT, is_active=True, actor=alice.user)
    with pytest.raises(Conflict):
        services.update_member(alice, role=Role.SUPERVISOR, is_active=False, actor=alice.user)
    services.update_member(bob, role=Role.SUPERVISOR, is_active=True, actor=alice.user)
    services.update_member(alice, role=Role.AGENT, is_active=True, actor=alice.user)


def test_a_change_of_a_member_is_written_down(alice: Membership, bob: Membership) -> None:
    services.update_member(bob, role=Role.AGENT, is_active=False, actor=alice.user)
    with scope(bob.account):
        entry = AuditEntry.objects.get(action="member.change")
    assert (entry.actor, entry.actor_name, entry.target) == (alice.user, "Alice", "bob@example.com")
    assert (entry.old, entry.new) == ({"role": "agent", "is_active": True}, {"role": "agent", "is_active": False})


def test_a_token_names_its_user_and_is_not_stored(bob: Membership) -> None:
    token = services.create_token(bob.account, user=bob.user)
    assert token.startswith("ov_agent_")
    owner = find_owner(token)
    assert owner is not None
    assert (owner.account_id, owner.user_id, owner.bot) == (bob.account_id, bob.user_id, "")
    with scope(bob.account):
        assert token.encode() not in str(ApiToken.objects.values()).encode()


def test_a_bot_has_a_token_and_no_user(acme: Account) -> None:
    token = services.create_token(acme, bot="Greeter")
    assert token.startswith("ov_bot_")
    owner = find_owner(token)
    assert owner is not None
    assert (owner.account_id, owner.user_id, owner.bot) == (acme.id, None, "Greeter")


@pytest.mark.parametrize("token", ["", "ov_agent_", "ov_bot_" + "x" * 43, "nothing", "ov_agent_\x00\ud800"])
def test_what_is_no_token_has_no_owner(bob: Membership, token: str) -> None:
    services.create_token(bob.account, user=bob.user)
    assert find_owner(token) is None


def test_a_token_ends_with_its_user_s_membership(alice: Membership, bob: Membership) -> None:
    token = services.create_token(bob.account, user=bob.user)
    services.update_member(bob, role=Role.AGENT, is_active=False, actor=alice.user)
    assert find_owner(token) is None


def test_a_token_ends_with_its_user(bob: Membership) -> None:
    token = services.create_token(bob.account, user=bob.user)
    User.objects.filter(pk=bob.user_id).update(is_active=False)
    assert find_owner(token) is None


def test_a_revoked_token_is_none_and_revoking_is_done_once(alice: Membership, acme: Account) -> None:
    token = services.create_token(acme, bot="Greeter")
    with scope(acme):
        ids = [each.pk for each in ApiToken.objects.all()]
        assert services.revoke_tokens(acme.id, ids=ids, actor=alice.user) == 1
        assert services.revoke_tokens(acme.id, ids=ids, actor=alice.user) == 0
    assert find_owner(token) is None


def test_tokens_are_for_members_of_the_account_or_bots(acme: Account, charlie: Membership) -> None:
    with pytest.raises(NotFound):
        services.create_token(acme, user=charlie.user)
    with pytest.raises(Invalid):
        services.create_token(acme)
    with pytest.raises(Invalid):
        services.create_token(acme, user=make_user(), bot="Both")


def test_preferences_that_are_not_given_stay(bob: Membership) -> None:
    services.save_preferences(bob.user, theme="dark")
    services.save_preferences(bob.user, single_keys=False)
    services.save_preferences(bob.user)
    user = User.objects.get(pk=bob.user_id)
    assert (user.theme, user.single_keys) == ("dark", False)
