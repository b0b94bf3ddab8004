"""An address of somebody else's that is told what changes."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from oneview.common.crypto import EncryptedJSONField
from oneview.common.ids import new_id


class Endpoint(models.Model):
    """Gets the events of the live log, signed, in their order: all that are in `events`, from number `after` on.

    The row is the whole state of its deliveries; what is told is read from the log and never kept here. `failures`
    counts those since the last success, the first of them at `failing_since`. `token` and `leased_until` say who is
    delivering; `report_at`: when supervisors are to be told that OneView switched it off, None once they were.
    """

    class State(models.TextChoices):
        ON = "on", _("On")
        OFF = "off", _("Off")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    url = models.CharField(_("address"), max_length=2000)
    bot = models.CharField(_("bot"), max_length=120, blank=True)
    events = ArrayField(models.CharField(max_length=24), verbose_name=_("events"))
    secret = EncryptedJSONField()
    state = models.CharField(_("state"), max_length=3, choices=State.choices, default=State.ON)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    after = models.BigIntegerField(_("delivered up to event"))
    failures = models.PositiveIntegerField(_("failed attempts"), default=0)
    failing_since = models.DateTimeField(_("failing since"), null=True)
    next_attempt_at = models.DateTimeField(_("next attempt"))
    leased_until = models.DateTimeField(null=True)
    token = models.UUIDField(null=True)
    report_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(_("last delivered"), null=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name, verbose_name_plural = _("endpoint"), _("endpoints")

    def __str__(self) -> str:
        return self.url


class EndpointAttempt(models.Model):
    """One call of an endpoint: which event, when, how long, what came back. Never what was told."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    endpoint_id = models.UUIDField()
    seq = models.BigIntegerField()
    type = models.CharField(max_length=24)
    conversation_id = models.UUIDField(null=True)
    at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()
    taken = models.BooleanField()
    outcome = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "endpoint_id", "id"], name="endpointattempt_endpoint"),
            models.Index(fields=["account", "at"], name="endpointattempt_at"),
        ]
