"""Every question that the admin can be asked about somebody else's rows, made from the admin itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import get_content_type_for_model
from django.db.models import Field, ForeignKey, Model
from django.test import Client
from django.urls import reverse

from oneview.accounts.admin_site import site
from tests.security.worlds import World

FORMATS = ("startswith", "exact", "in", "gte", "isnull", "regex")


@dataclass(frozen=True, slots=True)
class Probe:
    """One request. `says`: what of it may be in the answer, since it was asked with it."""

    method: str
    url: str
    content: Mapping[str, Any] = field(default_factory=dict)
    says: str = ""


@dataclass(slots=True)
class Report:
    """`leaks`: probes whose answer holds something of theirs."""

    count: int = 0
    leaks: list[str] = field(default_factory=list)


def list_probes(ours: World, theirs: World) -> Iterator[Probe]:
    for model, admin in sorted(site._registry.items(), key=lambda item: item[0]._meta.label):
        yield from _probe_pages(model, theirs)
        yield from _probe_lookups(model, theirs)
        yield from _probe_list(model, admin, theirs)
        yield from _probe_forms(model, ours, theirs)
        yield from _probe_actions(model, admin, ours, theirs)
        yield from _probe_autocomplete(model, theirs)
    for page in site.pages:
        yield Probe("GET", reverse(f"admin:{page.path}"))
        yield Probe("GET", reverse(f"admin:{page.path}") + f"?account={theirs.member.account_id}")
    for app in sorted({model._meta.app_label for model in site._registry}):
        yield Probe("GET", reverse("admin:app_list", args=[app]))
    yield Probe("GET", reverse("admin:index"))
    yield Probe("GET", reverse("admin:jsi18n"))


def run_probes(browser: Client, probes: Iterator[Probe], theirs: World) -> Report:
    """Asks all of them. An answer may be anything but a failure of ours, and holds no word of theirs that it was not
    asked with.
    """
    report = Report()
    secrets = {theirs.word} | {str(row.pk) for row in theirs.rows.values() if len(str(row.pk)) > 20}
    for probe in probes:
        report.count += 1
        browser.cookies.pop("messages", None)  # what the probe before was told
        answer = browser.generic(
            probe.method,
            probe.url,
            urlencode(probe.content, doseq=True),
            content_type="application/x-www-form-urlencoded",
            follow=True,
        )
        assert answer.status_code < 500, probe
        asked = f"{probe.url} {urlencode(probe.content, doseq=True)} {probe.says}"
        text = answer.content.decode()
        listed = {str(row.pk) for row in answer.context["cl"].result_list} if _is_list(answer) else set()
        found = {secret for secret in secrets if secret in text and secret not in asked} | (listed & secrets)
        if found:
            report.leaks.append(f"{probe.method} {probe.url}: {sorted(found)[:3]}")
    return report


def _is_list(answer: Any) -> bool:
    return bool(answer.context) and "cl" in answer.context


def _address(model: type[Model], page: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=arguments)


def _probe_pages(model: type[Model], theirs: World) -> Iterator[Probe]:
    """Their row by its id, in every page, as pop-up, and by other fields."""
    id = theirs.rows[model].pk
    for page in ("change", "history", "delete"):
        for query in ("", "?_popup=1", "?_to_field=id", "?_to_field=account", "?_changelist_filters=q%3Dx"):
            yield Probe("GET", _address(model, page, id) + query)
        for method in ("PUT", "DELETE", "HEAD"):
            yield Probe(method, _address(model, page, id))
    type_id = get_content_type_for_model(model()).pk
    yield Probe("GET", f"/admin/r/{type_id}/{id}/")


def _probe_lookups(model: type[Model], theirs: World) -> Iterator[Probe]:
    """Every column, of the row and one relation further, in every manner of asking."""
    list_url = _address(model, "changelist")
    for path, value in _list_paths(model, theirs):
        for form in FORMATS:
            asked = {"isnull": "0", "regex": "."}.get(form, str(value))
            yield Probe("GET", f"{list_url}?{urlencode({f'{path}__{form}': asked})}")
        yield Probe("GET", f"{list_url}?{urlencode({path: value})}")


def _list_paths(model: type[Model], theirs: World) -> Iterator[tuple[str, Any]]:
    row = theirs.rows[model]
    for column in _columns(model):
        yield column.name, _value(row, column)
        if isinstance(column, ForeignKey):
            related = column.related_model
            assert isinstance(related, type)
            other = theirs.rows.get(related)
            for further in _columns(related):
                yield f"{column.name}__{further.name}", _value(other, further) if other else theirs.word


def _columns(model: type[Model]) -> list[Field[Any, Any]]:
    return [column for column in model._meta.concrete_fields if isinstance(column, Field)]


def _value(row: Model, column: Field[Any, Any]) -> Any:
    value = getattr(row, column.attname, "")
    return value if isinstance(value, str | int) else str(value)[:80]


def _probe_list(model: type[Model], admin: ModelAdmin[Any], theirs: World) -> Iterator[Probe]:
    list_url = _address(model, "changelist")
    queries: list[dict[str, Any]] = [
        {"q": theirs.word},
        {"q": str(theirs.rows[model].pk)},
        {"account": theirs.member.account_id},
        {"contact": theirs.rows[model].pk},
        {"_to_field": "account", "_popup": 1},
        {"all": ""},
        {"e": 1},
        {"p": "-1"},
        {"p": "99999999999999999999"},
        *({"o": order} for order in ("1", "-1", "1.-2", "99", "x")),
    ]
    for each in admin.list_filter:
        name = each if isinstance(each, str) else getattr(each, "parameter_name", "")
        queries += [{f"{name}__exact": theirs.rows[model].pk}, {str(name): theirs.rows[model].pk}]
    for query in queries:
        yield Probe("GET", f"{list_url}?{urlencode(query)}")


def _probe_forms(model: type[Model], ours: World, theirs: World) -> Iterator[Probe]:
    """Forms filled with their ids: into their row, into ours, into a new one."""
    columns = _columns(model)
    forged: dict[str, Any] = {column.name: _forge(column, theirs) for column in columns}
    planted = forged | {"account": theirs.member.account_id, "_save": "1"}
    for url in (
        _address(model, "change", theirs.rows[model].pk),
        _address(model, "change", ours.rows[model].pk),
        _address(model, "add"),
        _address(model, "add") + "?kind=whatsapp",
        _address(model, "add") + "?_popup=1",
    ):
        yield Probe("POST", url, planted)
        for column in columns:
            yield Probe("POST", url, {column.name: forged[column.name], "_save": "1"})
    yield Probe("POST", _address(model, "delete", theirs.rows[model].pk), {"post": "yes"})
    formset: dict[str, Any] = {
        "form-TOTAL_FORMS": 1,
        "form-INITIAL_FORMS": 1,
        "form-0-id": theirs.rows[model].pk,
        "form-0-DELETE": "on",
        "_save": "1",
    }
    formset |= {f"form-0-{name}": each for name, each in forged.items()}
    yield Probe("POST", _address(model, "changelist"), formset)


def _forge(column: Field[Any, Any], theirs: World) -> Any:
    if isinstance(column, ForeignKey) and isinstance(column.related_model, type):
        other = theirs.rows.get(column.related_model)
        return other.pk if other else theirs.member.account_id
    return "forged"


def _probe_actions(model: type[Model], admin: ModelAdmin[Any], ours: World, theirs: World) -> Iterator[Probe]:
    names = [each if isinstance(each, str) else getattr(each, "__name__", "") for each in admin.actions or ()]
    for action in [*names, "delete_selected"]:
        for chosen in ([theirs.rows[model].pk], [ours.rows[model].pk, theirs.rows[model].pk]):
            for across in (0, 1):
                content = {
                    "action": action,
                    "index": 0,
                    ACTION_CHECKBOX_NAME: chosen,
                    "select_across": across,
                    "post": "yes",
                }
                yield Probe("POST", _address(model, "changelist"), content)


def _probe_autocomplete(model: type[Model], theirs: World) -> Iterator[Probe]:
    for column in _columns(model):
        query = {
            "app_label": model._meta.app_label,
            "model_name": model._meta.model_name,
            "field_name": column.name,
            "term": theirs.word,
        }
        yield Probe("GET", f"/admin/autocomplete/?{urlencode(query)}")
