"""The processes that other tests use are real, and see what a test commits."""

import time
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING

import pytest
import redis
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db import OperationalError, connections

from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.factories import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def count_waiting() -> int:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        return int(client.llen(f"{settings.REDIS_PREFIX}periodic"))


@pytest.mark.usefixtures("worker")
def test_the_worker_takes_tasks() -> None:
    current_app.signature("inbox.tasks.wake_snoozed").set(queue="periodic").apply_async()
    deadline = time.monotonic() + 30
    while count_waiting() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert count_waiting() == 0


@pytest.mark.parametrize("run", [1, 2])
@pytest.mark.committed
def test_what_is_committed_is_gone_in_the_next_test(run: int) -> None:
    assert not Account.objects.exists()
    Account.objects.create(slug="acme", name="Acme")
    assert Account.objects.using("owner").exists(), "another connection sees it"


@pytest.mark.committed
def test_who_still_reads_when_the_tables_are_emptied_fails_no_test(acme: Account) -> None:
    """After this test: the emptying waits for the table that is being read, and the reader for those being emptied."""
    reads = Event()

    def is_emptied() -> bool:
        with connections["default"].cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
                "WHERE d.datname = current_database() AND l.mode = 'AccessExclusiveLock' AND NOT l.granted)"
            )
            return bool(cursor.fetchone()[0])

    def read() -> None:
        with suppress(OperationalError), scope(acme):
            assert Account.objects.exists()
            reads.set()
            while not is_emptied():
                time.sleep(0.02)
            for model in apps.get_models():
                model._default_manager.exists()
        connections.close_all()

    Thread(target=read, daemon=True).start()
    assert reads.wait(20)


def test_tests_connect_as_the_role_that_serves(db: None) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT current_database(), rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        database, role, passes_walls = cursor.fetchone()
    assert database.startswith("test_")
    assert (role, passes_walls) == ("oneview_app", False)


def test_alice_signs_in_with_a_browser(live: str, alice: Membership, browser: "Browser") -> None:
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live}/inbox/")
    page.locator("[name=login]").fill(alice.user.email)
    page.locator("[name=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/inbox/")
    page.wait_for_load_state()
    page.close()
    assert complaints == []
