"""An installation of the release before, brought to this one: what a migration moves arrives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from oneview.bootstrap import ROOT

NAME = f"upgrade_{os.getpid()}"
RELEASED = {"accounts": "0002", "identity": "0003", "channels_ingest": "0004", "inbox": "0005"}

STORE = """
INSERT INTO accounts_account (
  id, slug, name, plan, window_days, language, time_zone, region, attributes, identity_key, created_at
) SELECT n, 'a' || n, 'Account', 'paid', 30, 'en', 'UTC', '', '{}', '', now() FROM generate_series(1, 2) n;
INSERT INTO accounts_apitoken (id, account_id, bot, hash, created_at, revoked_at) VALUES
  (gen_random_uuid(), 1, 'Concierge', '1', now(), NULL),
  (gen_random_uuid(), 1, 'Concierge', '2', now(), now()),
  (gen_random_uuid(), 1, 'Retired', '3', now(), now()),
  (gen_random_uuid(), 1, '', '4', now(), NULL),
  (gen_random_uuid(), 2, 'Concierge', '5', now(), NULL);
"""


def connect(name: str) -> psycopg.Connection[tuple[object, ...]]:
    """As the owner, who sees every account."""
    return psycopg.connect(url_of("DATABASE_OWNER_URL", name), autocommit=True)


def url_of(variable: str, name: str) -> str:
    return os.environ[variable].replace("/oneview?", f"/{name}?")


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Of commands on an empty database of their own."""
    database = sql.Identifier(NAME)
    with connect("postgres") as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(database))
        yield {**os.environ, **{name: url_of(name, NAME) for name in ("DATABASE_URL", "DATABASE_OWNER_URL")}}
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(database))


def migrate(environment: dict[str, str], *target: str) -> None:
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", *target]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)


def test_bots_that_were_names_on_tokens_stay_bots(environment: dict[str, str]) -> None:
    for app, migration in RELEASED.items():
        migrate(environment, app, migration)
    with connect(NAME) as connection:
        connection.execute(STORE)
        migrate(environment)
        bots = connection.execute("SELECT account_id, name, is_active, channels FROM accounts_bot ORDER BY 1, 2")
        assert bots.fetchall() == [
            (1, "Concierge", True, None),
            (1, "Retired", False, None),
            (2, "Concierge", True, None),
        ]
