"""Every page of the admin, as people read it."""

from __future__ import annotations

import re

import pytest
from django.db.models import Model
from django.urls import reverse

from oneview import urls  # noqa: F401  registers the pages
from oneview.accounts.admin_site import site
from oneview.accounts.models import Membership, User
from tests.fixtures import sign_in
from tests.security.worlds import World, make_world

pytestmark = pytest.mark.django_db

MODELS = sorted(site._registry.keys() - {User}, key=lambda model: model._meta.label)

# An object without a name, an instant or a span as Python writes them.
RAW = re.compile(r"\w+ object \([^)]*\)|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[.+]|\b\d+:\d\d:\d\d\.\d+")


@pytest.fixture
def world(alice: Membership) -> World:
    return make_world(alice, "Acme")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model._meta.label))
def test_lists_and_objects_are_told_in_words(world: World, model: type[Model]) -> None:
    browser, names = sign_in(world.member), f"admin:{model._meta.app_label}_{model._meta.model_name}"
    for page in (
        reverse(f"{names}_changelist"),
        reverse(f"{names}_change", args=[world.rows[model].pk]),
    ):
        answer = browser.get(page)
        assert answer.status_code == 200
        assert RAW.findall(answer.content.decode()) == []


def test_what_is_only_read_has_no_history_of_changes(world: World) -> None:
    browser, with_history = sign_in(world.member), set()
    for model in MODELS:
        names = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        page = browser.get(reverse(f"{names}_change", args=[world.rows[model].pk])).content.decode()
        if "historylink" in page:
            with_history.add(model.__name__)
    assert "Bot" in with_history
    assert with_history.isdisjoint({"AuditEntry", "Conversation", "Message", "OutboxMessage"})


def test_kinds_and_states_are_filtered_by_their_names(world: World) -> None:
    browser = sign_in(world.member)
    channels = browser.get("/admin/channels_ingest/channel/?kind=whatsapp").content.decode()
    assert ">Web chat</a>" in channels
    assert "Acme" in channels
    assert "1 channel" in channels
    assert "0 channels" in browser.get("/admin/channels_ingest/channel/?kind=webchat").content.decode()
    messages = browser.get("/admin/inbox/message/").content.decode()
    assert ">Outcome not known</a>" in messages
    assert ">Bot</a>" in browser.get("/admin/inbox/dailycount/").content.decode()
