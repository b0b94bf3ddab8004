"""Channels, what came in, what goes out. Nothing here knows of conversations."""

from __future__ import annotations

import secrets

from django.db import models
from django.utils.translation import gettext_lazy as _

from oneview.common.crypto import EncryptedJSONField
from oneview.common.ids import new_id


def new_public_id() -> str:
    return secrets.token_urlsafe(18)


class Channel(models.Model):
    """One connected provider account. `public_id` is in its webhook address and cannot be guessed.

    `handshake_at`: when the provider last asked for our word. A check of the credentials was asked for at
    `check_asked_at` and answered at `checked_at`; `check_passed` is None where the provider could not tell.
    """

    class State(models.TextChoices):
        CONNECTED = "connected", _("Connected")
        DISCONNECTED = "disconnected", _("Disconnected")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False)
    kind = models.CharField(_("kind"), max_length=20)
    name = models.CharField(_("name"), max_length=120)
    external_id = models.CharField(_("id at the provider"), max_length=200)
    public_id = models.CharField(max_length=40, unique=True, default=new_public_id, editable=False)
    credentials = EncryptedJSONField()
    state = models.CharField(_("state"), max_length=16, choices=State.choices, default=State.CONNECTED)
    state_reason = models.CharField(_("reason"), max_length=300, blank=True)
    last_event_at = models.DateTimeField(_("last event"), null=True, blank=True)
    handshake_at = models.DateTimeField(_("handshake"), null=True, blank=True)
    check_asked_at = models.DateTimeField(_("check asked for"), null=True, blank=True)
    checked_at = models.DateTimeField(_("checked"), null=True, blank=True)
    check_passed = models.BooleanField(_("check passed"), null=True, blank=True)
    check_words = models.CharField(_("what the provider says"), max_length=300, blank=True)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("channel"), _("channels")
        constraints = [models.UniqueConstraint(fields=["kind", "external_id"], name="channel_external_id_once")]

    def __str__(self) -> str:
        return self.name


class EndedSession(models.Model):
    """A visitor's session that was signed out of: its tokens, which prove themselves, are good no more."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False)
    channel = models.ForeignKey(Channel, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    session = models.CharField(max_length=40)
    ended_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["account", "channel", "ended_at"], name="ended_sessions")]


class InboundState(models.IntegerChoices):
    WAITING = 0, _("Waiting")
    DONE = 1, _("Done")
    QUARANTINED = 2, _("In quarantine")


class InboundEvent(models.Model):
    """One webhook request, byte for byte. `attempts` is counted before the work, so a request that kills its worker is
    found out.

    `oldest_at`: the earliest instant its events speak of; the bytes go when that leaves the window.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    channel = models.ForeignKey(Channel, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(null=True)
    received_at = models.DateTimeField()
    oldest_at = models.DateTimeField(null=True)
    state = models.SmallIntegerField(choices=InboundState.choices, default=InboundState.WAITING)
    attempts = models.SmallIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(
                fields=["account", "id"], name="inbound_waiting", condition=models.Q(state=InboundState.WAITING)
            ),
        ]


class QuarantinedEvent(models.Model):
    """A request, or the part of one, that could not be taken in: its bytes, the reason, and whether a replay brought it
    in.
    """

    class State(models.TextChoices):
        QUARANTINED = "quarantined", _("In quarantine")
        REPLAYED = "replayed", _("Replayed")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    channel = models.ForeignKey(
        Channel, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, verbose_name=_("channel")
    )
    inbound_id = models.UUIDField()
    headers = models.JSONField(default=dict)
    body = models.BinaryField(null=True)
    error = models.CharField(_("error"), max_length=500)
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.QUARANTINED)
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name, verbose_name_plural = _("request in quarantine"), _("quarantine")
        indexes = [models.Index(fields=["account", "state", "id"], name="quarantine_state")]

    def __str__(self) -> str:
        return self.error


class OutboxState(models.TextChoices):
    QUEUED = "queued", _("Waiting")
    SENDING = "sending", _("Being sent")
    SENT = "sent", _("Sent")
    FAILED = "failed", _("Failed")
    UNKNOWN = "unknown", _("Outcome not known")


class OutboxMessage(models.Model):
    """A message on its way out. `token` fences: only its holder may settle; `sending` is committed before the call that
    can't be repeated.

    `content` holds what to send (address, text, files) until it is settled. `thread_id` is the unit of order.
    `withdrawn`: the code of why it must not go out any more, where it has not yet.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    channel = models.ForeignKey(
        Channel, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, verbose_name=_("channel")
    )
    thread_id = models.UUIDField()
    message_id = models.UUIDField()
    content = models.JSONField(null=True)
    state = models.CharField(_("state"), max_length=8, choices=OutboxState.choices, default=OutboxState.QUEUED)
    attempts = models.SmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"))
    token = models.UUIDField(null=True)
    leased_until = models.DateTimeField(null=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    code = models.CharField(_("code"), max_length=60, blank=True)
    withdrawn = models.CharField(max_length=60, blank=True, default="", db_default="")

    class Meta:
        verbose_name, verbose_name_plural = _("delivery"), _("deliveries")
        indexes = [
            models.Index(
                fields=["account", "thread_id", "id"],
                name="outbox_open",
                condition=models.Q(state__in=["queued", "sending"]),
            ),
            models.Index(fields=["account", "message_id"], name="outbox_message"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.get_state_display()}"


class DeliveryAttempt(models.Model):
    """One HTTP call of a send: when, how long, what came back. Never what was said."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    outbox = models.ForeignKey(OutboxMessage, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False)
    at = models.DateTimeField()
    milliseconds = models.PositiveIntegerField()
    status = models.PositiveSmallIntegerField(null=True)
    outcome = models.CharField(max_length=500)

    class Meta:
        indexes = [models.Index(fields=["account", "outbox", "id"], name="attempt_outbox")]


class MediaState(models.TextChoices):
    WANTED = "wanted", _("To be fetched")
    STORED = "stored", _("Stored")
    FAILED = "failed", _("Failed")


class MediaObject(models.Model):
    """A file of a message. `ref` is what the channel needs to fetch it; `path` is below the media folder,
    `<account>/<day>/<id>`.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey("accounts.Account", on_delete=models.DO_NOTHING, db_index=False, db_constraint=False)
    channel = models.ForeignKey(Channel, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True)
    message_id = models.UUIDField(null=True)
    kind = models.CharField(max_length=12)
    name = models.CharField(max_length=255, blank=True)
    type = models.CharField(max_length=120)
    size = models.BigIntegerField(null=True)
    ref = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=MediaState.choices, default=MediaState.WANTED)
    path = models.CharField(max_length=200, blank=True)
    attempts = models.SmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["account", "message_id"], name="media_message"),
            models.Index(
                fields=["account", "next_attempt_at"], name="media_wanted", condition=models.Q(state="wanted")
            ),
        ]
