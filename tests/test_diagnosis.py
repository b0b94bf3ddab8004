"""What the doctor finds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from channels_ingest.models import Channel
from oneview import diagnosis
from oneview.accounts.models import Account
from oneview.bootstrap import ROOT
from oneview.common.beats import Beat
from oneview.common.scope import scope

pytestmark = pytest.mark.django_db

OTHER_KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture(autouse=True)
def _drain_beats() -> None:
    beat = Beat("drain")
    beat.give()
    beat.close()


def find(word: str) -> list[diagnosis.Finding]:
    return [finding for finding in diagnosis.examine() if word in finding.what]


def test_a_test_installation_lacks_only_durability() -> None:
    assert {finding.what.split()[0] for finding in diagnosis.examine()} == {
        "fsync",
        "full_page_writes",
        "synchronous_commit",
    }


def test_it_says_what_to_do_and_exits_with_1() -> None:
    output, errors = StringIO(), StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("doctor", stdout=output, stderr=errors)
    assert exit_.value.code == 1
    report = json.loads(output.getvalue())
    assert report["healthy"] is False
    assert all(set(finding) == {"what", "do", "fault"} for finding in report["findings"])
    assert "Set fsync = on in PostgreSQL." in errors.getvalue()


def test_it_answers_where_nothing_runs_and_nothing_is_set(tmp_path: Path) -> None:
    names = ("SECRET_KEY", "ENCRYPTION_KEYS", "DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in names}
    run = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=ROOT,
        env={**environment, "VAR_DIR": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 1, run.stderr
    found = {finding["what"].split()[0].rstrip(":") for finding in json.loads(run.stdout)["findings"]}
    assert {"SECRET_KEY", "ENCRYPTION_KEYS", "database", "redis"} <= found


def test_credentials_that_no_key_opens_are_named(acme: Account, settings: LazySettings) -> None:
    with scope(acme):
        Channel.objects.create(account=acme, kind="telegram", name="Bot", external_id="1", credentials={"a": "b"})
    assert not find("Bot")
    settings.ENCRYPTION_KEYS = [OTHER_KEY]
    [finding] = find("Bot")
    assert "former key" in finding.do
    settings.ENCRYPTION_KEYS = ["short"]
    assert find("ENCRYPTION_KEYS")


def test_an_open_table_is_found() -> None:
    assert not find("open to every account")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            diagnosis, "WALLESS", diagnosis.WALLESS.replace("c.relrowsecurity AND", "NOT c.relrowsecurity AND")
        )
        assert find("accounts_team is open to every account")


def test_a_role_that_passes_walls_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "ROLE", diagnosis.ROLE.replace("current_user", "'postgres'"))
    assert find("superuser or has BYPASSRLS")
    monkeypatch.setattr(diagnosis, "ROLE", diagnosis.ROLE.replace("'postgres'", "'oneview_owner'"))
    assert find("owns tables")


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("SECRET_KEY", "short", "SECRET_KEY"),
        ("ENCRYPTION_KEYS", [], "ENCRYPTION_KEYS"),
        ("DEBUG", True, "DEBUG"),
        ("PUBLIC_URL", "http://chat.example.com", "not https"),
        ("PUBLIC_URL", "https://chat.example.com", "DEMO is on"),
        ("DEMO", False, "ALLOW_LOCAL_PROVIDERS"),
        ("REDIS_URL", "unix:///nowhere.sock", "redis"),
        ("MEDIA_ROOT", Path("/dev/null/media"), "Files can't be written"),
    ],
)
def test_settings_that_hurt_are_found(settings: LazySettings, name: str, value: object, word: str) -> None:
    assert not find(word)
    setattr(settings, name, value)
    assert find(word)


def test_faults_come_before_notes(settings: LazySettings) -> None:
    settings.DEBUG = True
    assert [finding.fault for finding in diagnosis.examine()] == [True, True, True, False]
