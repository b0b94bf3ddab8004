"""What supervisors and operators do in the admin."""

from __future__ import annotations

import pytest

from oneview.accounts import services
from oneview.accounts.models import Account, ApiToken, AuditEntry, Membership, Role, Team, User
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


def test_teams_have_different_names(alice: Membership) -> None:
    browser = sign_in(alice)
    assert browser.post("/admin/accounts/team/add/", {"name": "Night"}).status_code == 302
    again = browser.post("/admin/accounts/team/add/", {"name": "Night"}, follow=True)
    assert "already" in again.content.decode()
    with scope(alice.account):
        assert Team.objects.count() == 1


def test_a_supervisor_revokes_tokens(alice: Membership) -> None:
    token = services.create_token(alice.account, bot="Greeter")
    with scope(alice.account):
        ids = [str(each.pk) for each in ApiToken.objects.all()]
    chosen = {"action": "revoke", "_selected_action": ids}
    page = sign_in(alice).post("/admin/accounts/apitoken/", chosen, follow=True)
    assert "1 token revoked" in page.content.decode()
    assert find_owner(token) is None


def test_a_supervisor_reads_the_plan_and_cannot_change_it(alice: Membership) -> None:
    browser, address = sign_in(alice), f"/admin/accounts/account/{alice.account_id}/change/"
    page = browser.get(address)
    assert page.status_code == 200
    assert 'name="plan"' not in page.content.decode()
    assert browser.post(address, {"plan": "other", "name": "Acme", "slug": "acme"}).status_code == 403


def test_an_operator_changes_a_plan_and_it_is_written_down(operator: User, acme: Account) -> None:
    form = {
        "name": acme.name,
        "slug": acme.slug,
        "plan": "free",
        "window_days": 30,
        "language": "en",
        "time_zone": "UTC",
        "region": "",
    }
    answer = sign_in(operator).post(f"/admin/accounts/account/{acme.pk}/change/", form)
    assert answer.status_code == 302
    acme.refresh_from_db()
    assert acme.is_locked
    with scope(acme):
        entry = AuditEntry.objects.get(action="account.change")
    assert (entry.actor, entry.old, entry.new) == (operator, {"plan": "paid"}, {"plan": "free"})


def test_an_operator_makes_a_user_who_chooses_the_password_by_e_mail(operator: User) -> None:
    form = {"email": "Ops@Example.com", "name": "Ops", "language": "en", "time_zone": "UTC", "is_active": "on"}
    assert sign_in(operator).post("/admin/accounts/user/add/", form).status_code == 302
    assert not User.objects.get(email="ops@example.com").has_usable_password()
