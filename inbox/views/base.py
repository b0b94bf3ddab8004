"""What all pages of members share: who asks and whether they may, errors as answers, arguments of selectors."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from uuid import UUID

from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext as _

from inbox.reach import Reach
from inbox.selectors.conversations import get_conversation
from inbox.selectors.reach import read_reach
from inbox.shapes import Agent, ConversationShape
from oneview.accounts.middleware import AccountRequest
from oneview.accounts.models import Membership, User
from oneview.accounts.permissions import OPERATOR, Operation, may
from oneview.common.errors import FieldError, Forbidden, Invalid, NotFound, OneViewError
from oneview.common.problems import FRAGMENT, problem, problem_of

P = ParamSpec("P")
View = Callable[Concatenate[AccountRequest, P], HttpResponse]
Answer = Callable[Concatenate[HttpRequest, P], HttpResponse]


def member_view(*, get: Operation | None = None, post: Operation | None = None) -> Callable[[View[P]], Answer[P]]:
    """For members who may do what the method asks for; other methods are refused. An error of ours rolls back what was
    begun and becomes an answer.

    What depends on whose a conversation is, the view asks itself, with `require`.
    """
    operations = {method: each for method, each in (("GET", get), ("POST", post)) if each}

    def decorate(view: View[P]) -> Answer[P]:
        @wraps(view)
        def wrapped(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.method not in operations:
                return HttpResponseNotAllowed(list(operations))
            is_page = request.method == "GET" and FRAGMENT not in request.headers
            if not request.user.is_authenticated:
                if is_page:
                    return redirect_to_login(request.get_full_path())
                return problem(401, code="unauthenticated", title="Signed out", detail="Sign in again.")
            try:
                require(cast(AccountRequest, request), operations[request.method])
                response = view(cast(AccountRequest, request), *args, **kwargs)
            except OneViewError as error:
                transaction.set_rollback(True)
                if is_page and isinstance(error, NotFound):
                    raise Http404 from error
                response = problem_of(error)
            response["Vary"] = f"{FRAGMENT}, Cookie"
            response["Cache-Control"] = "no-store"
            return response

        wrapped.operations = operations  # type: ignore[attr-defined]
        return wrapped

    return decorate


def require(request: AccountRequest, operation: Operation, *, conversation: ConversationShape | None = None) -> None:
    """Raises Forbidden. `conversation`: what it is about, where that counts."""
    if not allows(request, operation, conversation=conversation):
        if conversation and may(role_of(request), operation):
            raise Forbidden(_("Only those the conversation is assigned to may do this."))
        raise Forbidden(_("You may not do this."))


def allows(request: AccountRequest, operation: Operation, *, conversation: ConversationShape | None = None) -> bool:
    own = conversation is None or user_of(request).pk in [agent.id for agent in conversation.assignees]
    return may(role_of(request), operation, own=own)


def role_of(request: AccountRequest) -> str | None:
    """An operator is one where they are no member."""
    membership: Membership | None = request.membership
    if membership is None:
        return OPERATOR if user_of(request).is_superuser else None
    return membership.role


def scope_of(request: AccountRequest) -> dict[str, Any]:
    """What selectors are asked with."""
    return {"account_id": request.account.pk, "now": request.now, "window": request.account.window}


def reach_of(request: AccountRequest) -> Reach:
    """What the member may see, read once for each request."""
    known: Reach | None = vars(request).get("reach")
    if known is None:
        known = read_reach(request.membership)
        vars(request).update(reach=known)
    return known


def user_of(request: AccountRequest) -> User:
    return cast(User, request.user)


def agent_of(request: AccountRequest) -> Agent:
    return Agent(user_of(request).pk, str(user_of(request)))


def find(request: AccountRequest, conversation_id: UUID) -> ConversationShape:
    """By any id that it ever had. Raises NotFound, also for what is out of the member's reach."""
    return get_conversation(conversation_id=conversation_id, reach=reach_of(request), **scope_of(request))


def read_id(given: str, name: str) -> UUID:
    try:
        return UUID(given)
    except ValueError:
        raise Invalid(FieldError(name, "invalid", _("This is no id."))) from None


def with_query(request: AccountRequest, path: str) -> str:
    query = request.META.get("QUERY_STRING", "")
    return f"{path}?{query}" if query else path
