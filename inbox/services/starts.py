"""Writing to a contact on a channel where there is no thread with them yet."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from identity.selectors import find_contact_id
from inbox.folds import lock_conversations
from inbox.models import Conversation, Thread
from inbox.models.thread import Status, Turn
from inbox.selectors.channels import get_channels
from inbox.selectors.starts import find_start
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Author
from oneview.accounts.models import Account
from oneview.accounts.services import record_audit
from oneview.common.errors import FieldError, Invalid, NotFound, NotPossible
from oneview.common.scope import lock_account


def start_conversation(
    account: Account, contact_id: UUID, draft: Draft, *, channel_id: UUID, author: Author, now: datetime
) -> bool:
    """Sends the first message on a channel, or one more where there is a thread already; whether it is new. A new
    thread is for people, and for who begins it where nobody has the conversation.

    Raises NotFound, Invalid, NotPossible where the user can't be written to first, and what `send_reply` raises.
    """
    lock_account(account.id)
    contact = find_contact_id(account.id, contact_id)
    if contact is None:
        raise NotFound(_("This contact does not exist."))
    if channel_id not in get_channels(account.id):
        raise Invalid(FieldError("channel", "not_found", _("There is no such channel.")))
    lock_conversations(account.id, [contact])
    thread = _find_thread(account, contact, channel_id) or _begin_thread(account, contact, channel_id, author=author)
    written = Draft(draft.client_id, draft.text, thread=thread, template=draft.template)
    _message, created = send_reply(account, contact, written, author=author, now=now)
    return created


def _find_thread(account: Account, contact: UUID, channel_id: UUID) -> UUID | None:
    threads = Thread.objects.filter(account=account, conversation_id=contact, channel=channel_id)
    return threads.order_by("-last_inbound_at", "id").values_list("id", flat=True).first()


def _begin_thread(account: Account, contact: UUID, channel_id: UUID, *, author: Author) -> UUID:
    start = find_start(account.id, contact, channel_id)
    if start.reason or start.identity is None:
        raise NotPossible(start.reason)
    joined = Conversation.objects.filter(account=account, id=contact).exclude(status=Status.RESOLVED).first()
    thread = Thread.objects.create(
        account=account,
        channel_id=channel_id,
        identity_id=start.identity,
        conversation_id=contact,
        address=dict(start.address or {}),
        assignee_id=(joined.assignee_id if joined else None) or author.id,
        team_id=joined.team_id if joined else None,
        turn=Turn.HUMAN,
        labels=joined.labels if joined else [],
    )
    record_audit(
        account.id, actor=author, action="conversation.start", target=str(contact), new={"channel": str(channel_id)}
    )
    return thread.id
