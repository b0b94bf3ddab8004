"""Bots in the admin: where they answer, and that one which was switched off is nobody."""

from __future__ import annotations

import pytest

from channels_ingest.models import Channel
from oneview.accounts.models import AuditEntry, Bot, Membership
from oneview.accounts.services import create_token
from oneview.accounts.tokens import find_owner
from oneview.common.scope import scope
from tests.fixtures import sign_in

pytestmark = pytest.mark.django_db

ADD = "/admin/accounts/bot/add/"


def make_channel(member: Membership) -> str:
    with scope(member.account):
        made = Channel.objects.create(
            account=member.account, kind="webchat", name="Shop", external_id=str(member.pk), credentials={}
        )
    return str(made.pk)


def test_a_bot_answers_on_every_channel_or_on_chosen_ones(alice: Membership) -> None:
    browser, channel = sign_in(alice), make_channel(alice)
    assert browser.post(ADD, {"name": "Greeter", "is_active": "on"}).status_code == 302
    assert browser.post(ADD, {"name": "Seller", "channels": [channel], "is_active": "on"}).status_code == 302
    with scope(alice.account):
        bots = {bot.name: list(map(str, bot.channels or [])) for bot in Bot.objects.all()}
        actions = list(AuditEntry.objects.values_list("action", "target"))
    assert bots == {"Greeter": [], "Seller": [channel]}
    assert actions == [("bot.add", "Greeter"), ("bot.add", "Seller")]
    assert "Shop" in browser.get("/admin/accounts/bot/").content.decode()


def test_a_channel_of_another_account_cannot_be_chosen(alice: Membership, charlie: Membership) -> None:
    page = sign_in(alice).post(ADD, {"name": "Spy", "channels": [make_channel(charlie)]})
    assert "errornote" in page.content.decode()


def test_two_bots_have_different_names_and_a_name_stays(alice: Membership) -> None:
    browser = sign_in(alice)
    browser.post(ADD, {"name": "Greeter", "is_active": "on"})
    assert "already" in browser.post(ADD, {"name": " Greeter "}, follow=True).content.decode()
    with scope(alice.account):
        bot = Bot.objects.get()
    browser.post(f"/admin/accounts/bot/{bot.pk}/change/", {"name": "Other", "is_active": "on"})
    with scope(alice.account):
        assert Bot.objects.get().name == "Greeter"


def test_the_token_of_a_bot_that_is_switched_off_is_nobody_s_until_it_is_on_again(alice: Membership) -> None:
    token = create_token(alice.account, bot="Greeter")
    with scope(alice.account):
        bot = Bot.objects.get(name="Greeter")
    browser, address = sign_in(alice), f"/admin/accounts/bot/{bot.pk}/change/"
    assert browser.post(address, {}).status_code == 302
    assert find_owner(token) is None
    with scope(alice.account):
        entry = AuditEntry.objects.get(action="bot.change")
    assert (entry.old, entry.new) == ({"channels": None, "is_active": True}, {"channels": None, "is_active": False})
    assert browser.post(address, {"is_active": "on"}).status_code == 302
    assert find_owner(token) is not None
