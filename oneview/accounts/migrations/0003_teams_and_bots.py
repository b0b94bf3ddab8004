"""Teams with hours, bots, invitations; and an audit that only grows."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import oneview.common.ids
from oneview.common.walls import Reference, app_role, wall

# Until now a bot was the name on its tokens. One that has none which is valid answers nobody.
NAME_BOTS = """
INSERT INTO accounts_bot (id, account_id, name, is_active, created_at)
SELECT gen_random_uuid(), account_id, bot, bool_or(revoked_at IS NULL), now() FROM accounts_apitoken
WHERE bot <> '' GROUP BY account_id, bot
"""


def keep_audit(apps, schema_editor):
    """The serving role adds rows and reads them."""
    schema_editor.execute(f"REVOKE UPDATE, DELETE ON accounts_auditentry FROM {schema_editor.quote_name(app_role())}")


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_walls"),
    ]

    operations = [
        migrations.CreateModel(
            name="Bot",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=120)),
                (
                    "channels",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.UUIDField(), blank=True, null=True, size=None
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("email", models.EmailField(max_length=254)),
                (
                    "role",
                    models.CharField(
                        choices=[("agent", "Agent"), ("supervisor", "Supervisor")], default="agent", max_length=12
                    ),
                ),
                ("hash", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField()),
                ("accepted_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="TeamMember",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("given_at", models.DateTimeField(editable=False, null=True)),
            ],
        ),
        migrations.AddField(
            model_name="account",
            name="handover_minutes",
            field=models.PositiveSmallIntegerField(db_default=5, default=5),
        ),
        migrations.AddField(
            model_name="auditentry",
            name="source",
            field=models.CharField(db_default="", default="", max_length=20),
        ),
        migrations.AddField(
            model_name="membership",
            name="capacity",
            field=models.PositiveSmallIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="membership",
            name="channels",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), blank=True, null=True, size=None
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="is_away",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="team",
            name="channels",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), blank=True, db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="team",
            name="closed_text",
            field=models.TextField(blank=True, db_default="", default="", max_length=1000),
        ),
        migrations.AddField(
            model_name="team",
            name="hours",
            field=models.JSONField(blank=True, db_default={}, default=dict),
        ),
        migrations.AddField(
            model_name="team",
            name="routing",
            field=models.CharField(
                choices=[("manual", "By hand"), ("round_robin", "In turn"), ("least_busy", "To the least busy")],
                db_default="manual",
                default="manual",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="team",
            name="time_zone",
            field=models.CharField(db_default="UTC", default="UTC", max_length=64),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["account", "target"], name="audit_target"),
        ),
        migrations.AddField(
            model_name="bot",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to="accounts.account"
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to="accounts.account"
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="invited_by",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="teammember",
            name="account",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to="accounts.account"
            ),
        ),
        migrations.AddField(
            model_name="teammember",
            name="team",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="members",
                to="accounts.team",
            ),
        ),
        migrations.AddField(
            model_name="teammember",
            name="user",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name="bot",
            constraint=models.UniqueConstraint(fields=("account", "name"), name="bot_name_once"),
        ),
        migrations.AddConstraint(
            model_name="teammember",
            constraint=models.UniqueConstraint(fields=("account", "team", "user"), name="team_member_once"),
        ),
        wall(
            "accounts_bot",
            "accounts_invitation",
            "accounts_teammember",
            references=[Reference("accounts_teammember", "team_id", "accounts_team")],
        ),
        migrations.RunSQL(NAME_BOTS, migrations.RunSQL.noop),
        migrations.RunPython(keep_audit, migrations.RunPython.noop),
    ]
