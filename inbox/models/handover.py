"""Whose turn it was: what bots gave to people, and what bots wanted to say when it was not theirs to say any more."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from oneview.common.ids import new_id


class Handover(models.Model):
    """A bot gave the conversation of `thread` to people. Waiting until somebody claims it; escalated when nobody has in
    time. `bot` is empty where the bot fell silent and OneView took the turn from it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    thread = models.ForeignKey("inbox.Thread", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    bot = models.CharField(_("bot"), max_length=120, blank=True)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    summary = models.TextField(_("summary"), max_length=4000, blank=True)
    at = models.DateTimeField(_("when"))
    claimed_at = models.DateTimeField(_("taken"), null=True)
    claimed_by = models.ForeignKey(
        "accounts.User",
        on_delete=models.SET_NULL,
        null=True,
        db_index=False,
        db_constraint=False,
        related_name="+",
        verbose_name=_("taken by"),
    )
    escalated_at = models.DateTimeField(_("escalated"), null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("handover"), _("handovers")
        indexes = [
            models.Index(fields=["account", "thread", "at"], name="handover_thread"),
            models.Index(
                fields=["account", "at"], name="handover_waiting", condition=models.Q(claimed_at__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bot}: {self.reason}"


class RefusedReply(models.Model):
    """What a bot wanted to send and did not: `code` says why (turn_taken). `message_id` is set where it had been
    accepted and was withdrawn before it left.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    thread = models.ForeignKey("inbox.Thread", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    bot = models.CharField(_("bot"), max_length=120)
    client_id = models.CharField(_("id given by the client"), max_length=100, blank=True)
    message_id = models.UUIDField(null=True)
    text = models.TextField(_("text"), blank=True)
    code = models.CharField(_("code"), max_length=60)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name, verbose_name_plural = _("refused reply"), _("refused replies")
        indexes = [models.Index(fields=["account", "at"], name="refused_at")]

    def __str__(self) -> str:
        return f"{self.bot}: {self.code}"
