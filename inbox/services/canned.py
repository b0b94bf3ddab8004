"""Writes of canned replies. `owner` None: the account's, which its supervisors keep."""

from __future__ import annotations

import re
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from identity.models import Attribute
from inbox.models import AttributeDefinition, CannedReply
from inbox.variables import FIXED, list_variables, name_attribute
from oneview.accounts.models import Account, User
from oneview.accounts.services import record_audit
from oneview.common.errors import FieldError, Invalid, NotFound

SHORTCUT = re.compile(r"[\w.-]{1,40}")
MOST_REPLIES = 500  # of one owner
MOST_VARIABLES = 50


def check_canned(account_id: int, *, owner: User | None, shortcut: str, text: str, reply_id: UUID | None) -> None:
    """Raises Invalid. `reply_id`: the one that is changed, None for a new one."""
    errors = []
    shortcut = _clean_shortcut(shortcut)
    if not SHORTCUT.fullmatch(shortcut):
        message = _("A shortcut has letters, digits, dots, hyphens and underscores.")
        errors.append(FieldError("shortcut", "invalid", message))
    others = CannedReply.objects.filter(account=account_id, owner=owner)
    if reply_id:
        others = others.exclude(id=reply_id)
    if others.filter(shortcut__iexact=shortcut).exists():
        errors.append(_taken())
    if reply_id is None and others.count() >= MOST_REPLIES:
        message = _("There is room for %(limit)s replies. Remove one first.") % {"limit": MOST_REPLIES}
        errors.append(FieldError("shortcut", "too_many", message))
    if unknown := _list_unknown(account_id, text):
        message = _("There is no variable %(names)s.") % {"names": ", ".join(f"{{{{ {name} }}}}" for name in unknown)}
        errors.append(FieldError("text", "unknown_variable", message))
    if errors:
        raise Invalid(*errors)


def _taken() -> FieldError:
    return FieldError("shortcut", "taken", _("Another reply has this shortcut."))


def _clean_shortcut(typed: str) -> str:
    """As it is typed in the composer, or without the slash."""
    return typed.removeprefix("/").lower()


def _list_unknown(account_id: int, text: str) -> list[str]:
    """Attributes are known when the account defined them, and when something ever said one of a contact."""
    variables = list_variables(text)
    if len(variables) > MOST_VARIABLES:
        message = _("There is room for %(limit)s variables.") % {"limit": MOST_VARIABLES}
        raise Invalid(FieldError("text", "too_many", message))
    wanted = {name: attribute for name in variables if (attribute := name_attribute(name))}
    known = set(AttributeDefinition.objects.filter(account=account_id).values_list("name", flat=True))
    if not known.issuperset(wanted.values()):
        said = Attribute.objects.filter(account=account_id, name__in=set(wanted.values()))
        known |= set(said.values_list("name", flat=True).distinct())
    return [name for name in variables if name not in FIXED and wanted.get(name) not in known]


def save_canned(
    account: Account,
    *,
    owner: User | None,
    shortcut: str,
    title: str,
    text: str,
    actor: User,
    reply_id: UUID | None = None,
) -> CannedReply:
    """A new one, or `reply_id` changed, which must be `owner`'s. Raises NotFound, Invalid."""
    check_canned(account.id, owner=owner, shortcut=shortcut, text=text, reply_id=reply_id)
    shortcut = _clean_shortcut(shortcut)
    values = {"shortcut": shortcut, "title": title, "text": text}
    if reply_id is None:
        reply = CannedReply(account=account, owner=owner, **values)
        _store(reply)
        record_audit(account.id, actor=actor, action="canned.add", target=shortcut, new={"title": title})
        return reply
    reply = _find(account.id, reply_id, owner=owner)
    old = {"shortcut": reply.shortcut, "title": reply.title}
    for name, value in values.items():
        setattr(reply, name, value)
    _store(reply)
    new = {"shortcut": shortcut, "title": title}
    record_audit(account.id, actor=actor, action="canned.change", target=shortcut, old=old, new=new)
    return reply


def _store(reply: CannedReply) -> None:
    """Raises Invalid where somebody else took the shortcut after it was looked at."""
    try:
        with transaction.atomic():
            reply.save()
    except IntegrityError:
        raise Invalid(_taken()) from None


def remove_canned(account: Account, reply_id: UUID, *, owner: User | None, actor: User) -> None:
    """Raises NotFound."""
    reply = _find(account.id, reply_id, owner=owner)
    record_audit(account.id, actor=actor, action="canned.remove", target=reply.shortcut, old={"title": reply.title})
    reply.delete()


def _find(account_id: int, reply_id: UUID, *, owner: User | None) -> CannedReply:
    """Locked: what is removed meanwhile is not written anew. Raises NotFound."""
    reply = CannedReply.objects.select_for_update().filter(account=account_id, id=reply_id, owner=owner).first()
    if reply is None:
        raise NotFound(_("This canned reply does not exist."))
    return reply
