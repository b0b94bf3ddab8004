"""How often the API may be asked: each token for itself, and a user over all their sessions."""

from __future__ import annotations

import pytest

from oneview.accounts import middleware
from oneview.accounts.models import Account, Membership
from tests.fixtures import sign_in
from tests.inbox.api import API, Caller, agent_caller, bot_caller, problem_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "BEARER_RATE", "3/minute")
    monkeypatch.setattr(middleware, "SESSION_RATE", "3/minute")


def use_up(calls: Caller) -> None:
    for _ in range(3):
        assert calls.get("channels/").status_code == 200


def test_a_token_that_asks_too_often_is_told_when_to_come_again(bob: Membership) -> None:
    calls = agent_caller(bob)
    use_up(calls)
    answer = calls.get("channels/")
    assert problem_of(answer) == (429, "rate_limited")
    assert 50 < int(answer.headers["Retry-After"]) <= 60
    assert answer.json()["detail"] == f"Please wait {answer.headers['Retry-After']} seconds."


def test_every_method_and_address_is_counted(bob: Membership) -> None:
    calls = agent_caller(bob)
    use_up(calls)
    assert problem_of(calls.client.post(f"{API}files/", {})) == (429, "rate_limited")
    assert problem_of(calls.get("nowhere/")) == (429, "rate_limited")


def test_each_token_is_counted_alone(acme: Account, bob: Membership) -> None:
    use_up(agent_caller(bob))
    use_up(agent_caller(bob))
    use_up(bot_caller(acme))


def test_a_user_is_counted_over_all_their_sessions_and_pages_are_not(bob: Membership) -> None:
    one, other = sign_in(bob), sign_in(bob)
    for _ in range(5):
        assert one.get("/inbox/").status_code == 200
    answers = [browser.get(f"{API}channels/").status_code for browser in (one, other, one, other)]
    assert answers == [200, 200, 200, 429]
    use_up(agent_caller(bob))


@pytest.mark.committed  # each call is a transaction of its own
def test_who_is_nobody_is_told_so_however_often_they_ask(acme: Account) -> None:
    for _ in range(5):
        assert problem_of(Caller("ov_agent_nobody").get("channels/")) == (401, "unauthenticated")


def test_every_method_says_that_it_may_be_refused_for_a_while(bob: Membership) -> None:
    described = agent_caller(bob).client.get(f"{API}schema/", {"format": "json"}).json()
    answers = [method["responses"] for path in described["paths"].values() for method in path.values()]
    assert len(answers) > 20
    for each in answers:
        assert each["429"]["headers"]["Retry-After"]["schema"]["type"] == "integer"
        assert set(each["429"]["content"]) == {"application/problem+json"}
