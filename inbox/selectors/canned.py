"""Canned replies: the account's, and those that an agent keeps for themselves."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Case, F, Q, Value, When

from identity.attributes import format_phone
from identity.selectors import get_contacts
from inbox.models import CannedReply, Thread
from inbox.shapes import CannedShape, ConversationShape
from inbox.variables import fill_variables
from oneview.accounts.models import Account

MOST_OFFERED = 8


def list_canned(
    account_id: int, *, user_id: int | None, q: str = "", limit: int | None = None
) -> tuple[CannedShape, ...]:
    """The account's and a user's own; a bot has none. Those whose shortcut begins with `q` first, then by title, then
    by text; of equal ones the user's own first.
    """
    theirs = CannedReply.objects.filter(Q(owner=None) | Q(owner=user_id), account=account_id)
    if q:
        theirs = theirs.filter(Q(shortcut__icontains=q) | Q(title__icontains=q) | Q(text__icontains=q))
    nearness = Case(
        When(shortcut__istartswith=q, then=Value(0)),
        When(Q(shortcut__icontains=q) | Q(title__icontains=q), then=Value(1)),
        default=Value(2),
    )
    rows = theirs.order_by(nearness, F("owner").asc(nulls_last=True), "shortcut")[:limit]
    return tuple(shape_canned(row) for row in rows)


def shape_canned(row: CannedReply) -> CannedShape:
    return CannedShape(row.id, row.shortcut, row.title, row.text, row.owner_id is not None)


def find_own_canned(account_id: int, reply_id: UUID, *, user_id: int) -> CannedReply | None:
    return CannedReply.objects.filter(account=account_id, id=reply_id, owner=user_id).first()


def offer_canned(
    account: Account, conversation: ConversationShape, *, user_id: int, agent: str, thread: UUID | None, q: str
) -> tuple[CannedShape, ...]:
    """The few that fit best, filled in for one conversation. `thread`: the one of the answer, if it is chosen."""
    contact = get_contacts(account.id, [conversation.id]).get(conversation.id)
    attributes = contact.attributes if contact else {}
    name, phone = contact.name if contact else "", attributes.get("phone", "")
    values = {
        **{f"contact.{key}": str(value) for key, value in attributes.items()},
        "contact.name": name,
        "contact.first_name": name.split()[0] if name.split() else "",
        "contact.phone": format_phone(phone) if phone else "",
        "agent.name": agent,
        "account.name": account.name,
        "channel.name": _name_channel(account.id, conversation, thread),
    }
    offered = []
    for reply in list_canned(account.id, user_id=user_id, q=q, limit=MOST_OFFERED):
        filled = fill_variables(reply.text, values)
        offered.append(CannedShape(reply.id, reply.shortcut, reply.title, filled.text, reply.is_own, filled.missing))
    return tuple(offered)


def _name_channel(account_id: int, conversation: ConversationShape, thread: UUID | None) -> str:
    """That of the thread, else the one where something was said last."""
    names = {channel.id: channel.name for channel in conversation.channels}
    if thread:
        threads = Thread.objects.filter(account=account_id, id=thread, conversation_id=conversation.id)
        return next((names.get(each.channel_id, "") for each in threads), "")
    return next(iter(names.values()), "")
