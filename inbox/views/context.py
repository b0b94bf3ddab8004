"""One message and what belongs to it: what was known when it was written, its labels and fields."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from inbox import forms, rendering
from inbox.contexts import compare_contexts
from inbox.selectors.attributes import read_attributes
from inbox.selectors.messages import get_contexts, get_messages
from inbox.services.labels import label_message
from inbox.services.redaction import redact_message
from inbox.shapes import ConversationShape, MessageShape
from inbox.snapshots import describe_contexts
from inbox.views.base import agent_of, allows, find, member_view, require, scope_of
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation
from oneview.common.errors import NotFound


@member_view(get=Operation.SEE_CONVERSATIONS)
def show_context(request: AccountRequest, conversation_id: UUID, message_id: UUID) -> HttpResponse:
    conversation = find(request, conversation_id)
    return _show(request, conversation, find_message(request, conversation, message_id))


@member_view(post=Operation.LABEL_MESSAGE)
def set_labels(request: AccountRequest, conversation_id: UUID, message_id: UUID) -> HttpResponse:
    """Adds or removes a label, or sets a field; the section anew."""
    conversation = find(request, conversation_id)
    require(request, Operation.LABEL_MESSAGE, conversation=conversation)
    found = find_message(request, conversation, message_id)
    changes = forms.read_form(forms.LabelForm(request.POST))
    labelled = label_message(request.account, found.id, actor=agent_of(request), now=request.now, **changes)
    return _show(request, conversation, labelled)


@member_view(post=Operation.REDACT_MESSAGE)
def redact(request: AccountRequest, conversation_id: UUID, message_id: UUID) -> HttpResponse:
    """The message without what it said."""
    found = find_message(request, find(request, conversation_id), message_id)
    redacted = redact_message(request.account, found.id, actor=agent_of(request), now=request.now)
    return HttpResponse(rendering.render_messages([redacted])[redacted.id])


def find_message(request: AccountRequest, conversation: ConversationShape, message_id: UUID) -> MessageShape:
    """Raises NotFound, also for a message of another conversation."""
    for message in get_messages(ids=[message_id], **scope_of(request)):
        if message.conversation == conversation.id:
            return message
    raise NotFound


def _show(request: AccountRequest, conversation: ConversationShape, message: MessageShape) -> HttpResponse:
    then = get_contexts(ids=[message.id], **scope_of(request)).get(message.id)
    attributes = read_attributes(request.account.pk)
    pair = message.conversation, message.channel.id
    now = describe_contexts(request.account, [pair])[pair]
    context = {
        "message": message,
        "comparison": compare_contexts(then, now, attributes=attributes) if then else None,
        "can_label": allows(request, Operation.LABEL_MESSAGE, conversation=conversation),
    }
    return render(request, "inbox/context.html", context)
