"""What agents do to the contact of a conversation. What changes the details answers with them, as they are then."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from inbox import forms
from inbox.selectors.contacts import get_contact
from inbox.selectors.history import list_history
from inbox.services import contacts
from inbox.services.details import change_tags, edit_contact
from inbox.services.history import revert_change
from inbox.services.labels import change_labels
from inbox.services.notes import add_note, remove_note
from inbox.shapes import ContactShape
from inbox.views.base import agent_of, allows, find, member_view, require, role_of
from inbox.views.panel import render_panel
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation
from oneview.common.errors import Conflict


@member_view(post=Operation.EDIT_CONTACT)
def edit_field(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    """409 with `current` ({"value"}) when somebody else gave this field another value than the agent saw."""
    conversation = find(request, conversation_id)
    require(request, Operation.EDIT_CONTACT, conversation=conversation)
    edit = forms.read_form(forms.FieldForm(request.POST))
    name = edit["name"]
    try:
        edit_contact(
            request.account,
            conversation.id,
            actor=agent_of(request),
            changes={name: edit["value"]},
            before={name: edit["before"]},
            now=request.now,
        )
    except Conflict as conflict:
        raise _tell_value(conflict, name) from None
    return render_panel(request, conversation_id)


@member_view(post=Operation.EDIT_CONTACT)
def tag(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    conversation = find(request, conversation_id)
    require(request, Operation.EDIT_CONTACT, conversation=conversation)
    change = forms.read_form(forms.TagForm(request.POST))
    change_tags(request.account, conversation.id, actor=agent_of(request), now=request.now, **change)
    return render_panel(request, conversation.id)


@member_view(post=Operation.LABEL_CONVERSATION)
def label(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    conversation = find(request, conversation_id)
    change = forms.read_form(forms.ConversationLabelForm(request.POST))
    change_labels(request.account, conversation.id, actor=agent_of(request), now=request.now, **change)
    return render_panel(request, conversation.id)


@member_view(post=Operation.WRITE_CONTACT_NOTE)
def write_note(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    conversation = find(request, conversation_id)
    require(request, Operation.WRITE_CONTACT_NOTE, conversation=conversation)
    written = forms.read_form(forms.NoteForm(request.POST))
    add_note(request.account, conversation.id, actor=agent_of(request), now=request.now, **written)
    return render_panel(request, conversation.id)


@member_view(post=Operation.WRITE_CONTACT_NOTE)
def delete_note(request: AccountRequest, conversation_id: UUID, note_id: UUID) -> HttpResponse:
    """Their own; a supervisor everybody's."""
    conversation = find(request, conversation_id)
    agent, role = agent_of(request), role_of(request)
    remove_note(request.account, conversation.id, actor=agent, role=role, note=note_id, now=request.now)
    return render_panel(request, conversation.id)


@member_view(get=Operation.SEE_CONVERSATIONS)
def show_history(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    conversation = find(request, conversation_id)
    contact = get_contact(request.account.pk, conversation.id)
    shown = {
        "entries": list_history(request.account.pk, contact, labels=conversation.labels),
        "can_put_back": allows(request, Operation.PUT_BACK, conversation=conversation),
    }
    return render(request, "inbox/panel/history.html", shown)


@member_view(post=Operation.PUT_BACK)
def revert(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    conversation = find(request, conversation_id)
    require(request, Operation.PUT_BACK, conversation=conversation)
    asked = forms.read_form(forms.RevertForm(request.POST))
    try:
        revert_change(request.account, conversation.id, actor=agent_of(request), now=request.now, **asked)
    except Conflict as conflict:
        raise _tell_value(conflict, asked["field"]) from None
    return render_panel(request, conversation.id)


@member_view(post=Operation.JOIN_CONTACTS)
def join(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    conversation, other = find(request, conversation_id), find(request, _read_other(request))
    contacts.join_contacts(request.account, conversation.id, actor=agent_of(request), other=other.id, now=request.now)
    return HttpResponse(status=204)


@member_view(post=Operation.JOIN_CONTACTS)
def keep_apart(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    conversation, other = find(request, conversation_id), find(request, _read_other(request))
    contacts.keep_apart(request.account, conversation.id, actor=agent_of(request), other=other.id, now=request.now)
    return HttpResponse(status=204)


@member_view(post=Operation.JOIN_CONTACTS)
def undo_link(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    found = find(request, conversation_id)
    undone = forms.read_form(forms.UndoForm(request.POST))
    contacts.undo_link(request.account, found.id, actor=agent_of(request), now=request.now, **undone)
    return HttpResponse(status=204)


def _read_other(request: AccountRequest) -> UUID:
    other: UUID = forms.read_form(forms.OtherForm(request.POST))["contact"]
    return other


def _tell_value(conflict: Conflict, field: str) -> Conflict:
    stands: ContactShape = conflict.current
    return Conflict(conflict.detail, current={"value": stands.attributes.get(field, "")})
