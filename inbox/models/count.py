"""How much was written, by day: numbers that outlive the messages they were counted from."""

from __future__ import annotations

from django.db import models
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from oneview.common.ids import new_id


class DailyCount(models.Model):
    """One day (in the account's zone) of one channel and one author: all users, one agent, one bot.

    `first_replies`: conversations that were opened that day and that this author was the first to answer,
    `first_reply_seconds`: how long those took together.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    day = models.DateField(_("day"))
    channel_id = models.UUIDField()
    author_kind = models.CharField(_("author"), max_length=6)
    author_id = models.BigIntegerField(default=0)
    author_name = models.CharField(_("name"), max_length=120, blank=True)
    messages = models.PositiveIntegerField(_("messages"), default=0)
    first_replies = models.PositiveIntegerField(_("first replies"), default=0)
    first_reply_seconds = models.BigIntegerField(default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("count of a day"), _("counts of days")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "day", "channel_id", "author_kind", "author_id", "author_name"], name="count_once"
            )
        ]

    def __str__(self) -> str:
        return date_format(self.day)
