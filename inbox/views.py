"""The agents' page and its fragments. Thin: forms read, selectors and services do, templates show.

The middleware opens each request inside its account. With `X-Fragment` a page answers with the part of that name;
errors of fragments and commands are `application/problem+json`, 401 when nobody is signed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from channels_ingest.services import store_upload
from inbox import forms, rendering
from inbox.phrases import list_phrases, list_shortcuts
from inbox.realtime import read_head
from inbox.selectors.channels import list_agents, list_channels
from inbox.selectors.contacts import get_contact
from inbox.selectors.conversations import count_boxes, get_conversation, list_allowed, list_conversations
from inbox.selectors.messages import get_messages, list_messages
from inbox.services import contacts, conversations
from inbox.services.messages import Draft, send_reply
from inbox.shapes import Agent, Author, ContactShape, ConversationShape, Timeline
from oneview.accounts import permissions
from oneview.accounts import services as accounts
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.models import User
from oneview.common.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, OneViewError
from oneview.common.problems import FRAGMENT, problem, problem_of

P = ParamSpec("P")
View = Callable[Concatenate[AccountRequest, P], HttpResponse]

MOST_IDS = 100


def member_view(view: View[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """For members only; an error of ours rolls back what was begun and becomes an answer."""

    @wraps(view)
    def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        is_page = request.method == "GET" and FRAGMENT not in request.headers
        if not request.user.is_authenticated:
            if is_page:
                return redirect_to_login(request.get_full_path())
            return problem(401, code="unauthenticated", title="Signed out", detail="Sign in again.")
        try:
            response = view(cast(AccountRequest, request), *args, **kwargs)
        except OneViewError as error:
            transaction.set_rollback(True)
            if is_page and isinstance(error, NotFound):
                raise Http404 from error
            response = problem_of(error)
        response["Vary"] = f"{FRAGMENT}, Cookie"
        response["Cache-Control"] = "no-store"
        return response

    return wrapped


@require_GET
@member_view
def show_page(request: AccountRequest) -> HttpResponse:
    return render(request, "inbox/page.html", _page(request, seq=read_head(request.account.pk)))


@require_GET
@member_view
def show_conversation(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    """The whole page, or a fragment: `conversation` (the middle pane) or `bar` (what stands around the messages).

    The head of the live log is read before anything else: what comes after it is told by the socket.
    """
    seq = read_head(request.account.pk)
    conversation = get_conversation(conversation_id=conversation_id, **_scope(request))
    if conversation.id != conversation_id:
        return redirect(_with_query(request, reverse("inbox:conversation", args=[conversation.id])))
    allowed = list_allowed(conversation_id=conversation.id, **_scope(request))
    context = {"seq": seq, "conversation": conversation, "allowed": allowed}
    fragment = request.headers.get(FRAGMENT)
    if fragment == "bar":
        return render(request, "inbox/bar.html", context)
    context["timeline"] = list_messages(conversation_id=conversation.id, **_scope(request))
    if fragment == "conversation":
        return render(request, "inbox/conversation.html", context)
    return render(request, "inbox/page.html", {**_page(request, seq=seq), **context, **_panel(request, conversation)})


@require_GET
@member_view
def show_list(request: AccountRequest) -> HttpResponse:
    """The list with its filters, or with `cursor` the rows that follow."""
    context = _list(request, seq=read_head(request.account.pk))
    return render(request, "inbox/rows.html" if context["query"].cursor else "inbox/list.html", context)


@require_GET
@member_view
def show_counts(request: AccountRequest) -> HttpResponse:
    return JsonResponse(asdict(count_boxes(viewer_id=_user(request).pk, **_scope(request))))


@require_http_methods(["GET", "POST"])
@member_view
def messages(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    """GET: a slice of the timeline (`before`, `after`), or single messages (`ids`). POST: a reply or a note."""
    if request.method == "POST":
        return _send(request, conversation_id)
    if "ids" in request.GET:
        ids = [_read_id(id, "ids") for id in request.GET["ids"].split(",")[:MOST_IDS]]
        found = get_messages(ids=ids, **_scope(request))
        timeline = Timeline(tuple(each for each in found if each.conversation == conversation_id), None, None)
    else:
        before, after = (
            _read_id(request.GET[name], name) if name in request.GET else None for name in ("before", "after")
        )
        timeline = list_messages(conversation_id=conversation_id, before=before, after=after, **_scope(request))
    return render(request, "inbox/messages.html", {"timeline": timeline})


def _send(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    sent = forms.read_form(forms.SendForm(request.POST))
    uploads = forms.read_files(request.FILES.getlist("files"))
    stored = [store_upload(request.account.pk, **upload) for upload in uploads]
    draft = Draft(**sent, attachments=tuple(media.id for media in stored))
    author = Author("agent", _user(request).pk, str(_user(request)))
    message, is_new = send_reply(request.account, conversation_id, draft, author=author, now=request.now)
    return HttpResponse(rendering.render_messages([message])[message.id], status=201 if is_new else 200)


@require_POST
@member_view
def assign(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    wanted = forms.read_form(forms.AssignForm(request.POST))
    conversations.assign(request.account, conversation_id, actor=_agent(request), now=request.now, **wanted)
    return HttpResponse(status=204)


@require_POST
@member_view
def set_status(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    wanted = forms.read_form(forms.StatusForm(request.POST))
    conversations.set_status(request.account, conversation_id, actor=_agent(request), now=request.now, **wanted)
    return HttpResponse(status=204)


@require_POST
@member_view
def mark_read(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    seen = forms.read_form(forms.ReadForm(request.POST))
    conversations.mark_read(request.account, conversation_id, viewer=_agent(request), now=request.now, **seen)
    return HttpResponse(status=204)


@require_POST
@member_view
def mark_unread(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    """From the message `since` on."""
    unseen = forms.read_form(forms.UnreadForm(request.POST))
    conversations.mark_unread(request.account, conversation_id, now=request.now, **unseen)
    return HttpResponse(status=204)


@require_GET
@member_view
def show_panel(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    conversation = get_conversation(conversation_id=conversation_id, **_scope(request))
    return render(request, "inbox/panel.html", _panel(request, conversation))


@require_POST
@member_view
def edit_field(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    """The panel with the new value; 409 with `current` ({"value", "version"}) when somebody else was faster."""
    conversation = get_conversation(conversation_id=conversation_id, **_scope(request))
    if not _may_edit(request, conversation):
        raise Forbidden(_("Only those the conversation is assigned to edit these details."))
    edit = forms.read_form(forms.FieldForm(request.POST))
    try:
        contacts.edit_contact(
            request.account,
            conversation.id,
            actor=_agent(request),
            version=edit["version"],
            changes={edit["name"]: edit["value"]},
            now=request.now,
        )
    except Conflict as conflict:
        stands: ContactShape = conflict.current
        current = {"value": stands.attributes.get(edit["name"], ""), "version": stands.version}
        raise Conflict(conflict.detail, current=current) from None
    return render(request, "inbox/panel.html", _panel(request, conversation))


@require_POST
@member_view
def undo_link(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    undone = forms.read_form(forms.UndoForm(request.POST))
    if not permissions.may_decide_identity(request.membership.role):
        raise Forbidden(_("You may not undo links."))
    contacts.undo_link(request.account, conversation_id, actor=_agent(request), now=request.now, **undone)
    return HttpResponse(status=204)


@require_POST
@member_view
def save_preferences(request: AccountRequest) -> HttpResponse:
    wanted = forms.read_form(forms.PreferencesForm(request.POST))
    accounts.save_preferences(_user(request), **{name: each for name, each in wanted.items() if each not in (None, "")})
    return HttpResponse(status=204)


def _scope(request: AccountRequest) -> dict[str, Any]:
    """What selectors are asked with."""
    return {"account_id": request.account.pk, "now": request.now, "window": request.account.window}


def _user(request: AccountRequest) -> User:
    return cast(User, request.user)


def _agent(request: AccountRequest) -> Agent:
    return Agent(_user(request).pk, str(_user(request)))


def _read_id(given: str, name: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise Invalid(FieldError(name, "invalid", _("This is no id."))) from None


def _with_query(request: AccountRequest, path: str) -> str:
    query = request.META.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path


def _may_edit(request: AccountRequest, conversation: ConversationShape) -> bool:
    return permissions.may_edit_contact(
        request.membership.role,
        user_id=_user(request).pk,
        assignees=[agent.id for agent in conversation.assignees],
    )


def _list(request: AccountRequest, *, seq: int) -> dict[str, Any]:
    channels = list_channels(request.account.pk)
    query = forms.ListQuery.read(request.GET, channels=channels)
    scope, viewer = _scope(request), _user(request).pk
    return {
        "seq": seq,
        "query": query,
        "channels": channels,
        "page": list_conversations(viewer_id=viewer, **query.filters, **scope),
        "counts": count_boxes(viewer_id=viewer, **scope) if query.cursor is None else None,
    }


def _panel(request: AccountRequest, conversation: ConversationShape) -> dict[str, Any]:
    contact = get_contact(request.account.pk, conversation.id)
    return {
        "conversation": conversation,
        "contact": contact,
        "facts": rendering.list_facts(contact),
        "can_edit": _may_edit(request, conversation),
        "account": request.account,
        "status_name": forms.name_status(conversation.status),
    }


def _page(request: AccountRequest, *, seq: int) -> dict[str, Any]:
    user, account = _user(request), request.account
    agents = list_agents(account.pk)
    return {
        **_list(request, seq=seq),
        "account": account,
        "agents": agents,
        "themes": User.THEMES,
        "shortcuts": list_shortcuts(),
        "can_administrate": permissions.may_see_admin(request.membership.role, is_operator=user.is_superuser),
        "panel_state": "off" if request.COOKIES.get("panel") == "off" else "on",
        "nav_state": "rail" if request.COOKIES.get("nav") == "rail" else "full",
        "conf": {
            "account": {"id": account.pk, "name": account.name},
            "me": {"id": user.pk, "name": str(user)},
            "agents": {agent.id: agent.name for agent in agents},
            "zone": user.time_zone,
            "keys": user.single_keys,
            "csrf": get_token(request),
            "page": reverse("inbox:page"),
            "signIn": reverse("account_login"),
            "phrases": list_phrases(),
        },
    }
