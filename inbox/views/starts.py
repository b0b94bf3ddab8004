"""Writing first to whom a conversation is with, on a channel that has no thread of it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _

from inbox import forms
from inbox.services.messages import Draft
from inbox.services.starts import start_conversation
from inbox.shapes import Author
from inbox.views.base import find, member_view, reach_of, user_of
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation
from oneview.common.errors import FieldError, Invalid


@member_view(post=Operation.START_CONVERSATION)
def start(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    conversation = find(request, conversation_id)
    given = forms.read_form(forms.StartForm(request.POST))
    channel = given.pop("channel")
    if not reach_of(request).sees_channel(channel):
        raise Invalid(FieldError("channel", "not_found", _("There is no such channel.")))
    author = Author("agent", user_of(request).pk, str(user_of(request)))
    start_conversation(
        request.account, conversation.id, Draft(**given), channel_id=channel, author=author, now=request.now
    )
    return HttpResponse(status=204)
