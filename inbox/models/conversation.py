"""A conversation: the inbox row and timeline of one contact, folded from its threads."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from inbox.models.thread import Status, Turn


class Conversation(models.Model):
    """The id is the contact's. `last_message_id` orders the list: it is the newest message and carries its time.

    `app_channels` are those of `channels` that the user last wrote in from a mobile app.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    snoozed_until = models.DateTimeField(null=True)
    assignee = models.ForeignKey(
        "accounts.User", on_delete=models.DO_NOTHING, null=True, db_index=False, db_constraint=False, related_name="+"
    )
    assignees = ArrayField(models.BigIntegerField(), default=list)
    team = models.ForeignKey(
        "accounts.Team", on_delete=models.DO_NOTHING, null=True, db_index=False, db_constraint=False
    )
    turn = models.CharField(max_length=5, choices=Turn.choices, default=Turn.HUMAN)
    labels = models.JSONField(default=list)
    channels = ArrayField(models.UUIDField(), default=list)
    app_channels = ArrayField(models.UUIDField(), default=list, db_default=[])
    unread = models.PositiveIntegerField(default=0)
    last_message_id = models.UUIDField()

    class Meta:
        indexes = [
            models.Index(fields=["account", "-last_message_id"], name="conversation_activity"),
            models.Index(fields=["account", "assignee", "-last_message_id"], name="conversation_assignee"),
            models.Index(
                fields=["account", "-last_message_id"], name="conversation_unread", condition=models.Q(unread__gt=0)
            ),
        ]
