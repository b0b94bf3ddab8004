"""What a visitor's client asks for besides posting to the door: a session, who signed in, what was written, files.

Bodies are JSON, errors `application/problem+json`, a Bearer token says who asks. A browser must be on a page of ours
or of the channel's sites; an app sends no Origin.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from ipaddress import IPv4Address, IPv6Network, ip_address
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from channels_ingest.channels.webchat.adapter import describe_visitor, is_allowed_origin
from channels_ingest.channels.webchat.tokens import (
    PLATFORMS,
    InvalidToken,
    Visitor,
    make_visitor,
    sign_in,
    sign_visitor,
)
from channels_ingest.events import DeliveryState
from channels_ingest.routes import Route
from channels_ingest.services import end_session, store_request, store_upload
from inbox.admission import NOT_ALLOWED, Refused, VisitorAdmission, admit_visitor, open_chat
from inbox.api.files import answer_file
from inbox.api.serialise import file_json, instant, visitor_message_json
from inbox.reach import EVERYTHING
from inbox.selectors.files import get_file, read_signed
from inbox.selectors.visitors import list_visitor_messages
from inbox.visitors.receipts import acknowledge
from oneview.accounts.models import Account
from oneview.accounts.tokens import read_bearer
from oneview.common.errors import FieldError, Forbidden, Invalid, NotFound, OneViewError
from oneview.common.problems import problem, problem_of
from oneview.common.ratelimit import hold_to
from oneview.common.scope import scope

SESSIONS_PER_ADDRESS = "30/minute", "300/hour"
MOST_BYTES = 16 * 1024
MOST_FILE_BYTES = 25_000_000
MOST_LISTED = 50
LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,2}")


class Unauthenticated(OneViewError):
    status = 401
    title = "Not signed in"

    def __init__(self) -> None:
        super().__init__("The token is missing, expired, or of another channel.", code="unauthenticated")


@dataclass(frozen=True, slots=True)
class Chat:
    """The channel that an address names."""

    public_id: str
    route: Route

    def issue(self, visitor: Visitor) -> dict[str, str]:
        token, expires = sign_visitor(visitor, self.route.credentials, audience=self.public_id)
        return {"visitor": visitor.id, "token": token, "expires_at": instant(datetime.fromtimestamp(expires, UTC))}


View = Callable[..., HttpResponseBase]


def chat_view(view: View) -> View:
    """Gives the view its chat, and answers errors."""

    @wraps(view)
    def wrapped(request: HttpRequest, public_id: str) -> HttpResponseBase:
        try:
            chat = _find_chat(request, public_id)
            response = view(request, chat)
        except OneViewError as error:
            response = problem_of(error)
        response["Cache-Control"] = "no-store"
        return response

    return csrf_exempt(wrapped)


def _find_chat(request: HttpRequest, public_id: str) -> Chat:
    try:
        route = open_chat(public_id)
    except Refused:
        raise NotFound from None
    origin = request.headers.get("Origin")
    own = request.build_absolute_uri("/")
    if origin is not None and not is_allowed_origin(origin, route.credentials, own_url=own):
        raise Forbidden("This site is not one of the channel's.")
    return Chat(public_id, route)


@require_http_methods(["POST", "DELETE"])
@chat_view
def session(request: HttpRequest, chat: Chat) -> HttpResponseBase:
    """POST: a new visitor, or with a token the same one for another thirty days. DELETE: the token is good no more."""
    if request.method == "DELETE":
        admission = _admit(request, chat)
        with scope(admission.account_id) as now:
            end_session(admission.account_id, admission.channel_id, admission.visitor.session, now=now)
        return HttpResponse(status=204)
    if read_bearer(request) is not None:
        return JsonResponse(chat.issue(_admit(request, chat).visitor), status=201)
    network = _name_network(request.META.get("REMOTE_ADDR", ""))
    for rate in SESSIONS_PER_ADDRESS:
        hold_to(rate, "session", chat.public_id, network)
    given = _read_body(request)
    platform, language = given.get("platform", "web"), given.get("locale") or ""
    if platform not in PLATFORMS:
        raise Invalid(FieldError("platform", "invalid", f"This must be one of {', '.join(PLATFORMS)}."))
    if not isinstance(language, str) or (language and not LANGUAGE.fullmatch(language)):
        raise Invalid(FieldError("locale", "invalid", "This must be a language tag, such as de or pt-BR."))
    return JsonResponse(chat.issue(make_visitor(platform=platform, language=language)), status=201)


@require_POST
@chat_view
def identify(request: HttpRequest, chat: Chat) -> HttpResponseBase:
    """`{"jwt"}`, signed by the site's server: a token of who signed in."""
    visitor = _admit(request, chat).visitor
    hold_to("20/minute", "identify", chat.public_id, visitor.id)
    try:
        user = sign_in(
            visitor, str(_read_body(request).get("jwt", "")), chat.route.credentials, audience=chat.public_id
        )
    except InvalidToken as error:
        raise Invalid(FieldError("jwt", "invalid", str(error))) from None
    route = chat.route
    with scope(route.account_id) as now:
        kept = describe_visitor(user)
        store_request(route.account_id, route.channel_id, headers=kept, body=b'{"type":"signed_in"}', now=now)
    return JsonResponse(chat.issue(user), status=201)


@require_GET
@chat_view
def messages(request: HttpRequest, chat: Chat) -> HttpResponseBase:
    """Those after `after`, which is thereby acknowledged, and some that may be known; without it the newest ones.
    `next`: ask again with it.
    """
    admission = _admit(request, chat)
    hold_to("120/minute", "messages", chat.public_id, admission.visitor.id)
    after = _read_id(request.GET["after"]) if request.GET.get("after") else None
    if after is not None:
        acknowledge(admission, up_to=after, state=DeliveryState.DELIVERED)
    with scope(admission.account_id) as now:
        found = list_visitor_messages(
            admission.account_id,
            channel_id=admission.channel_id,
            identities=admission.identities,
            after=after,
            now=now,
            window=admission.window,
            limit=MOST_LISTED,
        )
        results = [visitor_message_json(shape, account_id=admission.account_id) for shape in found]
    more = after is not None and len([shape for shape in found if shape.id > after]) == MOST_LISTED
    return JsonResponse({"results": results, "next": results[-1]["id"] if more else None})


@require_POST
@chat_view
def files(request: HttpRequest, chat: Chat) -> HttpResponseBase:
    """A file for a message to come: multipart, `file`, up to 25 MB."""
    admission = _admit(request, chat)
    network = _name_network(request.META.get("REMOTE_ADDR", ""))
    for rate, who in (("30/minute", admission.visitor.id), ("200/hour", network)):
        hold_to(rate, "files", chat.public_id, who)
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_FILE_BYTES + 10_000:
        return problem(413, code="too_large", title="Too large", detail="A file has at most 25 MB.")
    file = request.FILES.get("file")
    if file is None:
        raise Invalid(FieldError("file", "required", "This is needed."))
    with scope(admission.account_id):
        stored = store_upload(
            admission.account_id, name=file.name or "", content_type=file.content_type or "", content=file.read()
        )
    return JsonResponse(file_json(stored), status=201)


@require_GET
def file(request: HttpRequest, word: str) -> HttpResponseBase:
    """A file of a message, for whoever has its signed address."""
    try:
        account_id, file_id = read_signed(word)
        account = Account.objects.get(pk=account_id)
        with scope(account) as now:
            stored = get_file(account_id, file_id, now=now, window=account.window, reach=EVERYTHING)
    except OneViewError as error:
        return problem_of(error)
    return answer_file(stored, request.headers.get("Range", ""))


def _admit(request: HttpRequest, chat: Chat) -> VisitorAdmission:
    try:
        return admit_visitor(chat.public_id, read_bearer(request) or "")
    except Refused as refused:
        if refused.code == NOT_ALLOWED:
            raise NotFound from None
        raise Unauthenticated from None


def _name_network(address: str) -> str:
    """Where a request comes from: of IPv6 the 64 bits that one line has to choose its addresses from."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv4Address) or ip.ipv4_mapped:
        return address
    return str(IPv6Network((int(ip), 64), strict=False))


def _read_body(request: HttpRequest) -> Mapping[str, Any]:
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        raise Invalid(FieldError("", "too_large", "This is too long."))
    try:
        document = json.loads(request.body or b"{}")
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Invalid(FieldError("", "invalid", "The body must be a JSON object."))
    return document


def _read_id(value: str) -> UUID:
    try:
        return UUID(value)
    except ValueError:
        raise Invalid(FieldError("after", "invalid", "This is no id of a message.")) from None
