"""Who uses this installation: accounts (tenants), users, what a user is in an account, tokens, and the record of what
was changed.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from oneview.common.ids import new_id

FREE_PLAN = "free"


def new_identity_key() -> bytes:
    return secrets.token_bytes(32)


class Account(models.Model):
    """One tenant. `identity_key` keys its identity ids; `purged_to` is how far the removal of old messages has come;
    `handover_minutes`: so long users wait for a person, or for a bot's answer, before supervisors are told.
    """

    slug = models.SlugField(_("short name"), unique=True)
    name = models.CharField(_("name"), max_length=120)
    plan = models.CharField(_("plan"), max_length=40, default="paid")
    window_days = models.PositiveSmallIntegerField(_("days of messages"), default=30)
    language = models.CharField(_("language"), max_length=12, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    region = models.CharField(
        _("country of phone numbers"),
        max_length=2,
        blank=True,
        help_text=_("Country for phone numbers written without one."),
    )
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    handover_minutes = models.PositiveSmallIntegerField(_("minutes of patience with bots"), default=5, db_default=5)
    identity_key = models.BinaryField(default=new_identity_key, editable=False)
    purged_to = models.DateTimeField(_("removed up to"), null=True, editable=False)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("account"), _("accounts")

    def __str__(self) -> str:
        return self.name

    @property
    def is_locked(self) -> bool:
        """The inbox opens on every paid plan."""
        return self.plan == FREE_PLAN

    @property
    def window(self) -> timedelta:
        """How long a message can be seen."""
        return timedelta(days=self.window_days)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in. `is_superuser`: operator of the installation; `last_account`: the one they opened last,
    with which the next sign-in begins.
    """

    THEMES = (("system", _("As the system")), ("light", _("Light")), ("dark", _("Dark")))

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120)
    language = models.CharField(_("language"), max_length=12, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    theme = models.CharField(_("theme"), max_length=8, choices=THEMES, default="system")
    single_keys = models.BooleanField(_("single-key shortcuts"), default=True)
    last_account = models.ForeignKey(Account, on_delete=models.SET_NULL, null=True, editable=False, related_name="+")
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("since"), auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()
    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["name"]

    class Meta:
        verbose_name, verbose_name_plural = _("user"), _("users")

    def __str__(self) -> str:
        return self.name or self.email

    def get_short_name(self) -> str:
        """How the admin greets."""
        return str(self)


class Role(models.TextChoices):
    AGENT = "agent", _("Agent")
    SUPERVISOR = "supervisor", _("Supervisor")


class Membership(models.Model):
    """What a user is in an account. `channels`: those an agent sees, None for every one; `capacity`: so many open
    conversations are given to them by itself, None for any number; `is_away`: none are.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE)
    user = models.ForeignKey(User, on_delete=models.CASCADE, verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=12, choices=Role.choices)
    is_active = models.BooleanField(_("active"), default=True)
    channels = ArrayField(models.UUIDField(), null=True, blank=True, verbose_name=_("channels"))
    capacity = models.PositiveSmallIntegerField(_("limit"), null=True, blank=True)
    is_away = models.BooleanField(_("away"), default=False, db_default=False)
    created_at = models.DateTimeField(_("since"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("member"), _("members")
        constraints = [models.UniqueConstraint(fields=["account", "user"], name="membership_once")]

    def __str__(self) -> str:
        return f"{self.user} ({self.get_role_display()})"


class Team(models.Model):
    """Agents who share conversations. Those of `channels` come to it by themselves.

    `hours`: {"mon": [["09:00", "17:00"], ...], ...} in `time_zone`, empty for always open; `closed_text` is told, once,
    to a user who writes outside of them.
    """

    class Routing(models.TextChoices):
        MANUAL = "manual", _("By hand")
        ROUND_ROBIN = "round_robin", _("In turn")
        LEAST_BUSY = "least_busy", _("To the least busy")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, db_index=False)
    name = models.CharField(_("name"), max_length=120)
    channels = ArrayField(models.UUIDField(), default=list, db_default=[], blank=True, verbose_name=_("channels"))
    routing = models.CharField(
        _("who is given what comes in"),
        max_length=12,
        choices=Routing.choices,
        default=Routing.MANUAL,
        db_default=Routing.MANUAL.value,
    )
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", db_default="UTC")
    hours = models.JSONField(default=dict, db_default={}, blank=True)
    closed_text = models.TextField(_("text out of hours"), default="", db_default="", blank=True, max_length=1000)

    class Meta:
        verbose_name, verbose_name_plural = _("team"), _("teams")
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="team_name_once")]

    def __str__(self) -> str:
        return self.name


class TeamMember(models.Model):
    """`given_at`: when a conversation was last given to them by itself."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, db_index=False)
    team = models.ForeignKey(Team, on_delete=models.DO_NOTHING, db_constraint=False, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE)
    given_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "team", "user"], name="team_member_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class Bot(models.Model):
    """A program that answers users first. Its tokens, endpoints and messages bear its name. `channels`: those it
    answers on, None for every one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, db_index=False)
    name = models.CharField(_("name"), max_length=120)
    channels = ArrayField(models.UUIDField(), null=True, blank=True, verbose_name=_("channels"))
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("bot"), _("bots")
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="bot_name_once")]

    def __str__(self) -> str:
        return self.name


class Invitation(models.Model):
    """Somebody was asked to join the account. The link that they were sent carries a word of which the hash is kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, db_index=False)
    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=12, choices=Role.choices, default=Role.AGENT)
    hash = models.CharField(max_length=64)
    invited_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, db_constraint=False, related_name="+", verbose_name=_("invited by")
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("valid until"))
    accepted_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = _("invitation"), _("invitations")

    def __str__(self) -> str:
        return self.email


class ApiToken(models.Model):
    """A bearer token of a user or of a bot. Only its SHA-256 is kept, so it is shown once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, db_index=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("member"))
    bot = models.CharField(_("bot"), max_length=120, blank=True)
    hash = models.CharField(_("hash"), max_length=64, unique=True)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name, verbose_name_plural = _("token"), _("tokens")

    def __str__(self) -> str:
        return self.bot or str(self.user)


class AuditEntry(models.Model):
    """Who changed what, from where; SYSTEM is a task. Only ever added: the serving role can change or remove none."""

    class Source(models.TextChoices):
        INBOX = "inbox", _("Inbox")
        ADMIN = "admin", _("Administration")
        API = "api", _("API")
        SIGN_IN = "sign-in", _("Sign-in")
        COMMAND_LINE = "command line", _("Command line")
        SYSTEM = "system", _("By itself")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    account = models.ForeignKey(Account, on_delete=models.DO_NOTHING, db_index=False)
    actor = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, db_constraint=False)
    actor_name = models.CharField(_("who"), max_length=120)
    action = models.CharField(_("what"), max_length=60)
    target = models.CharField(_("about"), max_length=120)
    old = models.JSONField(null=True)
    new = models.JSONField(null=True)
    source = models.CharField(_("from where"), max_length=20, choices=Source.choices, default="", db_default="")
    at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("audit entry"), _("audit")
        indexes = [models.Index(fields=["account", "target"], name="audit_target")]

    def __str__(self) -> str:
        return f"{self.actor_name}: {self.action} {self.target}"
