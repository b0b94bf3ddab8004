"""Writes of accounts, members and tokens."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Protocol, TypedDict, Unpack
from uuid import UUID

from celery import current_task
from django.db import transaction
from django.db.models.functions import Now

from oneview.accounts import tokens
from oneview.accounts.models import Account, ApiToken, AuditEntry, Bot, Membership, Role, User
from oneview.common.errors import Conflict, FieldError, Invalid, NotFound
from oneview.common.jobs import enqueue_on_commit
from oneview.common.scope import scope

ROUTE = "inbox.tasks.route_waiting"
source: ContextVar[str] = ContextVar("source", default="")  # of the request that is answered, for the audit


class Actor(Protocol):
    """A user or what stands for one; programs have no id."""

    @property
    def id(self) -> int | None: ...

    @property
    def name(self) -> str: ...


class Preferences(TypedDict, total=False):
    name: str
    language: str
    time_zone: str
    theme: str
    single_keys: bool


class MemberChanges(TypedDict, total=False):
    role: Role
    is_active: bool
    channels: list[UUID] | None
    capacity: int | None
    is_away: bool


def create_account(slug: str, *, name: str, plan: str = "paid", window_days: int = 30) -> Account:
    """Once; an account that exists is returned as it is."""
    if window_days < 1:
        raise Invalid(FieldError("window_days", "min_value", "A window has at least one day."))
    account, _ = Account.objects.get_or_create(
        slug=slug, defaults={"name": name, "plan": plan, "window_days": window_days}
    )
    return account


def create_member(
    account: Account, *, email: str, role: Role, name: str = "", password: str | None = None, actor: User | None = None
) -> Membership:
    """A user and what they are in the account; of a member who is there already only the role changes.

    Name and password count for a new user only; without a password they choose it by e-mail.
    """
    email = email.strip().lower()
    with transaction.atomic():
        user = User.objects.filter(email=email).first()
        if user is None:
            user = User.objects.create_user(
                email,
                password,
                name=name or email.partition("@")[0],
                language=account.language,
                time_zone=account.time_zone,
            )
        membership, created = Membership.objects.get_or_create(account=account, user=user, defaults={"role": role})
        if created:
            record_audit(account.id, actor=actor, action="member.add", target=user.email, new={"role": role})
        else:
            update_member(membership, role=role, is_active=membership.is_active, actor=actor)
    return membership


def update_member(membership: Membership, *, actor: User | None, **changes: Unpack[MemberChanges]) -> None:
    """What is not given stays. Deactivation ends pages, tokens and sockets at their next request; what was assigned to
    them is nobody's soon after. Raises Conflict for the last supervisor.
    """
    with transaction.atomic():
        members = list(Membership.objects.select_for_update().filter(account=membership.account_id).order_by("pk"))
        supervisors = {each.pk for each in members if each.role == Role.SUPERVISOR and each.is_active}
        [former] = [each for each in members if each.pk == membership.pk]
        new = dict(changes)
        old = {name: getattr(former, name) for name in new}
        if old == new:
            return
        stays = (new.get("role", former.role), new.get("is_active", former.is_active)) == (Role.SUPERVISOR, True)
        if supervisors == {former.pk} and not stays:
            raise Conflict("An account keeps at least one supervisor.")
        Membership.objects.filter(pk=former.pk).update(**new)
        old, new = ({name: _plain(value) for name, value in each.items()} for each in (old, new))
        record_audit(
            former.account_id, actor=actor, action="member.change", target=membership.user.email, old=old, new=new
        )
        ask_for_routing(former.account_id)


def _plain(value: Any) -> Any:
    return [str(each) for each in value] if isinstance(value, list) else value


def set_away(membership: Membership, *, is_away: bool, actor: User) -> None:
    """Who is away is given nothing by itself, and keeps what they have."""
    changed = Membership.objects.filter(pk=membership.pk).exclude(is_away=is_away).update(is_away=is_away)
    if changed:
        old, new = {"is_away": not is_away}, {"is_away": is_away}
        record_audit(
            membership.account_id, actor=actor, action="member.away", target=membership.user.email, old=old, new=new
        )
        ask_for_routing(membership.account_id)


def ask_for_routing(account_id: int) -> None:
    """Conversations may have become free, or somebody for them: after the commit they are given out."""
    enqueue_on_commit(ROUTE, account_id, queue="periodic")


def save_preferences(user: User, **preferences: Unpack[Preferences]) -> None:
    """How the inbox looks and works for one user, and how they are called; what is not given stays."""
    if not preferences:
        return
    User.objects.filter(pk=user.pk).update(**preferences)
    if preferences.get("name", user.name) != user.name:
        record_everywhere(user, action="user.rename", old={"name": user.name}, new={"name": preferences["name"]})


def remember_account(user: User, account_id: int) -> None:
    """What the next sign-in begins with."""
    User.objects.filter(pk=user.pk).update(last_account=account_id)


def save_bot(bot: Bot, *, actor: User) -> None:
    """Inside a scope. Raises Conflict for a name that another bot has."""
    rows = Bot.objects.filter(account=bot.account_id)
    if rows.filter(name=bot.name).exclude(pk=bot.pk).exists():
        raise Conflict(f"There is a bot {bot.name!r} already.")
    former = rows.filter(pk=bot.pk).first()
    bot.save()
    action = "bot.change" if former else "bot.add"
    old = _describe_bot(former) if former else None
    record_audit(bot.account_id, actor=actor, action=action, target=bot.name, old=old, new=_describe_bot(bot))


def _describe_bot(bot: Bot) -> dict[str, Any]:
    return {"channels": bot.channels and [str(id) for id in bot.channels], "is_active": bot.is_active}


def create_token(account: Account, *, user: User | None = None, bot: str = "", actor: User | None = None) -> str:
    """The token of a member or of a bot: shown now and never again. A bot that is new answers on every channel."""
    if (user is None) == (not bot):
        raise Invalid(FieldError("user", "required", "A token belongs to a user or to a bot."))
    if user and not Membership.objects.filter(account=account, user=user, is_active=True).exists():
        raise NotFound(f"{user.email} is no active member of {account.slug}.")
    token = tokens.make_token(for_bot=bool(bot))
    with scope(account):
        if bot:
            Bot.objects.get_or_create(account=account, name=bot)
        made = ApiToken.objects.create(account=account, user=user, bot=bot, hash=tokens.hash_token(token))
        record_audit(account.id, actor=actor, action="token.add", target=str(made))
    return token


def revoke_tokens(account_id: int, *, ids: list[UUID], actor: User) -> int:
    """Inside a scope. Returns how many were valid until now."""
    valid = list(ApiToken.objects.filter(account=account_id, pk__in=ids, revoked_at=None).select_related("user"))
    ApiToken.objects.filter(account=account_id, pk__in=[token.pk for token in valid]).update(revoked_at=Now())
    for token in valid:
        record_audit(account_id, actor=actor, action="token.revoke", target=str(token))
    return len(valid)


def record_audit(
    account_id: int, *, actor: Actor | None, action: str, target: str, old: Any = None, new: Any = None
) -> None:
    """`action` is "thing.verb", `target` names what was changed. Never secrets or message text.

    No actor: a management command, or the system itself in a task.
    """
    origin = source.get() or ("system" if current_task else "command line")
    with scope(account_id):
        AuditEntry.objects.create(
            account_id=account_id,
            actor_id=(actor.id or None) if actor else None,
            actor_name=actor.name[:120] if actor else origin,
            action=action,
            target=target[:120],
            old=old,
            new=new,
            source=origin,
        )


def record_everywhere(user: User, *, action: str, old: Any = None, new: Any = None) -> None:
    """What a user does that concerns each account they are a member of."""
    accounts = Membership.objects.filter(user=user, is_active=True).values_list("account_id", flat=True)
    for account_id in accounts.order_by("account_id"):
        record_audit(account_id, actor=user, action=action, target=user.email, old=old, new=new)
