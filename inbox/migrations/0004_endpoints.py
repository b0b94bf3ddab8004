"""Addresses that are told what changes, walled in, and the function that finds those to be told now."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import oneview.common.crypto
import oneview.common.ids
from oneview.common.walls import wall

# The free plan tells nobody: its inbox is closed.
DUE_ENDPOINTS = """
CREATE FUNCTION due_endpoints(most integer, OUT account_id bigint, OUT endpoint_id uuid) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT e.account_id, e.id FROM inbox_endpoint e
  JOIN inbox_livecounter c ON c.account_id = e.account_id JOIN accounts_account a ON a.id = e.account_id
  WHERE e.state = 'on' AND e.after <> c.seq AND e.next_attempt_at <= now()
    AND coalesce(e.leased_until, '-infinity') <= now() AND a.plan <> 'free'
  ORDER BY e.next_attempt_at LIMIT most
$$
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_walls"), ("inbox", "0003_live_heads")]
    operations = [
        migrations.CreateModel(
            name="Endpoint",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("url", models.CharField(max_length=2000, verbose_name="address")),
                ("bot", models.CharField(blank=True, max_length=120, verbose_name="bot")),
                (
                    "events",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=24), size=None, verbose_name="events"
                    ),
                ),
                ("secret", oneview.common.crypto.EncryptedJSONField()),
                (
                    "state",
                    models.CharField(
                        choices=[("on", "On"), ("off", "Off")], default="on", max_length=3, verbose_name="state"
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300, verbose_name="reason")),
                ("after", models.BigIntegerField(verbose_name="delivered up to event")),
                ("failures", models.PositiveIntegerField(default=0, verbose_name="failed attempts")),
                ("failing_since", models.DateTimeField(null=True, verbose_name="failing since")),
                ("next_attempt_at", models.DateTimeField(verbose_name="next attempt")),
                ("leased_until", models.DateTimeField(null=True)),
                ("token", models.UUIDField(null=True)),
                ("delivered_at", models.DateTimeField(null=True, verbose_name="last delivered")),
                ("created_at", models.DateTimeField(verbose_name="created")),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="accounts.account",
                    ),
                ),
            ],
        ),
        wall("inbox_endpoint"),
        migrations.RunSQL(DUE_ENDPOINTS, "DROP FUNCTION due_endpoints"),
    ]
