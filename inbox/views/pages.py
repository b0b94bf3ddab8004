"""The agents' page, its list and its middle. Thin: forms read, selectors and services do, templates show.

The middleware opens each request inside its account. With `X-Fragment` a page answers with the part of that name;
errors of fragments and commands are `application/problem+json`, 401 when nobody is signed in.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import redirect, render
from django.urls import reverse

from inbox import forms
from inbox.phrases import list_phrases, list_shortcuts
from inbox.reach import EVERYTHING
from inbox.realtime import read_head
from inbox.selectors.accounts import list_choices
from inbox.selectors.bots import list_answering_bots
from inbox.selectors.channels import list_agents, list_channels_within
from inbox.selectors.conversations import count_boxes, list_allowed, list_conversations
from inbox.selectors.messages import list_messages
from inbox.selectors.teams import list_teams
from inbox.services.conversations import clears_unread
from inbox.views.base import find, member_view, reach_of, role_of, scope_of, user_of, with_query
from inbox.views.panel import describe_panel
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.models import User
from oneview.accounts.permissions import OPERATOR, Operation, may
from oneview.common.problems import FRAGMENT


@member_view(get=Operation.SEE_CONVERSATIONS)
def show_page(request: AccountRequest) -> HttpResponse:
    return render(request, "inbox/page.html", _page(request, seq=read_head(request.account.pk)))


@member_view(get=Operation.SEE_CONVERSATIONS)
def show_conversation(request: AccountRequest, conversation_id: UUID) -> HttpResponse:
    """The whole page, or a fragment: `conversation` (the middle pane) or `bar` (what stands around the messages).

    The head of the live log is read before anything else: what comes after it is told by the socket.
    """
    seq = read_head(request.account.pk)
    conversation = find(request, conversation_id)
    if conversation.id != conversation_id:
        return redirect(with_query(request, reverse("inbox:conversation", args=[conversation.id])))
    allowed = list_allowed(conversation_id=conversation.id, **scope_of(request))
    bots = list_answering_bots(request.account.pk, channels=[channel.id for channel in conversation.channels])
    assignees = [agent.id for agent in conversation.assignees]
    reads = clears_unread(assignees, viewer=user_of(request).pk, role=role_of(request))
    context = {"seq": seq, "conversation": conversation, "allowed": allowed, "bots": bots, "reads": reads}
    fragment = request.headers.get(FRAGMENT)
    if fragment == "bar":
        return render(request, "inbox/bar.html", context)
    context["timeline"] = list_messages(conversation_id=conversation.id, **scope_of(request))
    if fragment == "conversation":
        return render(request, "inbox/conversation.html", context)
    panel = describe_panel(request, conversation)
    return render(request, "inbox/page.html", {**_page(request, seq=seq), **context, **panel})


@member_view(get=Operation.SEE_CONVERSATIONS)
def show_list(request: AccountRequest) -> HttpResponse:
    """The list with its filters, or with `cursor` the rows that follow."""
    context = _list(request, seq=read_head(request.account.pk))
    return render(request, "inbox/rows.html" if context["query"].cursor else "inbox/list.html", context)


@member_view(get=Operation.SEE_CONVERSATIONS)
def show_counts(request: AccountRequest) -> HttpResponse:
    counts = count_boxes(viewer_id=user_of(request).pk, reach=reach_of(request), **scope_of(request))
    return JsonResponse(asdict(counts))


def _list(request: AccountRequest, *, seq: int) -> dict[str, Any]:
    reach = reach_of(request)
    channels = list_channels_within(request.account.pk, reach=reach)
    teams = list_teams(request.account.pk, reach=reach)
    query = forms.ListQuery.read(request.GET, channels=channels, teams=teams)
    asked = {**scope_of(request), "reach": reach, "viewer_id": user_of(request).pk}
    return {
        "seq": seq,
        "query": query,
        "channels": channels,
        "teams": teams,
        "page": list_conversations(**query.filters, **asked),
        "counts": count_boxes(**asked) if query.cursor is None else None,
    }


def _page(request: AccountRequest, *, seq: int) -> dict[str, Any]:
    user, account, role = user_of(request), request.account, request.membership.role
    agents = list_agents(account.pk)
    return {
        **_list(request, seq=seq),
        "account": account,
        "choices": list_choices(user.pk, account_id=account.pk),
        "agents": agents,
        "every_team": list_teams(account.pk, reach=EVERYTHING),
        "is_away": request.membership.is_away,
        "themes": User.THEMES,
        "shortcuts": list_shortcuts(),
        "can_administrate": may(role, Operation.OPEN_ADMIN)
        or (user.is_superuser and may(OPERATOR, Operation.OPEN_ADMIN)),
        "can_redact": may(role, Operation.REDACT_MESSAGE),
        "panel_state": "off" if request.COOKIES.get("panel") == "off" else "on",
        "nav_state": "rail" if request.COOKIES.get("nav") == "rail" else "full",
        "conf": {
            "account": {"id": account.pk, "name": account.name},
            "me": {"id": user.pk, "name": str(user)},
            "supervises": may(role, Operation.UNBLOCK_CONTACT),
            "agents": {agent.id: agent.name for agent in agents},
            "zone": user.time_zone,
            "keys": user.single_keys,
            "csrf": get_token(request),
            "page": reverse("inbox:page"),
            "signIn": reverse("account_login"),
            "phrases": list_phrases(),
        },
    }
