"""What supervisors and operators do in the admin."""

from __future__ import annotations

import re
from typing import Any

import pytest

from oneview.accounts import services
from oneview.accounts.models import Account, ApiToken, AuditEntry, Bot, Membership, Role, User
from oneview.accounts.tokens import find_owner
from oneview.common.scope import scope
from tests.fixtures import sign_in

pytestmark = pytest.mark.django_db


def test_a_supervisor_adds_a_member_by_inviting_them(alice: Membership, bob: Membership) -> None:
    answer = sign_in(alice).get("/admin/accounts/membership/add/")
    assert (answer.status_code, answer["Location"]) == (302, "/admin/accounts/invitation/add/")
    assert sign_in(bob).get("/admin/accounts/membership/add/", follow=True).status_code == 403


def test_a_supervisor_deactivates_a_member(alice: Membership, bob: Membership) -> None:
    form = {"role": "agent", "_save": ""}
    assert sign_in(alice).post(f"/admin/accounts/membership/{bob.pk}/change/", form).status_code == 302
    bob.refresh_from_db()
    assert not bob.is_active


def test_what_is_refused_is_said_and_nothing_is_changed(alice: Membership) -> None:
    form = {"role": "agent", "is_active": "on", "_save": ""}
    page = sign_in(alice).post(f"/admin/accounts/membership/{alice.pk}/change/", form, follow=True)
    assert "keeps at least one supervisor" in page.content.decode()
    alice.refresh_from_db()
    assert alice.role == Role.SUPERVISOR


def test_a_supervisor_revokes_tokens(alice: Membership) -> None:
    token = services.create_token(alice.account, bot="Greeter")
    with scope(alice.account):
        ids = [str(each.pk) for each in ApiToken.objects.all()]
    chosen = {"action": "revoke", "_selected_action": ids}
    page = sign_in(alice).post("/admin/accounts/apitoken/", chosen, follow=True)
    assert "1 token revoked" in page.content.decode()
    assert find_owner(token) is None


SHOWN = re.compile(r'value="(ov_(?:bot|agent)_[^"]+)"')


@pytest.mark.parametrize("kind", ["bot", "member"])
def test_a_token_is_shown_once_in_the_answer_that_makes_it(alice: Membership, bob: Membership, kind: str) -> None:
    with scope(alice.account):
        Bot.objects.create(account=alice.account, name="Greeter")
    browser = sign_in(alice)
    form = {"bot": "Greeter"} if kind == "bot" else {"member": bob.user_id}
    page = browser.post("/admin/accounts/apitoken/add/", form)
    found = SHOWN.search(page.content.decode())
    assert found
    assert "no-store" in page["Cache-Control"]
    owner = find_owner(found[1])
    assert owner is not None
    assert (owner.account_id, owner.bot, owner.user_id) == (
        (alice.account_id, "Greeter", None) if kind == "bot" else (alice.account_id, "", bob.user_id)
    )
    for address in ("", f"{owner.token_id}/change/", f"{owner.token_id}/history/"):
        assert found[1] not in browser.get(f"/admin/accounts/apitoken/{address}").content.decode()
    assert found[1] not in str(dict(browser.session))
    with scope(alice.account):
        entry = AuditEntry.objects.get(action="token.add")
    assert (entry.actor, entry.target) == (alice.user, "Greeter" if kind == "bot" else "Bob")
    assert found[1] not in str(vars(entry))


def test_a_token_is_for_one_bot_or_member_of_the_account(
    alice: Membership, bob: Membership, charlie: Membership
) -> None:
    with scope(alice.account):
        Bot.objects.create(account=alice.account, name="Greeter")
    with scope(charlie.account):
        Bot.objects.create(account=charlie.account, name="Foreign")
    wrong: list[dict[str, Any]] = [
        {},
        {"bot": "Greeter", "member": bob.user_id},
        {"member": charlie.user_id},
        {"bot": "Foreign"},
    ]
    for form in wrong:
        page = sign_in(alice).post("/admin/accounts/apitoken/add/", form).content.decode()
        assert "errornote" in page
        assert not SHOWN.search(page)
    with scope(alice.account):
        assert not ApiToken.objects.exists()


ACCOUNT = {
    "window_days": 30,
    "handover_minutes": 5,
    "language": "en",
    "time_zone": "UTC",
    "region": "",
    "attributes": "",
}


def change_account(who: Membership | User, account: Account, **form: Any) -> int:
    address = f"/admin/accounts/account/{account.pk}/change/"
    return sign_in(who).post(address, {**ACCOUNT, **form}).status_code


def test_a_supervisor_changes_their_account_and_not_its_plan(alice: Membership) -> None:
    account = alice.account
    forged = {"plan": "other", "name": "Other", "slug": "other"}
    wanted = {"window_days": 7, "handover_minutes": 2, "region": "es", "time_zone": "Europe/Madrid", "language": "es"}
    assert change_account(alice, account, **forged, **wanted, attributes="level: gold\nsla: 4 h: soon") == 302
    account.refresh_from_db()
    assert (account.plan, account.name, account.slug) == ("paid", "Acme", "acme")
    assert (account.window_days, account.handover_minutes, account.region) == (7, 2, "ES")
    assert (account.time_zone, account.language) == ("Europe/Madrid", "es")
    assert account.attributes == {"level": "gold", "sla": "4 h: soon"}
    with scope(account):
        entry = AuditEntry.objects.get(action="account.change")
    old, new = dict(entry.old or {}), dict(entry.new or {})
    assert (old["window_days"], new["window_days"]) == (30, 7)
    assert new["attributes"] == account.attributes


def test_what_was_not_changed_is_not_written_down(alice: Membership) -> None:
    Account.objects.filter(pk=alice.account_id).update(attributes={"level": "gold", "sla": "4 h"})
    assert change_account(alice, alice.account, attributes="level: gold\r\nsla: 4 h") == 302
    with scope(alice.account):
        assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        *({"window_days": days} for days in (0, -1, 31, 400, "x")),
        {"handover_minutes": 0},
        {"time_zone": "Mars/Olympus"},
        {"language": "xx"},
        {"attributes": "no value here"},
    ],
)
def test_an_account_does_not_take_what_makes_no_sense(alice: Membership, wrong: dict[str, Any]) -> None:
    assert change_account(alice, alice.account, **wrong) == 200
    with scope(alice.account):
        assert not AuditEntry.objects.exists()


@pytest.mark.parametrize(("days", "status"), [(90, 302), (60, 302), (91, 200)])
def test_a_longer_window_is_the_operator_s_to_give(alice: Membership, operator: User, days: int, status: int) -> None:
    given = {"name": "Acme", "slug": "acme", "plan": "paid"}
    assert change_account(operator, alice.account, **given, window_days=90) == 302
    assert change_account(alice, alice.account, window_days=days) == status


def test_an_operator_changes_a_plan_and_it_is_written_down(operator: User, acme: Account) -> None:
    assert change_account(operator, acme, name=acme.name, slug=acme.slug, plan="free") == 302
    acme.refresh_from_db()
    assert acme.is_locked
    with scope(acme):
        entry = AuditEntry.objects.get(action="account.change")
    assert (entry.actor, entry.old, entry.new) == (operator, {"plan": "paid"}, {"plan": "free"})


def test_an_operator_makes_a_user_who_chooses_the_password_by_e_mail(operator: User) -> None:
    form = {"email": "Ops@Example.com", "name": "Ops", "language": "en", "time_zone": "UTC", "is_active": "on"}
    assert sign_in(operator).post("/admin/accounts/user/add/", form).status_code == 302
    assert not User.objects.get(email="ops@example.com").has_usable_password()
