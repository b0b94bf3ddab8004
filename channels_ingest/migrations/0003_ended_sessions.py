"""Sessions of visitors that were signed out of, for the door to know with the channel they belong to."""

import django.db.models.deletion
from django.db import migrations, models

import oneview.common.ids
from oneview.common.walls import Reference, wall

ENDED_SESSIONS = """
CREATE FUNCTION ended_sessions(given_account bigint, given_channel uuid) RETURNS text[]
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce(array_agg(session), '{}') FROM channels_ingest_endedsession
  WHERE account_id = given_account AND channel_id = given_channel
$$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_walls"), ("channels_ingest", "0002_walls")]
    operations = [
        migrations.CreateModel(
            name="EndedSession",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("session", models.CharField(max_length=40)),
                ("ended_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to="accounts.account"
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="channels_ingest.channel",
                    ),
                ),
            ],
            options={"indexes": [models.Index(fields=["account", "channel", "ended_at"], name="ended_sessions")]},
        ),
        wall(
            "channels_ingest_endedsession",
            references=[Reference("channels_ingest_endedsession", "channel_id", "channels_ingest_channel")],
        ),
        migrations.RunSQL(ENDED_SESSIONS, "DROP FUNCTION ended_sessions"),
    ]
