"""What is answered when something is wrong: pages to people, problems to programs."""

from __future__ import annotations

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory

from oneview.accounts.models import Membership
from oneview.common.problems import wants_problem
from tests.fixtures import sign_in

pytestmark = pytest.mark.django_db


def refuse(*_: object, **__: object) -> None:
    raise OperationalError("the database is away")


def test_the_root_is_the_inbox(client: Client) -> None:
    assert client.get("/")["Location"] == "/inbox/"


def test_what_is_not_there_is_a_page(client: Client) -> None:
    answer = client.get("/nowhere/")
    assert answer.status_code == 404
    assert "nothing at this address" in answer.content.decode()


def test_while_the_database_is_away_everything_can_be_asked_again(
    alice: Membership, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = sign_in(alice)
    browser.raise_request_exception = False
    monkeypatch.setattr("oneview.accounts.middleware.find_membership", refuse)
    page = browser.get("/inbox/")
    assert page.status_code == 503
    assert "not available" in page.content.decode()
    fragment = browser.get("/inbox/list/", headers={"X-Fragment": "list"})
    assert (fragment.status_code, fragment.json()["code"], fragment["Retry-After"]) == (503, "unavailable", "5")
    assert browser.get("/api/v1/channels/").json()["code"] == "unavailable"


def test_a_mistake_of_ours_is_said_to_be_one(alice: Membership, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    browser = sign_in(alice)
    browser.raise_request_exception = False
    monkeypatch.setattr("oneview.accounts.middleware.find_membership", fail)
    page = browser.get("/inbox/")
    assert page.status_code == 500
    assert "ZeroDivisionError" not in page.content.decode()
    assert browser.get("/api/v1/channels/").json()["code"] == "internal"


@pytest.mark.parametrize(
    ("method", "path", "headers", "program"),
    [
        ("GET", "/api/v1/channels/", {}, True),
        ("GET", "/inbox/", {}, False),
        ("GET", "/inbox/", {"X-Fragment": "list"}, True),
        ("POST", "/inbox/c/x/status/", {}, True),
        ("POST", "/accounts/login/", {}, False),
    ],
)
def test_programs_are_told_apart_from_people(method: str, path: str, headers: dict[str, str], program: bool) -> None:
    assert wants_problem(RequestFactory().generic(method, path, headers=headers)) is program
