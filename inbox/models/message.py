"""Messages, the keys that find them again, and effects that came before their message.

A message's id carries its order, its key and its partition (`oneview.common.ids.ordered_id`):

    48 bits   ordering time in milliseconds
    32 bits   the provider's own sequence inside the thread, 0 where it has none
    42 bits   arrival sequence of the installation, unique

The table is partitioned by day of the id. Windows compare ids with `floor_id(cutoff)`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _

from oneview.common.ids import ordered_id

SEQUENCE_BITS, ARRIVAL_BITS = 32, 42


def make_message_id(ordering_time: datetime, *, sequence: int, arrival: int) -> UUID:
    """`sequence` is cut to 32 bits, `arrival` to 42."""
    return ordered_id(
        ordering_time, (sequence & (1 << SEQUENCE_BITS) - 1) << ARRIVAL_BITS | arrival & (1 << ARRIVAL_BITS) - 1
    )


def sequence_of(id: UUID) -> int:
    """The provider's sequence that a message id carries."""
    payload = (id.int >> 64 & 0xFFF) << 62 | id.int & (1 << 62) - 1
    return payload >> ARRIVAL_BITS


class Direction(models.TextChoices):
    INBOUND = "inbound", _("From the user")
    OUTBOUND = "outbound", _("To the user")


class AuthorKind(models.TextChoices):
    USER = "user", _("User")
    AGENT = "agent", _("Agent")
    BOT = "bot", _("Bot")
    SYSTEM = "system", _("System")


class Message(models.Model):
    """One entry of a timeline, on the thread it was written in. What hangs on it sits on its row and leaves with it.

    `revisions`: [{text, at}] of replaced texts; `reactions`: [{emoji, author}] ; `attachments`: ids of media objects;
    `data`: the structured part; `receipts`: {state: instant}.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    thread = models.ForeignKey("inbox.Thread", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    snapshot_id = models.UUIDField(null=True)
    direction = models.CharField(_("direction"), max_length=8, choices=Direction.choices)
    author_kind = models.CharField(_("author"), max_length=6, choices=AuthorKind.choices)
    author_id = models.BigIntegerField(null=True)
    author_name = models.CharField(max_length=1000, blank=True)
    type = models.CharField(max_length=12)
    text = models.TextField(blank=True)
    data = models.JSONField(default=dict)
    attachments = models.JSONField(default=list)
    reply_to = models.CharField(max_length=600, blank=True)
    forwarded = models.BooleanField(default=False)
    external_id = models.CharField(_("id at the provider"), max_length=600)
    client_id = models.CharField(max_length=100, blank=True)
    sent_at = models.DateTimeField(_("sent"))
    received_at = models.DateTimeField(_("received"))
    status = models.CharField(_("status"), max_length=9, blank=True)
    status_reason = models.CharField(_("reason"), max_length=500, blank=True)
    receipts = models.JSONField(default=dict)
    reactions = models.JSONField(default=list)
    revisions = models.JSONField(default=list)
    edited_at = models.DateTimeField(_("edited"), null=True)
    deleted_at = models.DateTimeField(_("deleted"), null=True)
    redacted_at = models.DateTimeField(_("redacted"), null=True)
    redacted_by = models.CharField(_("redacted by"), max_length=120, default="", db_default="", blank=True)
    private = models.BooleanField(_("private note"), default=False)
    labels = models.JSONField(_("labels"), default=list)
    fields = models.JSONField(_("fields"), default=dict)
    search = SearchVectorField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("message"), _("messages")

    def __str__(self) -> str:
        """Whose it is: its words belong into no log."""
        return self.author_name or self.get_author_kind_display()


class MessageKey(models.Model):
    """The one place that dedupes, and finds the message of a receipt, an edit or a reaction."""

    pk = models.CompositePrimaryKey("account_id", "channel_id", "external_id")
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    channel_id = models.UUIDField()
    external_id = models.CharField(max_length=600)
    message_id = models.UUIDField()

    class Meta:
        indexes = [models.Index(fields=["account", "message_id"], name="messagekey_message")]


class PendingEffect(models.Model):
    """A receipt, edit, reaction or deletion whose message has not come yet. `event` is the event as JSON."""

    id = models.UUIDField(primary_key=True, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    channel_id = models.UUIDField()
    external_id = models.CharField(max_length=600)
    kind = models.CharField(max_length=12)
    event = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["account", "channel_id", "external_id"], name="pending_key")]
