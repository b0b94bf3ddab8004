"""Facts about who is who, and the grouping that follows from them.

Identities, evidence, decisions, boundaries and attributes are facts and are never rewritten by a merge.
`Identity.contact_id`, the verdict of an evidence row and the contact rows are the answer of `resolve()`, kept here for
speed and recomputable at any time.

Where a composite key to an identity vouches for the account, the account's own key is not checked once more: it would
cost as much as writing the row.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Left
from django.utils.translation import gettext_lazy as _

from oneview.common.ids import new_id


class Identity(models.Model):
    """One address or key of a user. Its id is a keyed hash of (kind, scope, value, epoch), so it is the same on every
    replay.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False)
    kind = models.CharField(_("kind"), max_length=20)
    scope = models.CharField(_("scope"), max_length=200, blank=True)
    value = models.CharField(_("value"), max_length=600)
    epoch = models.BigIntegerField(_("epoch"), default=0)
    raw_value = models.CharField(_("as it came"), max_length=600)
    first_seen = models.DateTimeField(_("first seen"))
    contact_id = models.UUIDField()

    class Meta:
        verbose_name, verbose_name_plural = _("identity"), _("identities")
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "scope", "value", "epoch"], name="identity_once")
        ]
        indexes = [models.Index(fields=["account", "contact_id"], name="identity_by_contact")]

    def __str__(self) -> str:
        return f"{self.kind} {self.raw_value}"


class Boundary(models.Model):
    """From `at` on a value may belong to somebody else (a number given up): a new epoch begins."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False)
    kind = models.CharField(max_length=20)
    scope = models.CharField(max_length=200, blank=True)
    value = models.CharField(max_length=600)
    at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "boundaries"
        constraints = [
            models.UniqueConstraint(fields=["account", "kind", "scope", "value", "at"], name="boundary_once")
        ]
        indexes = [models.Index(fields=["account", "value"], name="boundary_value")]


class Evidence(models.Model):
    """A rule saw two identities as one user. `a` is the lesser of the two by (kind, scope, value, epoch).

    `proof` names the observation that first said so (source event, masked value). `status` and `violated` are the
    verdict of `resolve()`.
    """

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    rule = models.CharField(_("rule"), max_length=40)
    a = models.ForeignKey(
        Identity,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("one"),
    )
    b = models.ForeignKey(
        Identity,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("other"),
    )
    first_seen = models.DateTimeField(_("first seen"))
    last_seen = models.DateTimeField(_("last seen"))
    proof = models.JSONField(_("proof"), default=dict)
    status = models.CharField(_("state"), max_length=16)
    violated = models.CharField(_("broken rule"), max_length=40, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("link"), _("links")
        constraints = [models.UniqueConstraint(fields=["account", "rule", "a", "b"], name="evidence_once")]
        indexes = [
            models.Index(fields=["account", "a"], name="evidence_a"),
            models.Index(fields=["account", "b"], name="evidence_b"),
        ]

    def __str__(self) -> str:
        return f"{self.rule}: {self.status}"


class Sight(models.Model):
    """One observation, as it was taken in: what a boundary that comes late parts anew.

    `address` is the id that the value seen has in its first epoch, whoever held it at the time. `content` holds all
    values in canonical form (`identity.sights`), `digest` is its hash. What has left the window is thinned out: of
    equal contents the first and the last stay, so everything folded from them stays the same.
    """

    pk = models.CompositePrimaryKey("account_id", "address", "at", "digest")
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    address = models.UUIDField()
    at = models.DateTimeField()
    digest = models.UUIDField()
    source = models.UUIDField()
    content = models.JSONField()


class Decision(models.Model):
    """What an agent or supervisor decided; only ever added. The latest decision about the same thing counts."""

    class Op(models.TextChoices):
        LINK = "link", _("Same person")
        REVOKE = "revoke", _("Undo a link")
        RESTORE = "restore", _("Restore a link")
        CANNOT_LINK = "cannot_link", _("Never the same person")
        ALLOW_LINK = "allow_link", _("May be the same person")
        BLOCK_VALUE = "block_value", _("Links nobody")
        UNBLOCK_VALUE = "unblock_value", _("May link again")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False)
    op = models.CharField(_("what"), max_length=16, choices=Op.choices)
    rule = models.CharField(_("rule"), max_length=40, blank=True)
    a = models.ForeignKey(
        Identity,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("one"),
    )
    b = models.ForeignKey(
        Identity,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        null=True,
        verbose_name=_("other"),
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        verbose_name=_("who"),
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name, verbose_name_plural = _("decision"), _("decisions")
        indexes = [
            models.Index(fields=["account", "a"], name="decision_a"),
            models.Index(fields=["account", "b"], name="decision_b"),
        ]

    def __str__(self) -> str:
        return self.get_op_display()


class Change(models.Model):
    """One identity went from one contact to another, and why. Only ever added; rows of one cause share `batch`."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    batch = models.UUIDField(_("batch"))
    cause = models.CharField(_("cause"), max_length=40)
    identity = models.ForeignKey(
        Identity,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("identity"),
    )
    from_contact = models.UUIDField(_("from contact"))
    to_contact = models.UUIDField(_("to contact"))
    settings_version = models.PositiveIntegerField(_("version of the settings"), default=0)
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name, verbose_name_plural = _("change"), _("changes")
        indexes = [models.Index(fields=["account", "identity", "at"], name="change_identity")]

    def __str__(self) -> str:
        return f"{self.identity}: {self.cause}"


class Settings(models.Model):
    """A version of an account's rules and limits; the highest counts, none means the defaults."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False)
    version = models.PositiveIntegerField()
    document = models.JSONField()
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, null=True, db_constraint=False, db_index=False
    )
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "settings"
        constraints = [models.UniqueConstraint(fields=["account", "version"], name="settings_version_once")]


class Attribute(models.Model):
    """A value somebody said of a user, on the identity it was said of. The one of the least (rank, then newest) shows
    on the contact.

    `rank`: 0 agent, 1 signed, 2 platform, 4 typed.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    identity = models.ForeignKey(
        Identity, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    name = models.CharField(max_length=60)
    rank = models.PositiveSmallIntegerField()
    value = models.CharField(max_length=1000)
    observed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "identity", "name", "rank"], name="attribute_once")]
        indexes = [
            models.Index(
                "account",
                "name",
                Left("value", 200),  # a whole value may be more than an index takes
                condition=models.Q(name__in=["phone", "email"]),
                name="attribute_key",
            )
        ]


class Contact(models.Model):
    """One person: the fold over the identities of one group. The id is the canonical identity's."""

    id = models.UUIDField(primary_key=True, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    name = models.CharField(_("name"), max_length=1000)
    attributes = models.JSONField(default=dict)
    tags = models.JSONField(default=list, db_default=[])
    blocked = models.BooleanField(_("blocked"), default=False)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        verbose_name, verbose_name_plural = _("contact"), _("contacts")

    def __str__(self) -> str:
        return self.name
