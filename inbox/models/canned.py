"""Replies that are written once and used often."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from oneview.common.ids import new_id


class CannedReply(models.Model):
    """The account's, or personal: `owner`'s. `text` may name variables: {{ contact.name }}."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    owner = models.ForeignKey(
        "accounts.User", on_delete=models.CASCADE, null=True, blank=True, db_index=False, related_name="+"
    )
    shortcut = models.CharField(_("shortcut"), max_length=40)
    title = models.CharField(_("title"), max_length=120)
    text = models.TextField(_("text"), max_length=4000)
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name, verbose_name_plural = _("canned reply"), _("canned replies")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "owner", "shortcut"], name="canned_shortcut_once", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return self.title
