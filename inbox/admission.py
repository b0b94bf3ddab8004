"""Who may listen on a socket: asked when it opens, and again of all sockets of a process every few seconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib import import_module
from uuid import UUID

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from channels_ingest.channels.webchat.tokens import InvalidToken, Visitor, read_visitor
from channels_ingest.registry import get_channel
from channels_ingest.routes import Route
from channels_ingest.selectors import find_route
from identity.normalise import normalise
from identity.rules import IdentityKey
from identity.selectors import name_identities
from inbox.reach import EVERYTHING, Reach
from inbox.selectors.reach import read_reach, read_reaches
from oneview.accounts.middleware import ACCOUNT_KEY
from oneview.accounts.models import Account, Membership, User
from oneview.accounts.selectors import find_membership
from oneview.accounts.tokens import find_owner, hash_token

SIGNED_OUT, NOT_ALLOWED = 4401, 4403
WEBCHAT = "webchat"


class Refused(Exception):
    """`code`: how the socket is closed."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Admission:
    """`user_id` is None for a bot. `session` is a session's key and `password` the hash it vouches for; `token` a
    bearer token's hash.

    One of `session` and `token` is set: pages have sessions, programs have tokens. `reach`: what they are told of;
    `language`: in which words.
    """

    account_id: int
    user_id: int | None
    name: str
    window: timedelta
    session: str = ""
    password: str = ""
    token: str = ""
    reach: Reach = EVERYTHING
    language: str = settings.LANGUAGE_CODE


@dataclass(frozen=True, slots=True)
class Review:
    """Who must go, by close code; what the members who stay see now, by (account, user); the windows of the accounts;
    the database's clock.
    """

    refused: dict[Admission, int]
    reaches: dict[tuple[int, int], Reach]
    windows: dict[int, timedelta]
    now: datetime


@dataclass(frozen=True, slots=True)
class VisitorAdmission:
    """A visitor of a web or mobile chat: the identities they have shown to be theirs, until the token's end."""

    account_id: int
    channel_id: UUID
    external_id: str
    public_id: str
    visitor: Visitor
    identities: tuple[UUID, ...]
    window: timedelta
    token: str = field(repr=False)


def admit_visitor(public_id: str, token: str) -> VisitorAdmission:
    """Raises Refused."""
    route = open_chat(public_id)
    visitor = _read_token(token, route, public_id=public_id)
    scope = get_channel(WEBCHAT).identity_scope(route.credentials, external_id=route.external_id)
    keys = [IdentityKey("visitor", scope, normalise("visitor", id) or id) for id in visitor.ids]
    identities = tuple(name_identities(route.account_id, keys))
    window = Account.objects.get(pk=route.account_id).window
    return VisitorAdmission(
        account_id=route.account_id,
        channel_id=route.channel_id,
        external_id=route.external_id,
        public_id=public_id,
        visitor=visitor,
        identities=identities,
        window=window,
        token=token,
    )


def review_visitors(admissions: Sequence[VisitorAdmission]) -> list[int | None]:
    """With which code each must go, None for who may stay. Each channel is asked for once."""
    routes: dict[str, Route | int] = {}
    for public_id in {admission.public_id for admission in admissions}:
        try:
            routes[public_id] = open_chat(public_id)
        except Refused as refused:
            routes[public_id] = refused.code
    return [_review_visitor(admission, routes[admission.public_id]) for admission in admissions]


def _review_visitor(admission: VisitorAdmission, route: Route | int) -> int | None:
    if isinstance(route, int):
        return route
    try:
        _read_token(admission.token, route, public_id=admission.public_id)
    except Refused as refused:
        return refused.code
    return None


def open_chat(public_id: str) -> Route:
    """The channel of an address, if it is a chat of an account that is not locked. Raises Refused."""
    route = find_route(public_id)
    if route is None or route.kind != WEBCHAT:
        raise Refused(SIGNED_OUT)
    if Account.objects.get(pk=route.account_id).is_locked:
        raise Refused(NOT_ALLOWED)
    return route


def _read_token(token: str, route: Route, *, public_id: str) -> Visitor:
    try:
        visitor = read_visitor(token, route.credentials, audience=public_id)
    except InvalidToken:
        raise Refused(SIGNED_OUT) from None
    if visitor.session in route.ended_sessions:
        raise Refused(SIGNED_OUT)
    return visitor


def admit_session(session_key: str, *, shown: str | None = None) -> Admission:
    """Raises Refused, also where the page shows another account than the one that is open in this browser."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    if not isinstance(user, User):
        raise Refused(SIGNED_OUT)
    membership = find_membership(user.pk, account_id=request.session.get(ACCOUNT_KEY))
    if membership is None or membership.account.is_locked or shown not in (None, str(membership.account_id)):
        raise Refused(NOT_ALLOWED)
    return Admission(
        membership.account_id,
        user.pk,
        str(user),
        membership.account.window,
        session=session_key,
        password=user.get_session_auth_hash(),
        reach=read_reach(membership),
        language=user.language,
    )


def admit_token(token: str) -> Admission:
    """Raises Refused."""
    owner = find_owner(token)
    if owner is None:
        raise Refused(SIGNED_OUT)
    account = Account.objects.get(pk=owner.account_id)
    if account.is_locked:
        raise Refused(NOT_ALLOWED)
    if owner.user_id is None:
        return Admission(account.pk, None, owner.bot, account.window, token=hash_token(token))
    membership = find_membership(owner.user_id, account_id=account.pk)
    if membership is None or membership.account_id != account.pk:  # deactivated between the two reads
        raise Refused(SIGNED_OUT)
    user = membership.user
    return Admission(
        account.pk,
        user.pk,
        str(user),
        account.window,
        token=hash_token(token),
        reach=read_reach(membership),
        language=user.language,
    )


def review(admissions: Iterable[Admission]) -> Review:
    """The same questions again, for all at once: the number of queries does not depend on how many listen."""
    admissions = set(admissions)
    accounts = Account.objects.in_bulk({admission.account_id for admission in admissions})
    users = User.objects.filter(is_active=True).in_bulk({a.user_id for a in admissions if a.user_id is not None})
    reaches = read_reaches(Membership.objects.filter(account__in=accounts, user__in=users, is_active=True))
    keys = {admission.session for admission in admissions if admission.session}
    sessions = set(
        Session.objects.filter(pk__in=keys, expire_date__gt=timezone.now()).values_list("session_key", flat=True)
    )
    tokens, now = _read_tokens({admission.token for admission in admissions if admission.token})
    hashes = {user_id: user.get_session_auth_hash() for user_id, user in users.items()}
    refused = {}
    for admission in admissions:
        signed_in = (
            admission.token in tokens
            if admission.token
            else admission.session in sessions and hashes.get(admission.user_id or 0) == admission.password
        )
        account = accounts.get(admission.account_id)
        is_member = admission.user_id is None or (admission.account_id, admission.user_id) in reaches
        if not signed_in:
            refused[admission] = SIGNED_OUT
        elif account is None or account.is_locked or not is_member:
            refused[admission] = NOT_ALLOWED
    windows = {account_id: account.window for account_id, account in accounts.items()}
    return Review(refused, reaches, windows, now)


def _read_tokens(hashes: set[str]) -> tuple[set[str], datetime]:
    """Which of these tokens are valid, and the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT now(), array(SELECT given FROM unnest(%s::text[]) given, token_owner(given) t WHERE t.account_id "
            "IS NOT NULL)",
            [list(hashes)],
        )
        now, valid = cursor.fetchone()
    return set(valid), now
