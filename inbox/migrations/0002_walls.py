"""Day partitions, walls, and the functions that make and drop days."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import migrations

from oneview.common.walls import Reference, app_role, wall

BEHIND, AHEAD = 31, 8

PARTITIONED = """
CREATE TABLE {table}_parted (LIKE {table} INCLUDING DEFAULTS INCLUDING GENERATED, PRIMARY KEY (account_id, id)) PARTITION BY RANGE (id);
DROP TABLE {table};
ALTER TABLE {table}_parted RENAME TO {table};
ALTER INDEX {table}_parted_pkey RENAME TO {table}_pkey
"""

INDEXES = """
CREATE INDEX message_thread ON inbox_message (account_id, thread_id, id DESC);
CREATE INDEX message_search ON inbox_message USING gin (search);
CREATE SEQUENCE inbox_arrival
"""

MESSAGE_FLOOR = """
CREATE FUNCTION message_floor(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex(floor(extract(epoch FROM at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$
"""

# A leaf is made aside and attached, so that the parent is never locked against inserts. Leaves are closed to everybody but the owner:
# a leaf named directly is not covered by its parent's policy.
ENSURE_DAY = """
CREATE FUNCTION ensure_day(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
  parent text;
  leaf text;
  made boolean := false;
BEGIN
  PERFORM pg_advisory_xact_lock(20261001, 1);
  FOREACH parent IN ARRAY ARRAY['inbox_message', 'inbox_snapshot'] LOOP
    leaf := parent || '_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(leaf) IS NOT NULL;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS)', leaf, parent);
    EXECUTE format('REVOKE ALL ON %I FROM PUBLIC, APPROLE', leaf);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, leaf,
      message_floor(day::timestamp AT TIME ZONE 'UTC'), message_floor((day + 1)::timestamp AT TIME ZONE 'UTC'));
    made := true;
  END LOOP;
  RETURN made;
END $$
"""

# A day is dropped when it is empty, or when it has left the longest window of all accounts; the number of its messages,
# NULL when it stays. One short try: the caller repeats it.
DROP_DAY = """
CREATE FUNCTION drop_day(day date) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '50ms' AS $$
DECLARE
  parent text;
  leaf text;
  held bigint;
  messages bigint := 0;
  expired boolean;
BEGIN
  SELECT (day + 1)::timestamp AT TIME ZONE 'UTC' + max(window_days) * interval '1 day' < now() INTO expired FROM accounts_account;
  IF day >= (now() AT TIME ZONE 'UTC')::date - 1 THEN RETURN NULL; END IF;
  FOREACH parent IN ARRAY ARRAY['inbox_message', 'inbox_snapshot'] LOOP
    leaf := parent || '_' || to_char(day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass(leaf) IS NULL;
    EXECUTE format('SELECT count(*) FROM %I', leaf) INTO held;
    IF held > 0 AND NOT coalesce(expired, true) THEN RETURN NULL; END IF;
    IF parent = 'inbox_message' THEN messages := held; END IF;
    EXECUTE format('DROP TABLE %I', leaf);
  END LOOP;
  RETURN messages;
END $$
"""


def partition(apps: Any, schema_editor: Any) -> None:
    for table in ("inbox_message", "inbox_snapshot"):
        for statement in PARTITIONED.format(table=table).split(";"):
            schema_editor.execute(statement)
    for statement in INDEXES.split(";"):
        schema_editor.execute(statement)


def make_days(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute(MESSAGE_FLOOR, params=None)
    schema_editor.execute(ENSURE_DAY.replace("APPROLE", schema_editor.quote_name(app_role())), params=None)
    schema_editor.execute(DROP_DAY, params=None)
    today = datetime.now(UTC).date()
    for offset in range(-BEHIND, AHEAD + 1):
        schema_editor.execute("SELECT ensure_day(%s)", [today + timedelta(days=offset)])


class Migration(migrations.Migration):
    dependencies = [
        ("inbox", "0001_initial"),
        ("identity", "0002_walls"),
        ("channels_ingest", "0002_walls"),
        ("accounts", "0002_walls"),
    ]
    operations = [
        migrations.RunPython(partition, migrations.RunPython.noop),
        wall(
            *(
                f"inbox_{name}"
                for name in (
                    "message",
                    "messagekey",
                    "pendingeffect",
                    "thread",
                    "conversation",
                    "snapshot",
                    "livecounter",
                    "liveevent",
                )
            ),
            keep_keys=("inbox_message", "inbox_snapshot", "inbox_messagekey", "inbox_livecounter", "inbox_liveevent"),
            references=[
                Reference("inbox_message", "thread_id", "inbox_thread"),
                Reference("inbox_thread", "channel_id", "channels_ingest_channel"),
                Reference("inbox_thread", "identity_id", "identity_identity"),
                Reference("inbox_thread", "conversation_id", "identity_identity"),
                Reference("inbox_thread", "team_id", "accounts_team"),
                Reference("inbox_conversation", "id", "identity_identity"),
                Reference("inbox_conversation", "team_id", "accounts_team"),
                Reference("inbox_messagekey", "channel_id", "channels_ingest_channel"),
                Reference("inbox_pendingeffect", "channel_id", "channels_ingest_channel"),
            ],
        ),
        migrations.RunPython(make_days, migrations.RunPython.noop),
    ]
