"""Commands print one JSON object, or say on standard error why not and exit with 1."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from oneview.accounts.models import Account, Membership, User
from oneview.accounts.tokens import find_owner

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> Any:
    output = StringIO()
    call_command(*arguments, stdout=output)
    return json.loads(output.getvalue())


def test_a_first_account_is_made_in_three_commands() -> None:
    account = Account.objects.filter(slug="acme")
    made = run("create_account", "acme", "--name", "Acme", "--plan", "free", "--window-days", "7")
    assert made == {"account": "acme", "id": account.get().id}
    assert (account.get().plan, account.get().window_days, account.get().is_locked) == ("free", 7, True)

    user = run("create_user", "ann@example.com", "--account", "acme", "--role", "supervisor", "--password", "pw")
    assert user == {"user": "ann@example.com", "role": "supervisor"}
    assert User.objects.get(email="ann@example.com").check_password("pw")

    token = run("create_token", "--account", "acme", "--user", "ann@example.com")["token"]
    owner = find_owner(token)
    assert owner is not None
    assert owner.user_id == User.objects.get().id


def test_a_bot_s_token_is_made_by_name(acme: Account) -> None:
    assert run("create_token", "--account", "acme", "--bot", "Greeter")["token"].startswith("ov_bot_")


def test_an_account_that_exists_is_left_alone(acme: Account) -> None:
    assert run("create_account", "acme", "--name", "Other") == {"account": "acme", "id": acme.id}
    acme.refresh_from_db()
    assert acme.name == "Acme"


@pytest.mark.parametrize(
    "arguments",
    [
        ("create_user", "x@example.com", "--account", "nowhere", "--role", "agent"),
        ("create_user", "x@example.com", "--account", "acme", "--role", "owner"),
        ("create_token", "--account", "acme", "--user", "nobody@example.com"),
        ("create_token", "--account", "acme", "--user", "charlie@example.com"),
        ("create_token", "--account", "acme"),
        ("create_account", "acme", "--name", "Acme", "--window-days", "0"),
    ],
)
def test_what_cannot_be_done_is_an_error(acme: Account, charlie: Membership, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)
