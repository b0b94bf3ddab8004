"""Canned replies: offered while one writes, and the pages on which an agent keeps their own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render

from inbox import forms
from inbox.selectors.canned import find_own_canned, list_canned, offer_canned
from inbox.services import canned
from inbox.variables import FIXED
from inbox.views.base import find, member_view, read_id, user_of
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.permissions import Operation
from oneview.common.errors import Invalid, NotFound

MOST_SOUGHT = 60


@member_view(get=Operation.USE_CANNED_REPLIES)
def offer_replies(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    """Options for the composer. `q`: what was typed; `thread`: that in which is answered."""
    conversation = find(request, conversation_id)
    replies = offer_canned(
        request.account,
        conversation,
        user_id=user_of(request).pk,
        agent=str(user_of(request)),
        thread=read_id(request.GET["thread"], "thread") if request.GET.get("thread") else None,
        q=request.GET.get("q", "").strip()[:MOST_SOUGHT],
    )
    return render(request, "inbox/canned/options.html", {"replies": replies})


@member_view(get=Operation.USE_CANNED_REPLIES)
def show_replies(request: AccountRequest) -> HttpResponse:
    replies = list_canned(request.account.pk, user_id=user_of(request).pk)
    own, shared = [each for each in replies if each.is_own], [each for each in replies if not each.is_own]
    return render(request, "inbox/canned/list.html", {"account": request.account, "own": own, "shared": shared})


@member_view(get=Operation.KEEP_CANNED_REPLIES, post=Operation.KEEP_CANNED_REPLIES)
def edit_reply(request: AccountRequest, reply_id: UUID | None = None) -> HttpResponse:
    """A new one of the agent's own, or one that is theirs already."""
    initial = _read_own(request, reply_id) if reply_id else {}
    form = forms.CannedForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid() and _save(request, form, reply_id=reply_id):
        return redirect("inbox:canned")
    context = {"account": request.account, "form": form, "reply_id": reply_id, "variables": (*FIXED, "contact.…")}
    return render(request, "inbox/canned/form.html", context, status=400 if form.errors else 200)


def _read_own(request: AccountRequest, reply_id: UUID) -> dict[str, Any]:
    reply = find_own_canned(request.account.pk, reply_id, user_id=user_of(request).pk)
    if reply is None:
        raise NotFound
    return {"shortcut": reply.shortcut, "title": reply.title, "text": reply.text}


def _save(request: AccountRequest, form: forms.CannedForm, *, reply_id: UUID | None) -> bool:
    user = user_of(request)
    try:
        canned.save_canned(request.account, owner=user, actor=user, reply_id=reply_id, **form.cleaned_data)
    except Invalid as refused:
        forms.add_errors(form, refused)
    return not form.errors


@member_view(post=Operation.KEEP_CANNED_REPLIES)
def remove_reply(request: AccountRequest, reply_id: UUID) -> HttpResponse:
    user = user_of(request)
    canned.remove_canned(request.account, reply_id, owner=user, actor=user)
    return redirect("inbox:canned")
