"""The pages of the web chat: the loader's script, the frame that it opens, and a shop to try it in."""

from __future__ import annotations

import re
import time
from functools import cache
from pathlib import Path

import jwt
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_GET

from channels_ingest.base import secrets
from channels_ingest.channels.webchat.adapter import list_origins
from channels_ingest.channels.webchat.tokens import ALGORITHM
from channels_ingest.selectors import list_channels
from inbox.admission import WEBCHAT, Refused, open_chat
from oneview.accounts.models import Account
from oneview.accounts.selectors import get_account
from oneview.common.errors import NotFound
from oneview.common.scope import scope

DEMO_ACCOUNT = "demo"
DEMO_USER = {
    "sub": "customer-1207",
    "name": "Nora Fields",
    "email": "nora@example.com",
    "email_verified": True,
    "phone_number": "+12025550143",
    "phone_number_verified": True,
}


@gzip_page
@require_GET
def loader(request: HttpRequest) -> HttpResponse:
    """Always under this address: sites write it into their pages. Browsers ask again after an hour."""
    response = HttpResponse(_read_loader(), content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "public, max-age=3600"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@cache
def _read_loader() -> bytes:
    """Without its indents and lines of comment: every page of a site loads it."""
    source = (Path(settings.BASE_DIR) / "static" / "widget" / "loader.js").read_bytes()
    return re.sub(rb"^[ ]*(//.*\n)?", b"", source, flags=re.MULTILINE)


@gzip_page
@require_GET
def chat(request: HttpRequest, public_id: str) -> HttpResponse:
    """The frame. It may stand in pages of the channel's sites and of ours; it knows nobody yet.

    `?lang=`, `?dir=`: those of the page around it, which may be in a language that we do not speak. A chat that is not
    there any more says so, wherever its button was left.
    """
    try:
        route = open_chat(public_id)
    except Refused:
        name, sites = "", ["*"]
    else:
        name, sites = Account.objects.get(pk=route.account_id).name, list_origins(route.credentials)
    with translation.override(_choose_language(request.GET.get("lang", ""))):
        context = {
            "public_id": public_id,
            "name": name,
            "direction": _choose_direction(request.GET.get("dir", "")),
            "phrases": list_phrases(),
        }
        response = render(request, "widget/chat.html", context, status=200 if name else 404)
    response.xframe_options_exempt = True
    response._csp_replace = {"frame-ancestors": ["'self'", *sites]}  # type: ignore[attr-defined]
    return response


@require_GET
def demo(request: HttpRequest) -> HttpResponse:
    """A page of the demo's shop, with a customer who can sign in: their JWT is what the shop's server would make."""
    if not settings.DEMO:
        raise Http404
    try:
        account = get_account(DEMO_ACCOUNT)
    except NotFound:
        raise Http404 from None
    with scope(account):
        channel = next((channel for channel in list_channels(account.id) if channel.kind == WEBCHAT), None)
    if channel is None:
        raise Http404
    now = int(time.time())
    claims = {"aud": channel.public_id, "iat": now, "exp": now + 3600, **DEMO_USER}
    signed = jwt.encode(claims, secrets(channel.credentials, "jwt_secret")[0], algorithm=ALGORITHM)
    context = {
        "public_id": channel.public_id,
        "jwt": signed,
        "user": DEMO_USER["name"],
        "name": account.name,
    }
    return render(request, "widget/demo.html", context)


def _choose_language(wanted: str) -> str:
    """Ours that is nearest to the one the site wants."""
    try:
        return translation.get_supported_language_variant(wanted)
    except LookupError:
        return settings.LANGUAGE_CODE


def _choose_direction(wanted: str) -> str:
    """That of the page around, else of our language."""
    if wanted in ("ltr", "rtl"):
        return wanted
    return "rtl" if translation.get_language_bidi() else "ltr"


def list_phrases() -> dict[str, str]:
    """The words that the chat's script needs, in the active language."""
    return {
        "sending": _("Sending…"),
        "queued": _("Will be sent when you are connected again"),
        "failed": _("Not sent. Try again"),
        "sent": _("Sent"),
        "delivered": _("Delivered"),
        "offline": _("You are offline. What you write is kept and sent later."),
        "connecting": _("Connecting…"),
        "gone": _("This chat is not available any more."),
        "too_many": _("Too many messages. It goes on in a moment."),
        "too_large": _("A file can have at most 25 MB."),
        "refused": _("This file was not accepted."),
        "not_uploaded": _("Not uploaded. Remove it and try again."),
        "uploading": _("Uploading…"),
        "deleted": _("Message deleted"),
        "edited": _("edited"),
        "you": _("You"),
        "bot": _("Bot"),
        "team": _("Team"),
        "unread": _("Unread messages: %s"),
        "remove": _("Remove %s"),
        "thanks": _("Thank you. We will write there if you leave."),
    }
