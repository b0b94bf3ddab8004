"""Asking people by e-mail to join an account, and what becomes of it.

The word of a link is made by the job that sends it and leaves with the message: only its hash is kept, and no
queue holds it. Sending again makes another word, so that one link at a time is valid.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db.models.functions import Now
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from oneview.accounts.models import Account, Invitation, Membership, Role, User
from oneview.accounts.services import create_member, record_audit
from oneview.common.errors import Conflict, NotFound
from oneview.common.jobs import enqueue_on_commit
from oneview.common.scope import scope

VALID = timedelta(days=7)
MOST_ID = (1 << 63) - 1
GONE = "This invitation is not valid any more."


def invite(account: Account, *, email: str, role: Role, actor: User) -> Invitation:
    """Somebody who was invited before gets another link, and the role that is asked for now. Raises Conflict for a
    member.
    """
    email = email.strip().lower()
    with scope(account) as now:
        if Membership.objects.filter(account=account, user__email=email, is_active=True).exists():
            raise Conflict(f"{email} is a member already.")
        waiting = Invitation.objects.select_for_update().filter(account=account, email=email, accepted_at=None)
        invitation = waiting.first()
        if invitation is None:
            invitation = Invitation(account=account, email=email)
        invitation.role, invitation.invited_by = role, actor
        invitation.hash, invitation.expires_at = "", now + VALID
        invitation.save()
        record_audit(account.id, actor=actor, action="invitation.add", target=email, new={"role": role})
        _ask_to_send(invitation)
    return invitation


def send_again(account_id: int, ids: list[UUID], *, actor: User) -> int:
    """Inside a scope. Returns how many were not accepted yet; their former links end."""
    with scope(account_id) as now:
        waiting = list(Invitation.objects.select_for_update().filter(account=account_id, pk__in=ids, accepted_at=None))
        for invitation in waiting:
            Invitation.objects.filter(account=account_id, pk=invitation.pk).update(hash="", expires_at=now + VALID)
            record_audit(account_id, actor=actor, action="invitation.send_again", target=invitation.email)
            _ask_to_send(invitation)
    return len(waiting)


def withdraw(account_id: int, ids: list[UUID], *, actor: User) -> int:
    """Inside a scope. What was accepted stays."""
    waiting = list(Invitation.objects.select_for_update().filter(account=account_id, pk__in=ids, accepted_at=None))
    Invitation.objects.filter(account=account_id, pk__in=[invitation.pk for invitation in waiting]).delete()
    for invitation in waiting:
        record_audit(account_id, actor=actor, action="invitation.withdraw", target=invitation.email)
    return len(waiting)


def _ask_to_send(invitation: Invitation) -> None:
    task = "oneview.accounts.tasks.send_invitation"
    enqueue_on_commit(task, invitation.account_id, str(invitation.pk), queue="periodic")


def send_link(account_id: int, invitation_id: UUID) -> None:
    """In a job. Nothing is sent for what was sent, accepted or withdrawn meanwhile; when the mail server refuses, the
    invitation is as before, and the job may be run again.
    """
    word = secrets.token_urlsafe(24)
    with scope(account_id):
        row = Invitation.objects.filter(account=account_id, pk=invitation_id)
        if not row.filter(hash="", accepted_at=None).update(hash=_hash(word)):
            return
        invitation = row.select_related("account", "invited_by").get()
    try:
        _send(invitation, word)
    except OSError:  # SMTPException is one
        with scope(account_id):
            Invitation.objects.filter(account=account_id, pk=invitation_id, hash=_hash(word)).update(hash="")
        raise


def _send(invitation: Invitation, word: str) -> None:
    account = invitation.account
    path = reverse("invitation", args=[account.pk, word])
    context = {"invitation": invitation, "account": account, "link": f"{settings.PUBLIC_URL}{path}", "days": VALID.days}
    with translation.override(account.language):
        subject, text = (
            render_to_string(f"account/email/invitation_{part}.txt", context).strip() for part in ("subject", "message")
        )
    send_mail(" ".join(subject.split()), text, None, [invitation.email])


def find_invitation(account_id: int, word: str) -> Invitation | None:
    """By its link. None for what is wrong, expired, used or withdrawn: nobody is told which."""
    if account_id > MOST_ID:
        return None
    with scope(account_id):
        waiting = Invitation.objects.filter(account=account_id, hash=_hash(word), accepted_at=None)
        return waiting.filter(expires_at__gt=Now()).select_related("account").first()


def accept(account_id: int, word: str, *, user: User | None = None, name: str = "", password: str = "") -> Membership:
    """By the invited user, or by somebody new with name and password. Raises NotFound for a link that is not valid, or
    is somebody else's.
    """
    with scope(account_id):
        invitation = find_invitation(account_id, word)
        if invitation is None or (user is not None and user.email != invitation.email):
            raise NotFound(GONE)
        if user is None and User.objects.filter(email=invitation.email).exists():
            raise NotFound(GONE)
        rows = Invitation.objects.filter(account=account_id, pk=invitation.pk, accepted_at=None)
        if not rows.update(accepted_at=Now()):
            raise NotFound(GONE)
        member = create_member(
            invitation.account,
            email=invitation.email,
            role=Role(invitation.role),
            name=name,
            password=password or None,
            actor=user,
        )
        Membership.objects.filter(pk=member.pk).update(is_active=True)
        record_audit(
            account_id,
            actor=member.user,
            action="invitation.accept",
            target=invitation.email,
            new={"role": invitation.role},
        )
    return member


def _hash(word: str) -> str:
    return hashlib.sha256(word.encode("utf-8", "replace")).hexdigest()
