"""What agents know, write and decide beside messages; who had the turn; counts that stay."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import oneview.common.ids
from oneview.common.walls import Reference, wall


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_teams_and_bots"),
        ("identity", "0004_contact_tags"),
        ("inbox", "0005_app_channels"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="redacted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="message",
            name="redacted_by",
            field=models.CharField(blank=True, db_default="", default="", max_length=120),
        ),
        migrations.AddField(
            model_name="thread",
            name="told_closed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.CreateModel(
            name="AttributeDefinition",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.SlugField(db_index=False, max_length=40, verbose_name="key")),
                ("label", models.CharField(max_length=80, verbose_name="label")),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("text", "Text"),
                            ("number", "Number"),
                            ("date", "Date"),
                            ("choice", "Choice"),
                            ("yes_no", "Yes or no"),
                        ],
                        default="text",
                        max_length=8,
                        verbose_name="type",
                    ),
                ),
                (
                    "choices",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80),
                        blank=True,
                        default=list,
                        size=None,
                        verbose_name="choices",
                    ),
                ),
                ("group", models.CharField(blank=True, max_length=80, verbose_name="group")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
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
            options={
                "verbose_name": "attribute",
                "constraints": [models.UniqueConstraint(fields=("account", "name"), name="attribute_name_once")],
            },
        ),
        migrations.CreateModel(
            name="CannedReply",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("shortcut", models.CharField(max_length=40, verbose_name="shortcut")),
                ("title", models.CharField(max_length=120, verbose_name="title")),
                ("text", models.TextField(max_length=4000, verbose_name="text")),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="accounts.account",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "canned replies",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "owner", "shortcut"), name="canned_shortcut_once", nulls_distinct=False
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ContactNote",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("author_name", models.CharField(max_length=120)),
                ("text", models.TextField(max_length=10000)),
                ("created_at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="accounts.account",
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "identity",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="identity.identity",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account", "identity"], name="note_identity")],
            },
        ),
        migrations.CreateModel(
            name="DailyCount",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("day", models.DateField()),
                ("channel_id", models.UUIDField()),
                ("author_kind", models.CharField(max_length=6)),
                ("author_id", models.BigIntegerField(default=0)),
                ("author_name", models.CharField(blank=True, max_length=120)),
                ("messages", models.PositiveIntegerField(default=0)),
                ("first_replies", models.PositiveIntegerField(default=0)),
                ("first_reply_seconds", models.BigIntegerField(default=0)),
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
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "day", "channel_id", "author_kind", "author_id", "author_name"),
                        name="count_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="EndpointAttempt",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("endpoint_id", models.UUIDField()),
                ("seq", models.BigIntegerField()),
                ("type", models.CharField(max_length=24)),
                ("conversation_id", models.UUIDField(null=True)),
                ("at", models.DateTimeField()),
                ("milliseconds", models.PositiveIntegerField()),
                ("taken", models.BooleanField()),
                ("outcome", models.CharField(blank=True, max_length=300)),
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
            options={
                "indexes": [
                    models.Index(fields=["account", "endpoint_id", "id"], name="endpointattempt_endpoint"),
                    models.Index(fields=["account", "at"], name="endpointattempt_at"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Handover",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("bot", models.CharField(blank=True, max_length=120)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("summary", models.TextField(blank=True, max_length=4000)),
                ("at", models.DateTimeField()),
                ("claimed_at", models.DateTimeField(null=True)),
                ("escalated_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="accounts.account",
                    ),
                ),
                (
                    "claimed_by",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "thread",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="inbox.thread",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "thread", "at"], name="handover_thread"),
                    models.Index(
                        condition=models.Q(("claimed_at__isnull", True)),
                        fields=["account", "at"],
                        name="handover_waiting",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Mention",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("message_id", models.UUIDField()),
                ("seen_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="accounts.account",
                    ),
                ),
                (
                    "thread",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="inbox.thread",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["account", "user", "message_id"], name="mention_user"),
                    models.Index(fields=["account", "thread"], name="mention_thread"),
                ],
                "constraints": [models.UniqueConstraint(fields=("account", "message_id", "user"), name="mention_once")],
            },
        ),
        migrations.CreateModel(
            name="RefusedReply",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("bot", models.CharField(max_length=120)),
                ("client_id", models.CharField(blank=True, max_length=100)),
                ("message_id", models.UUIDField(null=True)),
                ("text", models.TextField(blank=True)),
                ("code", models.CharField(max_length=60)),
                ("at", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="accounts.account",
                    ),
                ),
                (
                    "thread",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="inbox.thread",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "refused replies",
                "indexes": [models.Index(fields=["account", "at"], name="refused_at")],
            },
        ),
        migrations.CreateModel(
            name="Tag",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=oneview.common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=40, verbose_name="name")),
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
            options={
                "constraints": [models.UniqueConstraint(fields=("account", "name"), name="tag_name_once")],
            },
        ),
        wall(
            "inbox_attributedefinition",
            "inbox_cannedreply",
            "inbox_contactnote",
            "inbox_dailycount",
            "inbox_endpointattempt",
            "inbox_handover",
            "inbox_mention",
            "inbox_refusedreply",
            "inbox_tag",
            references=[
                Reference("inbox_contactnote", "identity_id", "identity_identity"),
                Reference("inbox_handover", "thread_id", "inbox_thread"),
                Reference("inbox_mention", "thread_id", "inbox_thread"),
                Reference("inbox_refusedreply", "thread_id", "inbox_thread"),
            ],
        ),
    ]
