"""A conversation: the inbox row and timeline of one contact, folded from its threads."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from inbox.models.thread import Status, Turn


class Conversation(models.Model):
    """The id is the contact's. `last_message_id` orders the list: it is the newest message and carries its time.

    `app_channels` are those of `channels` that the user last wrote in from a mobile app.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    status = models.CharField(_("status"), max_length=8, choices=Status.choices, default=Status.OPEN)
    snoozed_until = models.DateTimeField(_("snoozed until"), null=True)
    assignee = models.ForeignKey(
        "accounts.User",
        on_delete=models.DO_NOTHING,
        null=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
        verbose_name=_("assigned to"),
    )
    assignees = ArrayField(models.BigIntegerField(), default=list)
    team = models.ForeignKey(
        "accounts.Team",
        on_delete=models.DO_NOTHING,
        null=True,
        db_index=False,
        db_constraint=False,
        verbose_name=_("team"),
    )
    turn = models.CharField(_("who answers"), max_length=5, choices=Turn.choices, default=Turn.HUMAN)
    labels = models.JSONField(_("labels"), default=list)
    channels = ArrayField(models.UUIDField(), default=list)
    app_channels = ArrayField(models.UUIDField(), default=list, db_default=[])
    unread = models.PositiveIntegerField(_("unread"), default=0)
    last_message_id = models.UUIDField()

    class Meta:
        verbose_name, verbose_name_plural = _("conversation"), _("conversations")
        indexes = [
            models.Index(fields=["account", "-last_message_id"], name="conversation_activity"),
            models.Index(fields=["account", "assignee", "-last_message_id"], name="conversation_assignee"),
            models.Index(
                fields=["account", "-last_message_id"], name="conversation_unread", condition=models.Q(unread__gt=0)
            ),
        ]

    def __str__(self) -> str:
        """The contact's name, where a query brings it along."""
        return str(getattr(self, "contact_name", self.id))
