"""The live log: what changed, by name and without text, in the order it was committed."""

from __future__ import annotations

from django.db import models


class LiveCounter(models.Model):
    """The head of an account's log. Its row is updated last in a transaction, so numbers are given in commit order."""

    account = models.OneToOneField("accounts.Account", on_delete=models.DO_NOTHING, primary_key=True)
    seq = models.BigIntegerField(default=0)


class LiveEvent(models.Model):
    """`type` and the names of what changed; `detail` holds further names (`from` and `to` of a move). Kept 24 hours."""

    pk = models.CompositePrimaryKey("account_id", "seq")
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    seq = models.BigIntegerField()
    type = models.CharField(max_length=24)
    conversation_id = models.UUIDField(null=True)
    message_id = models.UUIDField(null=True)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField()
