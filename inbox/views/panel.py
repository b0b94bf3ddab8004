"""The details beside a conversation: what is known of the contact, and edits of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from inbox import forms, rendering
from inbox.selectors.contacts import get_contact
from inbox.services import contacts
from inbox.shapes import ContactShape, ConversationShape
from inbox.views.base import agent_of, allows, find, member_view, require
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation
from oneview.common.errors import Conflict


@member_view(get=Operation.SEE_CONVERSATIONS)
def show_panel(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    return render(request, "inbox/panel.html", describe_panel(request, find(request, conversation_id)))


@member_view(post=Operation.EDIT_CONTACT)
def edit_field(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    """The panel with the new value; 409 with `current` ({"value", "version"}) when somebody else was faster."""
    conversation = find(request, conversation_id)
    require(request, Operation.EDIT_CONTACT, conversation=conversation)
    edit = forms.read_form(forms.FieldForm(request.POST))
    try:
        contacts.edit_contact(
            request.account,
            conversation.id,
            actor=agent_of(request),
            version=edit["version"],
            changes={edit["name"]: edit["value"]},
            now=request.now,
        )
    except Conflict as conflict:
        stands: ContactShape = conflict.current
        current = {"value": stands.attributes.get(edit["name"], ""), "version": stands.version}
        raise Conflict(conflict.detail, current=current) from None
    return render(request, "inbox/panel.html", describe_panel(request, conversation))


@member_view(post=Operation.JOIN_CONTACTS)
def undo_link(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    found = find(request, conversation_id)
    undone = forms.read_form(forms.UndoForm(request.POST))
    contacts.undo_link(request.account, found.id, actor=agent_of(request), now=request.now, **undone)
    return HttpResponse(status=204)


def describe_panel(request: AccountRequest, conversation: ConversationShape) -> dict[str, Any]:
    contact = get_contact(request.account.pk, conversation.id)
    return {
        "conversation": conversation,
        "contact": contact,
        "facts": rendering.list_facts(contact),
        "can_edit": allows(request, Operation.EDIT_CONTACT, conversation=conversation),
        "account": request.account,
        "status_name": forms.name_status(conversation.status),
    }
