"""What agents write down about a contact."""

from __future__ import annotations

from django.db import models

from oneview.common.ids import new_id


class ContactNote(models.Model):
    """Kept on the identity that the contact was named after when it was written, so a split gives it back. It stays
    until it is removed: it is no message.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    identity = models.ForeignKey("identity.Identity", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    author = models.ForeignKey(
        "accounts.User", on_delete=models.SET_NULL, null=True, db_index=False, db_constraint=False, related_name="+"
    )
    author_name = models.CharField(max_length=120)
    text = models.TextField(max_length=10_000)
    created_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["account", "identity"], name="note_identity")]
