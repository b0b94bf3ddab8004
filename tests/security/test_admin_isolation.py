"""A walk through the whole admin: nothing of another account is shown or changed, whatever is asked for."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.contrib.admin import ModelAdmin
from django.db.models import BigAutoField, Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from channels_ingest.models import Channel
from oneview import urls  # noqa: F401  registers the pages
from oneview.accounts import services
from oneview.accounts.admin_site import site
from oneview.accounts.models import Account, Membership, Role, User
from oneview.common.scope import scope
from tests.fixtures import sign_in
from tests.security.worlds import World, dump

pytestmark = pytest.mark.django_db

MODELS = sorted(site._registry, key=lambda model: model._meta.label)
OPERATORS_ONLY = {User}
OPERATORS_TOO = {Account, User, Membership}
PAGES = ("change", "history", "delete")
NEVER_GIVEN = {"uuid": UUID(int=7), "int": 999_999_999}


def address(model: type[Model], page: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def never_given(model: type[Model]) -> Any:
    return NEVER_GIVEN["int" if isinstance(model._meta.pk, BigAutoField) else "uuid"]


def name(model: type[Model]) -> str:
    return str(model._meta.label)


def test_every_page_of_the_admin_has_a_row_in_both_worlds(ours: World, theirs: World) -> None:
    assert set(MODELS) == set(ours.rows) == set(theirs.rows)
    assert len(MODELS) > 12


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_a_supervisor_sees_their_own_account_in_lists(ours: World, theirs: World, model: type[Model]) -> None:
    page = sign_in(ours.member).get(address(model, "changelist"))
    if model in OPERATORS_ONLY:
        assert page.status_code == 403
        return
    assert page.status_code == 200
    assert str(ours.rows[model].pk) in page.content.decode()
    assert theirs.word not in page.content.decode()
    assert str(theirs.rows[model].pk) not in list_ids(page)


def list_ids(page: Any) -> set[str]:
    return {str(row.pk) for row in page.context["cl"].result_list}


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_their_row_answers_as_one_that_never_existed(ours: World, theirs: World, model: type[Model]) -> None:
    browser = sign_in(ours.member)
    for page in PAGES:
        answers = []
        for id in (theirs.rows[model].pk, never_given(model)):
            answer = browser.get(address(model, page, id), follow=True)
            text = answer.content.decode()
            assert theirs.word not in text
            answers.append((answer.status_code, answer.redirect_chain, blank(text, id)))
        assert answers[0] == answers[1]


def blank(text: str, id: Any) -> list[str]:
    """The lines of a page without the id that was asked for, and without its token, which differs each time."""
    lines = text.replace(f"/{id}/", "/ID/").replace(f"“{id}”", "“ID”").splitlines()
    return [line for line in lines if "csrfmiddlewaretoken" not in line]


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_our_own_row_can_be_opened(ours: World, model: type[Model]) -> None:
    """The negative tests above would pass for an admin that shows nothing."""
    browser = sign_in(ours.member)
    for page in ("change", "history"):
        is_open = browser.get(address(model, page, ours.rows[model].pk)).status_code == 200
        assert is_open is (model not in OPERATORS_ONLY)


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_no_filter_and_no_search_reaches_their_rows(ours: World, theirs: World, model: type[Model]) -> None:
    browser = sign_in(ours.member)
    queries: list[dict[str, Any]] = [
        {"q": theirs.word},
        {"account__id__exact": theirs.member.account_id},
        {"account": theirs.member.account_id},
        {"account__name__startswith": "q"},
        {"id__exact": theirs.rows[model].pk},
        {"pk__in": theirs.rows[model].pk},
        {"contact": theirs.rows[model].pk},
        {"_to_field": "account"},
        {"_popup": 1, "_to_field": "id"},
        {"o": "1.-2"},
        {"all": ""},
        {"e": 1},
    ]
    admin: ModelAdmin[Any] = site._registry[model]
    queries += [{f"{each}__exact": theirs.rows[model].pk} for each in admin.list_filter if isinstance(each, str)]
    for query in queries:
        answer = browser.get(address(model, "changelist"), query, follow=True)
        assert answer.status_code < 500, query
        if answer.context and "cl" in answer.context:
            assert list_ids(answer).isdisjoint(str(row.pk) for row in theirs.rows.values()), query
        if theirs.word not in query.values():
            assert theirs.word not in answer.content.decode(), query


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_columns_cannot_be_guessed_through_the_address(alice: Membership, operator: User, model: type[Model]) -> None:
    for browser in (sign_in(alice), sign_in(operator)):
        for lookup in ("password__startswith", "user__password__startswith", "hash__startswith", "account__plan"):
            assert browser.get(address(model, "changelist"), {lookup: "a"}).status_code in (400, 403)


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_forged_posts_change_nothing_of_theirs(ours: World, theirs: World, model: type[Model]) -> None:
    browser, row = sign_in(ours.member), theirs.rows[model]
    before = dump(theirs.member.account)
    forged = {field.name: "forged" for field in model._meta.fields} | {
        "account": theirs.member.account_id,
        "role": "supervisor",
    }
    for page in ("change", "delete"):
        browser.post(address(model, page, row.pk), {**forged, "post": "yes"})
    actions = [each for each in site._registry[model].actions or () if isinstance(each, str)]
    for action in [*actions, "delete_selected"]:
        chosen = {"action": action, "index": 0, "_selected_action": [str(row.pk)], "select_across": 1, "post": "yes"}
        browser.post(address(model, "changelist"), chosen)
    browser.post(
        address(model, "changelist"), {"form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": row.pk, "_save": 1}
    )
    planted = {**forged, "name": "planted", "email": "planted@example.com"}
    browser.post(address(model, "add"), planted)
    assert dump(theirs.member.account) == before


CHANNEL_ACTS = (("check",), ("drop", "app_secret"))


@pytest.mark.parametrize("act", CHANNEL_ACTS, ids=lambda act: act[0])
def test_nobody_acts_on_a_channel_of_another_account(
    ours: World, theirs: World, bob: Membership, operator: User, act: tuple[str, ...]
) -> None:
    two = {"app_secret": ["new", "old"], "verify_token": "v", "access_token": "t"}
    for world in (ours, theirs):
        with scope(world.member.account):
            Channel.objects.update(credentials=two)
    before = dump(theirs.member.account)
    page, *arguments = act

    def post(who: Membership | User, channel: Any) -> int:
        return sign_in(who).post(address(Channel, page, channel, *arguments), follow=True).status_code

    channels = [world.rows[Channel].pk for world in (theirs, ours)]
    assert [post(ours.member, channel) for channel in (*channels, never_given(Channel))] == [404, 200, 404]
    assert [post(who, channel) for who in (bob, operator) for channel in channels] == [403] * 4
    assert dump(theirs.member.account) == before


def list_admin_addresses(ours: World) -> list[str]:
    """Every address of the admin, filled with ids of our own account."""
    [admin] = [
        each for each in get_resolver().url_patterns if isinstance(each, URLResolver) and each.namespace == "admin"
    ]
    found = []
    for model in MODELS:
        found += [address(model, page) for page in ("changelist", "add")]
        found += [address(model, page, ours.rows[model].pk) for page in PAGES]
    found += [address(Channel, page, ours.rows[Channel].pk, *more) for page, *more in CHANNEL_ACTS]
    for pattern in admin.url_patterns:
        if isinstance(pattern, URLPattern) and pattern.name and pattern.name not in ("login", "logout", "app_list"):
            found.append(reverse(f"admin:{pattern.name}"))
    return [*found, *(reverse("admin:app_list", args=[model._meta.app_label]) for model in MODELS)]


def test_an_agent_sees_nothing_of_the_admin(ours: World, bob: Membership) -> None:
    browser = sign_in(bob)
    for each in list_admin_addresses(ours):
        answer = browser.get(each, follow=True)
        assert answer.status_code == 403, each
        assert ours.word not in answer.content.decode(), each


def test_nobody_sees_anything_of_the_admin(ours: World, client: Client) -> None:
    for each in list_admin_addresses(ours):
        answer = client.get(each, follow=True)
        assert answer.redirect_chain[-1][0].startswith("/accounts/login/"), each


def test_a_supervisor_who_was_deactivated_is_out(ours: World, bob: Membership) -> None:
    browser = sign_in(ours.member)
    services.update_member(bob, role=Role.SUPERVISOR, is_active=True, actor=None)
    services.update_member(ours.member, role=Role.SUPERVISOR, is_active=False, actor=None)
    for each in list_admin_addresses(ours):
        assert browser.get(each, follow=True).status_code == 403, each


def test_a_user_who_was_deactivated_is_signed_out(ours: World) -> None:
    browser = sign_in(ours.member)
    User.objects.filter(pk=ours.member.user_id).update(is_active=False)
    assert browser.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/")


@pytest.mark.parametrize("model", MODELS, ids=name)
def test_an_operator_sees_accounts_and_users_and_nothing_inside_them(
    ours: World, theirs: World, operator: User, model: type[Model]
) -> None:
    browser = sign_in(operator)
    expected = 200 if model in OPERATORS_TOO else 403
    assert browser.get(address(model, "changelist")).status_code == expected
    assert browser.get(address(model, "change", theirs.rows[model].pk)).status_code == expected


def test_a_supervisor_cannot_become_an_operator(ours: World) -> None:
    browser, user = sign_in(ours.member), ours.member.user
    form = {
        "email": user.email,
        "name": "Root",
        "is_superuser": "on",
        "is_staff": "on",
        "role": "supervisor",
        "is_active": "on",
    }
    assert browser.post(address(User, "change", user.pk), form).status_code == 403
    browser.post(address(Membership, "change", ours.member.pk), form)
    user.refresh_from_db()
    assert (user.is_superuser, user.is_staff, user.name) == (False, False, "Alice")


def test_views_that_look_objects_up_by_themselves_are_left_out(ours: World, theirs: World) -> None:
    browser = sign_in(ours.member)
    query = {"app_label": "identity", "model_name": "evidence", "field_name": "a", "term": theirs.word}
    assert browser.get("/admin/autocomplete/", query).status_code == 404
    assert browser.get(f"/admin/r/1/{theirs.rows[User].pk}/").status_code == 404


def test_the_admin_remembers_to_oneself_only(ours: World, bob: Membership) -> None:
    """Recent actions are the user's own."""
    services.update_member(bob, role=Role.SUPERVISOR, is_active=True, actor=None)
    team = {"name": "Night owls", "routing": "manual", "time_zone": "UTC"}
    assert sign_in(ours.member).post("/admin/accounts/team/add/", team).status_code == 302
    assert "Night owls" in sign_in(ours.member).get("/admin/").content.decode()
    assert "Night owls" not in sign_in(bob).get("/admin/").content.decode()
