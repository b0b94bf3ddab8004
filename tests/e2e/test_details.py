"""The details of a contact in a browser: typed fields, tags, notes, two editors, history, who shares a number."""

from __future__ import annotations

from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from inbox.models import AttributeDefinition, Conversation, Tag
from inbox.services.conversations import assign
from inbox.services.details import edit_contact
from inbox.shapes import Agent
from oneview.accounts.models import Account, Membership
from oneview.common.scope import scope
from tests.e2e.conftest import Held, Open, answer_late
from tests.e2e.test_inbox_page import SMALL_TARGETS, count_violations
from tests.inbox.batches import ana, make_channel, message, take_in, user


@pytest.fixture
def conversation(acme: Account, bob: Membership) -> UUID:
    """Ana's; Priya has written too. Bob has both."""
    with scope(acme):
        channel = make_channel(acme)
        for name, type in (("since", "date"), ("orders", "number"), ("plan", "choice")):
            choices = ["gold", "silver"] if type == "choice" else []
            AttributeDefinition.objects.create(
                account=acme, name=name, label=name.title(), type=type, choices=choices, group="Company"
            )
        Tag.objects.bulk_create(Tag(account=acme, name=name) for name in ("VIP", "Wholesale"))
    take_in(acme, channel, message("hi", sender=user("GB.9", phone="447700900123", name="Priya Raman")))
    take_in(acme, channel, message("hola", sender=ana()))
    with scope(acme) as now:
        newest, other = Conversation.objects.order_by("-last_message_id").values_list("id", flat=True)
        for id in (newest, other):
            assign(acme, id, actor=Agent(bob.user_id, "Bob"), assignee=bob.user_id, now=now)
        return newest


def open_field(page: Page, name: str) -> None:
    page.locator(f".fact[data-field={name}] .fact-edit").click()


def test_every_type_has_its_own_field(bob: Membership, conversation: UUID, open_inbox: Open) -> None:
    page = open_inbox(bob, f"/inbox/c/{conversation}/")
    open_field(page, "since")
    page.locator("input[type=date]").fill("2025-11-26")
    page.keyboard.press("Enter")
    expect(page.locator(".fact[data-field=since]")).to_contain_text("Nov. 26, 2025")
    open_field(page, "orders")
    page.locator("input[type=number]").fill("12.50")
    page.keyboard.press("Enter")
    expect(page.locator(".fact[data-field=orders]")).to_contain_text("12.5")
    open_field(page, "plan")
    page.locator(".fact-form select").select_option("silver")
    page.keyboard.press("Enter")
    expect(page.locator(".fact[data-field=plan]")).to_contain_text("silver")
    expect(page.locator(".fact[data-field=plan] .fact-edit")).to_be_focused()


def test_no_click_and_no_key_is_lost_while_the_details_get_ready(
    bob: Membership, conversation: UUID, open_inbox: Open
) -> None:
    page = open_inbox(bob)
    answer_late(page, "**/later/panel*.js")
    page.goto(f"/inbox/c/{conversation}/")
    page.focus("#timeline")
    page.keyboard.press("F6")
    expect(page.locator("#panel")).to_be_focused()
    open_field(page, "name")
    expect(page.locator(".fact-form .input")).to_be_focused()


def test_nothing_is_replaced_under_a_pressed_button(
    acme: Account, bob: Membership, conversation: UUID, open_inbox: Open
) -> None:
    page = open_inbox(bob, f"/inbox/c/{conversation}/")
    expect(page.locator(".panel-body:not([inert])")).to_be_visible()
    held = Held(page, "**/panel/")
    with scope(acme) as now:
        edit_contact(acme, conversation, actor=Agent(bob.user_id, "Bob"), changes={"language": "de"}, now=now)
    held.wait()
    page.locator(".fact[data-field=name] .fact-edit").hover()
    page.mouse.down()
    held.release()
    page.wait_for_timeout(500)
    page.mouse.up()
    expect(page.locator(".fact[data-field=name] .input")).to_be_focused()


def test_tags_and_labels_by_keyboard(bob: Membership, conversation: UUID, open_inbox: Open) -> None:
    page = open_inbox(bob, f"/inbox/c/{conversation}/")
    page.locator(".panel-body:not([inert]) #add-tag").focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="VIP").press("Enter")
    expect(page.get_by_role("button", name="Take off the tag VIP")).to_be_visible()
    page.get_by_label("Add a label").fill("billing")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Take off the label billing")).to_be_visible()
    expect(page.get_by_label("Add a label")).to_be_focused()
    page.get_by_role("button", name="Take off the tag VIP").click()
    expect(page.get_by_role("button", name="Take off the tag VIP")).to_have_count(0)


def test_two_editors_and_a_note_meet_on_both_screens(
    alice: Membership, bob: Membership, conversation: UUID, open_inbox: Open
) -> None:
    bobs, hers = (open_inbox(who, f"/inbox/c/{conversation}/") for who in (bob, alice))
    open_field(bobs, "name")
    open_field(hers, "name")
    bobs.keyboard.type("Ana P.")
    bobs.keyboard.press("Enter")
    expect(bobs.locator(".panel-person")).to_contain_text("Ana P.")
    hers.keyboard.type("Anita")
    hers.keyboard.press("Enter")
    hers.get_by_role("button", name="Keep mine").click()
    expect(bobs.locator(".fact[data-field=name]")).to_contain_text("Anita")
    bobs.get_by_label("A note on this customer").fill("Half written")
    hers.get_by_label("A note on this customer").fill("Prefers mornings")
    hers.keyboard.press("Control+Enter")
    expect(bobs.locator(".note")).to_contain_text("Prefers mornings")
    expect(bobs.get_by_label("A note on this customer")).to_have_value("Half written")


def test_a_change_is_put_back_from_the_history(bob: Membership, conversation: UUID, open_inbox: Open) -> None:
    page = open_inbox(bob, f"/inbox/c/{conversation}/")
    open_field(page, "name")
    page.keyboard.type("Anita")
    page.keyboard.press("Enter")
    expect(page.locator(".panel-person")).to_contain_text("Anita")
    page.get_by_role("heading", name="History").click()
    page.get_by_role("button", name="Put back Name: Ana Prieto").click()
    expect(page.locator(".panel-person")).to_contain_text("Ana Prieto")
    expect(page.locator(".change")).to_have_count(2)
    assert count_violations(page) == []


def test_who_has_the_same_number_is_asked_about_and_joined(
    bob: Membership, conversation: UUID, open_inbox: Open
) -> None:
    page = open_inbox(bob, f"/inbox/c/{conversation}/")
    open_field(page, "phone")
    page.keyboard.type("+44 7700 900123")
    page.keyboard.press("Enter")
    expect(page.locator(".question")).to_contain_text("Priya Raman")
    assert count_violations(page) == []
    assert page.evaluate(SMALL_TARGETS) == []
    page.get_by_role("button", name="Later").click()
    expect(page.locator(".question")).to_have_count(0)
    page.reload()
    page.get_by_role("button", name="Join them").click()
    expect(page.locator(".row")).to_have_count(1)
    expect(page.locator(".question")).to_have_count(0)
