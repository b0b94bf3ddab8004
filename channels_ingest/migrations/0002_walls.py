"""Walls, and the reads that come before an account is known: which channel an address belongs to, which account has work waiting."""

from typing import Any

from django.db import migrations

from oneview.common.walls import Reference, app_role, wall

ROUTE = """
CREATE FUNCTION route(given text, OUT account_id bigint, OUT channel_id uuid, OUT kind text, OUT external_id text, OUT credentials bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT account_id, id, kind, external_id, credentials FROM channels_ingest_channel WHERE public_id = given
$$
"""

# Goes round the accounts that have requests waiting, beginning behind `after`, and takes the first account lock that is free.
CLAIM_ACCOUNT = """
CREATE FUNCTION claim_account(after bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  candidate bigint;
  last bigint := after;
  wrapped boolean := false;
BEGIN
  LOOP
    SELECT account_id INTO candidate FROM channels_ingest_inboundevent
      WHERE state = 0 AND account_id > last ORDER BY account_id LIMIT 1;
    IF candidate IS NULL THEN
      IF wrapped THEN RETURN NULL; END IF;
      wrapped := true;
      last := -1;
      CONTINUE;
    END IF;
    IF wrapped AND candidate > after THEN RETURN NULL; END IF;
    IF pg_try_advisory_xact_lock(candidate) THEN RETURN candidate; END IF;
    last := candidate;
  END LOOP;
END $$
"""

# A head that waits for its next attempt holds its thread: those behind it are not due.
DUE_THREADS = """
CREATE FUNCTION due_threads(most integer, OUT account_id bigint, OUT thread_id uuid) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT head.account_id, head.thread_id FROM (
    SELECT DISTINCT ON (m.account_id, m.thread_id) m.account_id, m.thread_id, m.next_attempt_at, m.leased_until
    FROM channels_ingest_outboxmessage m WHERE m.state IN ('queued', 'sending') ORDER BY m.account_id, m.thread_id, m.id
  ) head
  WHERE head.next_attempt_at <= now() AND coalesce(head.leased_until, '-infinity') <= now() LIMIT most
$$
"""

DUE_MEDIA = """
CREATE FUNCTION due_media(most integer, OUT account_id bigint, OUT media_id uuid) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT account_id, id FROM channels_ingest_mediaobject WHERE state = 'wanted' AND next_attempt_at <= now() LIMIT most
$$
"""

# For health probes: since when the oldest request and the oldest due message of any account have been waiting.
WAITING_SINCE = """
CREATE FUNCTION waiting_since(OUT inbound timestamptz, OUT outbox timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT (SELECT min(received_at) FROM channels_ingest_inboundevent WHERE state = 0),
    (SELECT min(next_attempt_at) FROM channels_ingest_outboxmessage
      WHERE state IN ('queued', 'sending') AND next_attempt_at <= now() AND coalesce(leased_until, '-infinity') <= now())
$$
"""


def open_door(apps: Any, schema_editor: Any) -> None:
    """The door stores requests of several accounts in one statement, so it inserts unscoped; it reads nothing back."""
    app = schema_editor.quote_name(app_role())
    schema_editor.execute(f"CREATE POLICY door ON channels_ingest_inboundevent FOR INSERT TO {app} WITH CHECK (true)")


class Migration(migrations.Migration):
    dependencies = [("channels_ingest", "0001_initial")]
    operations = [
        wall(
            *(
                f"channels_ingest_{name}"
                for name in (
                    "channel",
                    "inboundevent",
                    "quarantinedevent",
                    "outboxmessage",
                    "deliveryattempt",
                    "mediaobject",
                )
            ),
            references=[
                Reference("channels_ingest_inboundevent", "channel_id", "channels_ingest_channel"),
                Reference("channels_ingest_quarantinedevent", "channel_id", "channels_ingest_channel"),
                Reference("channels_ingest_outboxmessage", "channel_id", "channels_ingest_channel"),
                Reference("channels_ingest_deliveryattempt", "outbox_id", "channels_ingest_outboxmessage"),
                Reference("channels_ingest_mediaobject", "channel_id", "channels_ingest_channel"),
            ],
        ),
        migrations.RunPython(open_door, migrations.RunPython.noop),
        migrations.RunSQL(ROUTE, "DROP FUNCTION route"),
        migrations.RunSQL(CLAIM_ACCOUNT, "DROP FUNCTION claim_account"),
        migrations.RunSQL(DUE_THREADS, "DROP FUNCTION due_threads"),
        migrations.RunSQL(DUE_MEDIA, "DROP FUNCTION due_media"),
        migrations.RunSQL(WAITING_SINCE, "DROP FUNCTION waiting_since"),
    ]
