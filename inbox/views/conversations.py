"""Commands on one conversation, and its messages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from channels_ingest.services import store_upload
from inbox import forms, rendering
from inbox.selectors.mentions import name_unreached
from inbox.selectors.messages import get_messages, list_messages
from inbox.services import conversations, mentions, turns
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Author, ConversationShape, Timeline
from inbox.views.base import agent_of, find, member_view, read_id, require, role_of, scope_of, user_of
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation

MOST_IDS = 100


@member_view(get=Operation.SEE_CONVERSATIONS, post=Operation.REPLY)
def messages(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    """GET: a slice of the timeline (`before`, `after`), or single messages (`ids`). POST: a reply or a note."""
    conversation = find(request, conversation_id)
    if request.method == "POST":
        return _send(request, conversation)
    if "ids" in request.GET:
        ids = [read_id(id, "ids") for id in request.GET["ids"].split(",")[:MOST_IDS]]
        named = get_messages(ids=ids, **scope_of(request))
        timeline = Timeline(tuple(each for each in named if each.conversation == conversation.id), None, None)
    else:
        before, after = (
            read_id(request.GET[name], name) if name in request.GET else None for name in ("before", "after")
        )
        timeline = list_messages(conversation_id=conversation.id, before=before, after=after, **scope_of(request))
    return render(request, "inbox/messages.html", {"timeline": timeline})


def _send(request: AccountRequest, conversation: ConversationShape) -> HttpResponse:
    """The message; with a note that calls somebody who does not see the conversation, a line that says so."""
    sent = forms.read_form(forms.SendForm(request.POST))
    require(request, Operation.WRITE_NOTE if sent["private"] else Operation.REPLY)
    uploads = forms.read_files(request.FILES.getlist("files"))
    stored = [store_upload(request.account.pk, **upload) for upload in uploads]
    draft = Draft(**sent, attachments=tuple(media.id for media in stored))
    author = Author("agent", user_of(request).pk, str(user_of(request)))
    message, is_new = send_reply(request.account, conversation.id, draft, author=author, now=request.now)
    unreached = name_unreached(request.account.pk, conversation, message.mentions)
    html = rendering.render_messages([message])[message.id] + rendering.render_unreached(unreached)
    return HttpResponse(html, status=201 if is_new else 200)


@member_view(post=Operation.ASSIGN)
def assign(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    found = find(request, conversation_id)
    wanted = forms.read_form(forms.AssignForm(request.POST))
    given: dict[str, Any] = {"actor": agent_of(request), "now": request.now}
    if "team" in request.POST:
        conversations.assign_team(request.account, found.id, team=wanted["team"], **given)
    if "assignee" in request.POST:
        conversations.assign(request.account, found.id, assignee=wanted["assignee"], **given)
    return HttpResponse(status=204)


@member_view(post=Operation.TAKE_TURN)
def take_over(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    found = find(request, conversation_id)
    turns.take_over(request.account, found.id, actor=agent_of(request), now=request.now)
    return HttpResponse(status=204)


@member_view(post=Operation.TAKE_TURN)
def hand_back(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    found = find(request, conversation_id)
    turns.hand_back(request.account, found.id, actor=agent_of(request), now=request.now)
    return HttpResponse(status=204)


@member_view(post=Operation.SET_STATUS)
def set_status(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    found = find(request, conversation_id)
    wanted = forms.read_form(forms.StatusForm(request.POST))
    conversations.set_status(request.account, found.id, actor=agent_of(request), now=request.now, **wanted)
    return HttpResponse(status=204)


@member_view(post=Operation.MARK_READ)
def mark_read(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    found = find(request, conversation_id)
    seen = forms.read_form(forms.ReadForm(request.POST))
    viewer, role = agent_of(request), role_of(request)
    conversations.mark_read(request.account, found.id, viewer=viewer, role=role, now=request.now, **seen)
    return HttpResponse(status=204)


@member_view(post=Operation.MARK_READ)
def mark_unread(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    """From the message `since` on."""
    found = find(request, conversation_id)
    unseen = forms.read_form(forms.UnreadForm(request.POST))
    conversations.mark_unread(request.account, found.id, now=request.now, **unseen)
    return HttpResponse(status=204)


@member_view(post=Operation.SEE_CONVERSATIONS)
def see_mention(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    """Who is called in the note had it in view."""
    conversation, user = find(request, conversation_id), user_of(request)
    seen = forms.read_form(forms.MentionForm(request.POST))
    mentions.see_mention(request.account, conversation.id, user_id=user.pk, message_id=seen["message"], now=request.now)
    return HttpResponse(status=204)
