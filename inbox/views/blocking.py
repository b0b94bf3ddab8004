"""Blocking whom a conversation is with."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse

from inbox import forms
from inbox.services.blocking import block_contact, unblock_contact
from inbox.views.base import agent_of, find, member_view, require
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation


@member_view(post=Operation.BLOCK_CONTACT)
def block(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    conversation = find(request, conversation_id)
    require(request, Operation.BLOCK_CONTACT, conversation=conversation)
    wanted = forms.read_form(forms.BlockForm(request.POST))
    block_contact(request.account, conversation.id, actor=agent_of(request), now=request.now, **wanted)
    return HttpResponse(status=204)


@member_view(post=Operation.UNBLOCK_CONTACT)
def unblock(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    unblock_contact(request.account, find(request, conversation_id).id, actor=agent_of(request), now=request.now)
    return HttpResponse(status=204)
