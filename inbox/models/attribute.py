"""What an account wants to know of its contacts: attributes of its own, and tags."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from oneview.common.ids import new_id


class AttributeDefinition(models.Model):
    """`name` is the attribute's key in the API and never changes; `choices` are the values of type choice; those of one
    `group` stand together ("Company").
    """

    class Type(models.TextChoices):
        TEXT = "text", _("Text")
        NUMBER = "number", _("Number")
        DATE = "date", _("Date")
        CHOICE = "choice", _("Choice")
        YES_NO = "yes_no", _("Yes or no")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    name = models.SlugField(_("key"), max_length=40, db_index=False)
    label = models.CharField(_("label"), max_length=80)
    type = models.CharField(_("type"), max_length=8, choices=Type.choices, default=Type.TEXT)
    choices = ArrayField(models.CharField(max_length=80), verbose_name=_("choices"), default=list, blank=True)
    group = models.CharField(_("group"), max_length=80, blank=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name, verbose_name_plural = _("attribute"), _("attributes")
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="attribute_name_once")]

    def __str__(self) -> str:
        return self.label


class Tag(models.Model):
    """A word that agents may put on contacts."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    name = models.CharField(_("name"), max_length=40)

    class Meta:
        verbose_name, verbose_name_plural = _("tag"), _("tags")
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="tag_name_once")]

    def __str__(self) -> str:
        return self.name
