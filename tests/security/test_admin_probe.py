"""Another account's supervisor asks the admin everything that it can be asked, and finds nothing of ours."""

from __future__ import annotations

import sys
from itertools import islice
from typing import Any

import pytest
from django.contrib.admin import ModelAdmin
from django.db import connection
from django.http import HttpRequest

from oneview import urls  # noqa: F401  registers the pages
from oneview.accounts.admin_site import ScopedAdmin
from tests.fixtures import sign_in
from tests.security.probing import list_probes, run_probes
from tests.security.worlds import World, dump

pytestmark = pytest.mark.django_db


def test_a_supervisor_of_another_account_finds_nothing(
    ours: World, theirs: World, capsys: pytest.CaptureFixture[str]
) -> None:
    before = dump(theirs.member.account)
    report = run_probes(sign_in(ours.member), list_probes(ours, theirs), theirs)
    with capsys.disabled():
        sys.stdout.write(f"\n{report.count} probes of the admin, {len(report.leaks)} leaks\n")
    assert report.leaks == []
    assert report.count > 3_000
    assert dump(theirs.member.account) == before


def test_the_probe_notices_when_the_walls_are_open(ours: World, theirs: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the filter the database still holds; without both walls, the probe sees it."""
    browser = sign_in(ours.member)
    probes = list(islice(list_probes(ours, theirs), 400))
    monkeypatch.setattr(ScopedAdmin, "get_queryset", lambda self, request: ModelAdmin.get_queryset(self, request))
    assert run_probes(browser, iter(probes), theirs).leaks == []

    def open_both(self: Any, request: HttpRequest) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('app.account', %s, true)", [str(theirs.member.account_id)])
        return ModelAdmin.get_queryset(self, request)

    monkeypatch.setattr(ScopedAdmin, "get_queryset", open_both)
    assert run_probes(browser, iter(probes), theirs).leaks != []
