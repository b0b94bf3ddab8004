"""The details beside a conversation: what is known of the contact."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from identity.selectors import list_words
from inbox import forms, rendering
from inbox.selectors.attributes import list_tags, read_attributes
from inbox.selectors.contacts import get_contact
from inbox.selectors.notes import list_notes
from inbox.selectors.sharers import list_sharers
from inbox.selectors.starts import list_starts
from inbox.selectors.teams import find_opening
from inbox.shapes import ConversationShape
from inbox.views.base import allows, find, member_view, reach_of, scope_of
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import SUPERVISOR, Operation


@member_view(get=Operation.SEE_CONVERSATIONS)
def show_panel(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    return render_panel(request, conversation_id)


def render_panel(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    return render(request, "inbox/panel.html", describe_panel(request, find(request, conversation_id)))


def describe_panel(request: AccountRequest, conversation: ConversationShape) -> dict[str, Any]:
    account_id = request.account.pk
    contact = get_contact(account_id, conversation.id)
    words = list_words(account_id, [contact.id])[contact.id]
    customer, *groups = rendering.group_facts(contact, read_attributes(account_id), words)
    return {
        "conversation": conversation,
        "contact": contact,
        "customer": customer,
        "groups": groups,
        "free_tags": [tag for tag in list_tags(account_id) if tag not in contact.tags],
        "notes": list_notes(account_id, [identity.id for identity in contact.identities]),
        "sharers": list_sharers(contact=contact, reach=reach_of(request), **scope_of(request)),
        "can_edit": allows(request, Operation.EDIT_CONTACT, conversation=conversation),
        "can_label": allows(request, Operation.LABEL_CONVERSATION),
        "can_note": allows(request, Operation.WRITE_CONTACT_NOTE, conversation=conversation),
        "is_supervisor": request.membership.role == SUPERVISOR,
        "account": request.account,
        "opens_at": find_opening(account_id, conversation.team.id, now=request.now) if conversation.team else None,
        "starts": list_starts(request.account.pk, contact.id, reach=reach_of(request)),
        "status_name": forms.name_status(conversation.status),
    }
