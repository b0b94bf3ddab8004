"""A thread: one channel and one user identity. Working state lives here."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from oneview.common.ids import new_id


class Status(models.TextChoices):
    OPEN = "open", _("Open")
    SNOOZED = "snoozed", _("Snoozed")
    RESOLVED = "resolved", _("Resolved")


class Turn(models.TextChoices):
    BOT = "bot", _("Bot")
    HUMAN = "human", _("Human")


class Thread(models.Model):
    """`address` is where a reply goes. `last_message_id` is the newest message, `last_inbound_at` opens the channel's
    window.

    `unread` counts messages of the user after `read_up_to`. `told_closed_at`: when the user was told that nobody is
    there now; None again once somebody answered.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    channel = models.ForeignKey(
        "channels_ingest.Channel", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False
    )
    identity = models.ForeignKey("identity.Identity", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    conversation_id = models.UUIDField()
    address = models.JSONField(default=dict)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.OPEN)
    snoozed_until = models.DateTimeField(null=True)
    assignee = models.ForeignKey(
        "accounts.User", on_delete=models.DO_NOTHING, null=True, db_index=False, db_constraint=False, related_name="+"
    )
    team = models.ForeignKey(
        "accounts.Team", on_delete=models.DO_NOTHING, null=True, db_index=False, db_constraint=False
    )
    turn = models.CharField(max_length=5, choices=Turn.choices, default=Turn.HUMAN)
    labels = models.JSONField(default=list)
    read_up_to = models.UUIDField(null=True)
    unread = models.PositiveIntegerField(default=0)
    last_message_id = models.UUIDField(null=True)
    last_inbound_at = models.DateTimeField(null=True)
    told_closed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "channel", "identity"], name="thread_once")]
        indexes = [
            models.Index(fields=["account", "conversation_id"], name="thread_conversation"),
            models.Index(fields=["account", "identity"], name="thread_identity"),
            models.Index(
                fields=["account", "snoozed_until"], name="thread_snoozed", condition=models.Q(status="snoozed")
            ),
        ]
