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

# Goes round the accounts that have requests waiting, beginning behind `after`, and counts an attempt of the oldest
# requests of the first account whose lock is free. `sizes`: how many at once, by the attempts behind the oldest; one
# that has as many attempts as there are sizes comes alone. `channels` changes with every change of a channel. A claim
# that is lost with the server's power does no harm, so it waits for no disk.
CLAIM_REQUESTS = """
CREATE FUNCTION claim_requests(after bigint, sizes int[], most_bytes bigint)
RETURNS TABLE (account bigint, at timestamptz, window_days int, channels text,
  id uuid, channel uuid, headers jsonb, body bytea, received_at timestamptz, attempts smallint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
  candidate bigint;
  last bigint := after;
  wrapped boolean := false;
BEGIN
  LOOP
    SELECT account_id INTO candidate FROM channels_ingest_inboundevent
      WHERE state = 0 AND account_id > last ORDER BY account_id LIMIT 1;
    IF candidate IS NULL THEN
      IF wrapped THEN RETURN; END IF;
      wrapped := true;
      last := -1;
      CONTINUE;
    END IF;
    IF wrapped AND candidate > after THEN RETURN; END IF;
    EXIT WHEN pg_try_advisory_xact_lock(candidate);
    last := candidate;
  END LOOP;
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT a.window_days INTO window_days FROM accounts_account a WHERE a.id = candidate;
  SELECT md5(coalesce(string_agg(c.id::text || c.xmin::text, ',' ORDER BY c.id), '')) INTO channels
    FROM channels_ingest_channel c WHERE c.account_id = candidate;
  RETURN QUERY
  WITH waiting AS (
    SELECT id, attempts, coalesce(octet_length(body), 0) AS size FROM channels_ingest_inboundevent
    WHERE account_id = candidate AND state = 0 ORDER BY id LIMIT sizes[1]
  ), measured AS (
    SELECT id, row_number() OVER oldest AS place, first_value(attempts) OVER oldest AS behind,
      max(attempts) OVER oldest AS worst, sum(size) OVER oldest AS bytes
    FROM waiting WINDOW oldest AS (ORDER BY id)
  ), chosen AS (
    SELECT id FROM measured WHERE place = 1
    OR (place <= sizes[behind + 1] AND worst < array_length(sizes, 1) AND bytes <= most_bytes)
  ), claimed AS (
    UPDATE channels_ingest_inboundevent request SET attempts = request.attempts + 1 FROM chosen
    WHERE request.account_id = candidate AND request.id = chosen.id RETURNING request.*
  )
  SELECT account_id, now(), window_days, channels, id, channel_id, headers, body, received_at, attempts
  FROM claimed ORDER BY id;
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
        migrations.RunSQL(CLAIM_REQUESTS, "DROP FUNCTION claim_requests"),
        migrations.RunSQL(DUE_THREADS, "DROP FUNCTION due_threads"),
        migrations.RunSQL(DUE_MEDIA, "DROP FUNCTION due_media"),
        migrations.RunSQL(WAITING_SINCE, "DROP FUNCTION waiting_since"),
    ]
