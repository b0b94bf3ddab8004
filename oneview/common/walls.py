"""Migration operations that wall a table in: row level security, and keys that begin with the account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import migrations

POLICY = "account_id = (SELECT current_setting('app.account')::bigint)"


@dataclass(frozen=True, slots=True)
class Reference:
    """A composite foreign key `(account_id, column)` to `(account_id, id)` of `target`."""

    table: str
    column: str
    target: str


def app_role() -> str:
    return str(settings.DATABASES["default"]["USER"])


def wall(*tables: str, keep_keys: Iterable[str] = (), references: Iterable[Reference] = ()) -> migrations.RunPython:
    """Policy and FORCE on each table, primary key `(account_id, id)`, composite foreign keys.

    `keep_keys` names tables whose primary key begins with the account already. The serving role sees its account alone
    and an unscoped statement of it raises; the owner, which migrates, sees all.
    """
    kept, foreign = frozenset(keep_keys), tuple(references)

    def build(apps: Any, schema_editor: Any) -> None:
        quote = schema_editor.quote_name
        owner, app = quote(schema_editor.connection.settings_dict["USER"]), quote(app_role())
        for table in tables:
            if table not in kept:
                schema_editor.execute(
                    f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, ADD PRIMARY KEY (account_id, id)"
                )
            schema_editor.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
            schema_editor.execute(f"CREATE POLICY account ON {table} TO {app} USING ({POLICY}) WITH CHECK ({POLICY})")
            if owner != app:
                schema_editor.execute(f"CREATE POLICY owner ON {table} TO {owner} USING (true) WITH CHECK (true)")
        for key in foreign:
            schema_editor.execute(
                f"ALTER TABLE {key.table} ADD CONSTRAINT {key.table}_{key.column}_fk FOREIGN KEY (account_id, "
                f"{key.column}) "
                f"REFERENCES {key.target} (account_id, id) DEFERRABLE INITIALLY DEFERRED"
            )

    return migrations.RunPython(build, migrations.RunPython.noop)
