"""The walls between accounts, read from the database itself: a table that is added without them fails here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.db.models import Model

from channels_ingest.models import Channel, QuarantinedEvent
from oneview.accounts.models import Account, ApiToken, Team
from oneview.common.scope import scope
from tests.factories import make_member

pytestmark = pytest.mark.django_db

UNSCOPED = {"accounts_membership"}  # read before the account is known

# Unique without the account, because they are asked before it is known, or hold over the whole installation.
UNIQUE_WITHOUT_ACCOUNT = {
    ("channels_ingest_channel", ("public_id",)),
    ("channels_ingest_channel", ("kind", "external_id")),
    ("accounts_apitoken", ("hash",)),
}

TABLES = """
SELECT c.relname, c.relispartition FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'account_id' AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace ORDER BY 1
"""

WALLED = """
SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid
WHERE c.relrowsecurity AND c.relforcerowsecurity AND p.polname = 'account' AND p.polcmd = '*'
  AND p.polroles = ARRAY[(SELECT oid FROM pg_roles WHERE rolname = current_user)]
  AND pg_get_expr(p.polqual, p.polrelid) = pg_get_expr(p.polwithcheck, p.polrelid)
  AND pg_get_expr(p.polqual, p.polrelid) LIKE %s
"""

KEYS = """
SELECT c.relname, i.indisprimary, (SELECT array_agg(a.attname::text ORDER BY position)
  FROM unnest(i.indkey::int[]) WITH ORDINALITY AS k (attnum, position)
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
WHERE i.indisunique AND c.relnamespace = 'public'::regnamespace
"""

FOREIGN_KEYS = """
SELECT k.conname, s.relname, t.relname,
  (SELECT array_agg(a.attname::text ORDER BY position) FROM unnest(k.conkey) WITH ORDINALITY AS c (attnum, position)
    JOIN pg_attribute a ON a.attrelid = s.oid AND a.attnum = c.attnum),
  (SELECT array_agg(a.attname::text ORDER BY position) FROM unnest(k.confkey) WITH ORDINALITY AS c (attnum, position)
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = c.attnum)
FROM pg_constraint k JOIN pg_class s ON s.oid = k.conrelid JOIN pg_class t ON t.oid = k.confrelid
WHERE k.contype = 'f' AND s.relnamespace = 'public'::regnamespace
"""


def query(statement: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def list_tables() -> list[str]:
    """All that carry an account, partitioned tables included, their leaves not."""
    return [name for name, is_leaf in query(TABLES) if not is_leaf and name not in UNSCOPED]


def list_leaves() -> list[str]:
    return [name for name, is_leaf in query(TABLES) if is_leaf]


def test_every_table_of_an_account_is_among_the_walled() -> None:
    named = {
        model._meta.db_table for model in apps.get_models() if any(f.name == "account" for f in model._meta.fields)
    }
    assert named - UNSCOPED <= set(list_tables())
    assert len(list_tables()) > 20
    assert len(list_leaves()) > 60


def test_every_table_has_forced_row_level_security_for_the_serving_role() -> None:
    walled = query(WALLED, ["%current_setting('app.account'::text))::bigint%"])
    assert set(list_tables()) - {name for (name,) in walled} == set()


def test_other_policies_of_the_serving_role_are_the_listed_ones() -> None:
    others = query(
        "SELECT c.relname, p.polname, p.polcmd FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
        " WHERE p.polname <> 'account' AND (0 = ANY(p.polroles) OR EXISTS (SELECT FROM pg_roles r"
        " WHERE r.oid = ANY(p.polroles) AND r.rolname = current_user))"
    )
    assert others == [("channels_ingest_inboundevent", "door", "a")]


def test_leaves_are_closed() -> None:
    for leaf in list_leaves():
        [(reads,)] = query(
            "SELECT has_table_privilege(%s::regclass, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')", [leaf]
        )
        assert not reads, leaf
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        query(f"SELECT * FROM {list_leaves()[0]}")


def test_every_key_begins_with_the_account() -> None:
    scoped = {name for name, _ in query(TABLES)} - UNSCOPED
    broken = {
        (table, tuple(columns))
        for table, _, columns in query(KEYS)
        if table in scoped and columns[0] != "account_id" and (table, tuple(columns)) not in UNIQUE_WITHOUT_ACCOUNT
    }
    assert broken == set()


def test_foreign_keys_between_tables_of_an_account_carry_it() -> None:
    scoped = set(list_tables())
    broken = [
        name
        for name, source, target, columns, targets in query(FOREIGN_KEYS)
        if source in scoped and target in scoped and not (columns[0] == targets[0] == "account_id")
    ]
    assert broken == []


def test_no_foreign_key_points_at_a_partitioned_table() -> None:
    """It would stop the drop of a day."""
    pointed_at = {target for _, _, target, _, _ in query(FOREIGN_KEYS)}
    partitioned = {name for (name,) in query("SELECT relname FROM pg_class WHERE relkind = 'p'")}
    assert partitioned == {"inbox_message", "inbox_snapshot"}
    assert not partitioned & pointed_at


def test_an_unscoped_query_raises_for_every_table() -> None:
    """By index: a sequential scan asks for the account at the first row, and the tables are empty here."""
    query("SELECT set_config('enable_seqscan', 'off', true)")
    for table in list_tables():
        for statement in (f"SELECT * FROM {table}", f"DELETE FROM {table}", f"UPDATE {table} SET account_id = 1"):
            with pytest.raises(DatabaseError), transaction.atomic():
                query(f"{statement} RETURNING account_id" if "SELECT" not in statement else statement)


def test_an_account_sees_and_writes_its_own_rows_alone(acme: Account, zenith: Account) -> None:
    for account in (acme, zenith):
        with scope(account):
            Team.objects.create(account=account, name=f"Team {account.name}")
    with scope(acme):
        assert [team.name for team in Team.objects.all()] == ["Team Acme"]
        assert Team.objects.filter(account=zenith).update(name="stolen") == 0
        assert Team.objects.filter(account=zenith)._raw_delete("default") == 0
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            Team.objects.create(account=zenith, name="planted")
        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
            Team.objects.update(account=zenith)
    with scope(zenith):
        assert [team.name for team in Team.objects.all()] == ["Team Zenith"]


def test_a_row_cannot_point_into_another_account(acme: Account, zenith: Account) -> None:
    with scope(zenith):
        theirs = Channel.objects.create(account=zenith, kind="telegram", name="T", external_id="1", credentials={})
    with scope(acme) as now, pytest.raises(IntegrityError, match="is not present"):
        plant(QuarantinedEvent(account=acme, channel=theirs, inbound_id=theirs.id, received_at=now))


def plant(row: Model) -> None:
    with transaction.atomic():
        row.save()
        query("SET CONSTRAINTS ALL IMMEDIATE")


def test_a_nested_scope_gives_the_outer_account_back(acme: Account, zenith: Account) -> None:
    with scope(acme):
        with scope(zenith):
            Team.objects.create(account=zenith, name="Night")
        assert not Team.objects.exists()
    with pytest.raises(DatabaseError), transaction.atomic():
        Team.objects.exists()


@pytest.mark.parametrize("nothing", [None, True, "1", 1.0])
def test_a_scope_of_nothing_is_refused(nothing: Any) -> None:
    with pytest.raises((TypeError, AttributeError)), scope(nothing):
        pass


def test_the_serving_role_can_change_no_wall() -> None:
    [(role, passes, owns)] = query(
        "SELECT current_user, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb,"
        " EXISTS (SELECT FROM pg_class WHERE relowner = r.oid AND relnamespace = 'public'::regnamespace)"
        " FROM pg_roles r WHERE rolname = current_user"
    )
    assert (role, passes, owns) == (connections["default"].settings_dict["USER"], False, False)
    assert role != connections["owner"].settings_dict["USER"]
    with pytest.raises(DatabaseError, match="must be owner"), transaction.atomic():
        query("ALTER TABLE accounts_team DISABLE ROW LEVEL SECURITY")
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        query("CREATE TABLE public.leak (account_id bigint)")


def test_functions_that_pass_the_walls_are_the_reviewed_ones() -> None:
    definers = query(
        "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        " AND has_function_privilege(oid, 'EXECUTE') ORDER BY 1"
    )
    assert [name for (name,) in definers] == [
        "claim_requests",
        "drop_day",
        "due_endpoints",
        "due_media",
        "due_threads",
        "ended_sessions",
        "ensure_day",
        "live_heads",
        "note_handshake",
        "route",
        "teams_of",
        "token_owner",
        "waiting_since",
    ]
    unfixed = query(
        "SELECT proname FROM pg_proc WHERE prosecdef AND pronamespace = 'public'::regnamespace AND proconfig IS NULL"
    )
    assert unfixed == []


def test_a_token_of_another_account_is_found_by_its_hash_only(acme: Account) -> None:
    member = make_member(acme)
    with scope(acme):
        ApiToken.objects.create(account=acme, user=member.user, hash="0" * 64)
    assert query("SELECT account_id FROM token_owner(%s)", ["0" * 64]) == [(acme.id,)]
    assert query("SELECT account_id FROM token_owner(%s)", ["%"]) == [(None,)]
