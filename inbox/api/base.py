"""What all views of the API share: who calls, how input is read, how errors are answered.

AccountMiddleware found the caller, by token or session, and runs the view inside their account; an error rolls it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

from django.db import OperationalError, transaction
from django.http import Http404, HttpResponseBase
from rest_framework import exceptions
from rest_framework.authentication import SessionAuthentication
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from inbox.api.serialise import contact_json
from inbox.reach import EVERYTHING, Reach
from inbox.selectors.contacts import find_contact
from inbox.selectors.conversations import get_conversation
from inbox.selectors.reach import read_reach
from inbox.shapes import Agent, Author, ContactShape, ConversationShape
from oneview.accounts import permissions
from oneview.accounts.models import Account, Membership, User
from oneview.accounts.permissions import Operation
from oneview.accounts.tokens import BearerAuthentication, Bot
from oneview.common.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, OneViewError
from oneview.common.problems import problem, problem_of, unavailable

MOST_BYTES = 1_000_000


class IsMember(BasePermission):
    """Everything an account has is for its active members and its bots."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user.is_authenticated) and getattr(request._request, "account", None) is not None


class AlwaysJson(DefaultContentNegotiation):
    """Answers are JSON, whatever the caller would like."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class AccountView(APIView):
    authentication_classes = (BearerAuthentication, SessionAuthentication)
    permission_classes = (IsMember,)
    content_negotiation_class = AlwaysJson
    renderer_classes = (JSONRenderer,)
    parser_classes: Sequence[type[BaseParser]] = (JSONParser,)
    most_bytes = MOST_BYTES
    operations: ClassVar[Mapping[str, Operation]] = {}  # by method; what is not named may nobody

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method and (method := request.method.lower()) in self.http_method_names and hasattr(self, method):
            self.require(self.operations.get("get" if method in ("head", "options") else method))
        if int(request.META.get("CONTENT_LENGTH") or 0) > self.most_bytes:
            raise TooLarge

    def get_exception_handler(self) -> Any:
        return answer_error

    @property
    def account(self) -> Account:
        account: Account = self.request._request.account  # type: ignore[attr-defined]
        return account

    @property
    def now(self) -> datetime:
        now: datetime = self.request._request.now  # type: ignore[attr-defined]
        return now

    @property
    def scope(self) -> dict[str, Any]:
        """What every selector is asked with."""
        return {"account_id": self.account.pk, "now": self.now, "window": self.account.window}

    @cached_property
    def reach(self) -> Reach:
        """What the caller may see; a bot everything."""
        membership: Membership | None = self.request._request.membership  # type: ignore[attr-defined]
        return EVERYTHING if self.is_bot or membership is None else read_reach(membership)

    @property
    def user(self) -> User:
        """For operations that no bot may do."""
        assert isinstance(self.request.user, User)
        return self.request.user

    @property
    def user_id(self) -> int | None:
        """None for a bot."""
        user = self.request.user
        return user.pk if isinstance(user, User) else None

    @property
    def is_bot(self) -> bool:
        return isinstance(self.request.user, Bot)

    @property
    def role(self) -> str | None:
        """What permissions are asked with."""
        if self.is_bot:
            return permissions.BOT
        membership: Membership | None = self.request._request.membership  # type: ignore[attr-defined]
        return membership.role if membership else None

    @property
    def author(self) -> Author:
        return Author("bot" if self.is_bot else "agent", self.user_id, str(self.request.user))

    @property
    def actor(self) -> Agent:
        """Who acts, for the record. A bot has no user id: 0 is nobody's."""
        return Agent(self.user_id or 0, str(self.request.user))

    def require(self, operation: Operation | None, *, own: bool = True) -> None:
        """Raises Forbidden. `own`: whether the conversation it is about is the caller's."""
        if operation is None or not permissions.may(self.role, operation, own=own):
            raise Forbidden("You may not do this.")

    def is_own(self, conversation_id: UUID) -> bool:
        """Whether the conversation is assigned to the caller; what nobody can see is nobody's."""
        try:
            return self.user_id in [agent.id for agent in self.find(conversation_id).assignees]
        except NotFound:
            return False

    def find(self, conversation_id: UUID) -> ConversationShape:
        """By any id that it ever had. Raises NotFound, also for what is out of the caller's reach."""
        return get_conversation(conversation_id=conversation_id, reach=self.reach, **self.scope)

    def find_again(self, conversation_id: UUID) -> ConversationShape:
        """What a command of the caller made of it: it is answered also when it went out of their reach by that."""
        return get_conversation(conversation_id=conversation_id, reach=EVERYTHING, **self.scope)

    def find_contact(self, contact_id: UUID) -> ContactShape:
        """By any id that it ever had. Raises NotFound, also for what is out of the caller's reach."""
        return find_contact(contact_id=contact_id, reach=self.reach, **self.scope)

    def read_body(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        return _validate(serializer, self.request.data)

    def read_query(self, serializer: type[Serializer[Any]]) -> dict[str, Any]:
        return _validate(serializer, self.request.query_params.dict())


class TooLarge(exceptions.APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = "This is more than can be taken."


class Missing(AccountView):
    """An address that does not exist, told like all other errors."""

    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise NotFound


class Entry(Protocol):
    @property
    def id(self) -> UUID: ...


E = TypeVar("E", bound=Entry)


def cut_page(found: Sequence[E], *, limit: int) -> tuple[Sequence[E], UUID | None]:
    """What was asked for with one more than fits: the page, and the cursor of the next one."""
    page = found[:limit]
    return page, page[-1].id if len(found) > limit else None


def listing(results: list[Any], *, next: object = None) -> Response:
    return Response({"results": results, "next": None if next is None else str(next)})


def answer_error(error: Exception, context: Mapping[str, Any]) -> HttpResponseBase | None:
    """None for what nobody expects: Django makes a 500 of it."""
    answer = _answer(error)
    if answer is not None and transaction.get_connection().in_atomic_block:
        transaction.set_rollback(True)
    return answer


def _answer(error: Exception) -> HttpResponseBase | None:
    match error:
        case Conflict() if isinstance(error.current, ContactShape):
            error.current = contact_json(error.current)
            return problem_of(error)
        case OneViewError():
            return problem_of(error)
        case Http404():
            return problem_of(NotFound())
        case exceptions.ValidationError():
            return problem_of(Invalid(*_field_errors(error.detail)))
        case exceptions.ParseError() | RecursionError():
            return problem_of(Invalid(FieldError("", "invalid", "This is not readable JSON.")))
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            answer = problem(401, code="unauthenticated", title="Signed out", detail=str(error.detail))
            answer["WWW-Authenticate"] = "Bearer"
            return answer
        case exceptions.PermissionDenied():
            return problem_of(Forbidden(str(error.detail)))
        case exceptions.APIException():
            title, code = str(error.default_detail), error.default_code
            return problem(error.status_code, code=code, title=title, detail=str(error.detail))
        case OperationalError():
            return unavailable()
    return None


def _validate(serializer: type[Serializer[Any]], data: Any) -> dict[str, Any]:
    read = serializer(data=data)
    read.is_valid(raise_exception=True)
    validated: dict[str, Any] = read.validated_data
    return validated


def _field_errors(detail: Any, path: str = "") -> Iterator[FieldError]:
    """Nested details of DRF, flat: `attachments.0`."""
    if isinstance(detail, Mapping):
        for name, each in detail.items():
            yield from _field_errors(each, f"{path}.{name}" if path else str(name))
    elif isinstance(detail, list):
        for position, each in enumerate(detail):
            is_nested = isinstance(each, Mapping | list)
            yield from _field_errors(each, f"{path}.{position}" if is_nested and path else path)
    else:
        yield FieldError("" if path == "non_field_errors" else path, getattr(detail, "code", "invalid"), str(detail))
