"""What was known of the user and of our account when a message was written."""

from __future__ import annotations

from django.db import models


class Snapshot(models.Model):
    """One context document a day and content. The id carries the day and the hash; the table is partitioned like
    messages and goes with them.

    `document`: {"user": {...}, "account": {...}}.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    document = models.JSONField()
