"""Who was called by name in a private note."""

from __future__ import annotations

from django.db import models

from oneview.common.ids import new_id


class Mention(models.Model):
    """Leaves with its message. It follows its thread wherever a merge or a split takes that."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    user = models.ForeignKey("accounts.User", on_delete=models.CASCADE, db_index=False, related_name="+")
    thread = models.ForeignKey("inbox.Thread", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    message_id = models.UUIDField()
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "message_id", "user"], name="mention_once")]
        indexes = [
            models.Index(fields=["account", "user", "message_id"], name="mention_user"),
            models.Index(fields=["account", "thread"], name="mention_thread"),
        ]
