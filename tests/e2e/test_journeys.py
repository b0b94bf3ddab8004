"""The main job, the whole way: a real provider call, every process, a browser, and back to the provider."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from inbox.services.retention import purge_expired
from oneview.accounts.admin_site import site
from oneview.accounts.models import Account, Membership
from oneview.accounts.services import create_token
from tests.e2e.conftest import Open, call, list_sent
from tests.fixtures import sign_in
from tests.inbox.storage import find_everywhere

pytestmark = pytest.mark.usefixtures("drain", "worker")

LONG = 20_000  # milliseconds: four processes on a busy machine


def row_of(page: Page, name: str) -> Any:
    return page.locator("li.row", has_text=name)


def test_there_and_back(live: str, bob: Membership, customer: Callable[..., Any], open_inbox: Open) -> None:
    """A message is seen without a reload; the answer is sent exactly once and its tick turns to read."""
    page = open_inbox(bob, "/inbox/?box=unassigned")
    customer("Is my order on its way?")
    expect(row_of(page, "Ana Prieto")).to_be_visible(timeout=LONG)
    row_of(page, "Ana Prieto").locator("a").click()
    expect(page.locator("article.msg", has_text="Is my order on its way?")).to_be_visible(timeout=LONG)
    customer("It is number 4711")
    expect(page.locator("article.msg", has_text="It is number 4711")).to_be_visible(timeout=LONG)
    page.fill("#text", "It leaves today.")
    page.keyboard.press("Enter")
    reply = page.locator("article.msg-agent", has_text="It leaves today.")
    expect(reply.locator(".tick-read")).to_be_visible(timeout=LONG)
    expect(reply).to_have_count(1)
    assert list_sent(live) == ["It leaves today."]


def test_undoing_a_join_parts_people_before_the_agents_eyes(
    bob: Membership, customer: Callable[..., Any], open_inbox: Open
) -> None:
    """Two ids that share a number are one conversation; undone they are two, each with its own messages."""
    customer("I wrote with my old id", sender="ES.1111111111", phone="34600111222", name="Ana Prieto")
    page = open_inbox(bob, "/inbox/?box=all")
    expect(row_of(page, "Ana Prieto")).to_have_count(1, timeout=LONG)
    customer("And with my new id", sender="ES.2222222222", phone="34600111222", name="Ana Prieto")
    row_of(page, "Ana Prieto").locator("a").click()
    expect(page.locator("article.msg", has_text="And with my new id")).to_be_visible(timeout=LONG)
    expect(page.locator("article.msg", has_text="I wrote with my old id")).to_be_visible()
    page.locator(".identity", has_text="ES.2222222222").get_by_role("button", name="Undo").click()
    expect(row_of(page, "Ana Prieto")).to_have_count(2, timeout=LONG)
    customer("Only mine", sender="ES.2222222222", phone="34600111222", name="Ana Prieto")
    expect(page.locator("li.row", has_text="Only mine")).to_be_visible(timeout=LONG)
    expect(row_of(page, "Ana Prieto")).to_have_count(2)


def test_a_message_whose_time_has_come_is_gone(
    live: str, acme: Account, bob: Membership, alice: Membership, customer: Callable[..., Any], open_inbox: Open
) -> None:
    """Without beat: page, API, socket and admin stop showing it at once; the purge takes it from every place."""
    sent_at = datetime.now(UTC) - timedelta(days=acme.window_days) + timedelta(hours=1)
    customer("A word of long ago", at=sent_at.isoformat())
    page = open_inbox(bob, "/inbox/?box=all")
    row_of(page, "Ana Prieto").locator("a").click()
    expect(page.locator("article.msg", has_text="A word of long ago")).to_be_visible(timeout=LONG)
    token = create_token(acme, user=bob.user)
    (conversation,) = call(f"{live}/api/v1/conversations/?status=all", token=token)["results"]
    assert conversation["last_message"]["text"] == "A word of long ago"
    Account.objects.filter(pk=acme.pk).update(window_days=acme.window_days - 1)  # a day later
    page.reload()
    expect(page.locator("body")).not_to_contain_text("A word of long ago")
    assert call(f"{live}/api/v1/conversations/?status=all", token=token)["results"] == []
    events = json.dumps(call(f"{live}/api/v1/events/?after=0", token=token))
    assert "A word of long ago" not in events
    for address in list_admin_pages():
        assert "A word of long ago" not in sign_in(alice).get(address).content.decode(), address
    purge_expired()
    assert find_everywhere("A word of long ago") == []


def test_the_free_plan_shuts_the_inbox_and_loses_nothing(
    live: str, acme: Account, bob: Membership, customer: Callable[..., Any], open_inbox: Open
) -> None:
    """An open page locks by itself, page and API are refused; what was written meanwhile is there on a paid plan."""
    page = open_inbox(bob, "/inbox/?box=all")
    token = create_token(acme, user=bob.user)
    Account.objects.filter(pk=acme.pk).update(plan="free")
    expect(page.get_by_role("heading", name="Messages are part of the paid plans")).to_be_visible(timeout=LONG)
    customer("Is anybody there?")
    page.reload()
    expect(page.get_by_role("heading", name="Messages are part of the paid plans")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("Is anybody there?")
    with pytest.raises(urllib.error.HTTPError) as refused:
        call(f"{live}/api/v1/conversations/", token=token)
    with refused.value as answer:
        assert (answer.code, json.load(answer)["code"]) == (403, "plan_required")
    Account.objects.filter(pk=acme.pk).update(plan="paid")
    page.goto("/inbox/?box=all")
    row_of(page, "Ana Prieto").locator("a").click()
    expect(page.locator("article.msg", has_text="Is anybody there?")).to_be_visible(timeout=LONG)


def list_admin_pages() -> list[str]:
    return [reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist") for model in site._registry]
