"""Where scripts and people move the sandbox: customers write, receipts come, faults are scripted, scenes are played."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from channels_ingest.sandbox.base import Written, is_fault
from channels_ingest.sandbox.connections import find_connection
from channels_ingest.sandbox.registry import load_providers
from channels_ingest.sandbox.store import get_store

MOST_LISTED = 500
DEFAULT_KIND = "whatsapp"


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    providers = load_providers().items()
    return JsonResponse(
        {
            "kinds": [kind for kind, _ in providers],
            "scenes": {kind: list(provider.scenes) for kind, provider in providers},
            "faults": {kind: provider.faults for kind, provider in providers},
        }
    )


@csrf_exempt
@require_POST
def messages(request: HttpRequest, kind: str, external_id: str) -> HttpResponse:
    """A customer writes: `{"from", "name"?, "text", "at"?, "phone"?, "id"?}`; see `Written`. `at` may also be
    an instant of RFC 3339.
    """
    given = read_body(request)
    provider, connection = load_providers().get(kind), find_connection(kind, external_id)
    if provider is None or connection is None:
        return refuse(404, "There is no such channel.")
    try:
        at = read_instant(given.get("at"))
    except (ValueError, TypeError, OverflowError):
        return refuse(400, "at must be an instant.")
    who, text = str(given.get("from", "")), given.get("text")
    if not who or not isinstance(text, str):
        return refuse(400, "from and text are needed.")
    name, phone, id = (str(given.get(key, "")) for key in ("name", "phone", "id"))
    answered = provider.write(connection, Written(who, text, name=name, phone=phone, at=at, id=id))
    return JsonResponse(asdict(answered))


@require_GET
def sent(request: HttpRequest, kind: str, external_id: str) -> HttpResponse:
    """What the channel sent, as it came in; `after` is the `seq` of the last one known."""
    after = request.GET.get("after", "0")
    found = get_store().list_sent(
        f"{kind}:{external_id}", after=int(after) if after.isdigit() else 0, limit=MOST_LISTED
    )
    return JsonResponse({"results": found, "next": found[-1]["seq"] if len(found) == MOST_LISTED else None})


@csrf_exempt
@require_POST
def receipts(request: HttpRequest, kind: str, external_id: str) -> HttpResponse:
    """`{"id", "status", "code"?}`: posts that receipt now, and no more come by themselves."""
    given = read_body(request)
    provider, connection = load_providers().get(kind), find_connection(kind, external_id)
    if provider is None or connection is None:
        return refuse(404, "There is no such channel.")
    if given.get("status") not in provider.statuses:
        return refuse(400, f"status must be one of {', '.join(provider.statuses)}.")
    status = provider.report(connection, str(given.get("id", "")), given["status"], code=str(given.get("code", "")))
    if status is None:
        return refuse(404, "There is no such message.")
    return JsonResponse({"status": status})


@csrf_exempt
@require_http_methods(["PUT"])
def faults(request: HttpRequest) -> HttpResponse:
    """`{"kind", "next": [...]}`: what happens to the next messages that we send, in their order."""
    given = read_body(request)
    kind, scripted = str(given.get("kind")), given.get("next")
    provider = load_providers().get(kind)
    if provider is None:
        return refuse(400, f"kind must be one of {', '.join(load_providers())}.")
    if not isinstance(scripted, list) or not all(is_fault(fault, provider.faults) for fault in scripted):
        return refuse(400, f"next must be a list of {', '.join(provider.faults)}.")
    get_store().set_faults(kind, scripted)
    return JsonResponse({"kind": kind, "next": scripted})


@csrf_exempt
@require_POST
def scenes(request: HttpRequest, name: str) -> HttpResponse:
    """Plays a scene of a kind on the channel `{"kind"?, "channel"?: external id}`, or on the oldest one."""
    given = read_body(request)
    kind = str(given.get("kind", DEFAULT_KIND))
    provider, connection = load_providers().get(kind), find_connection(kind, str(given.get("channel", "")))
    scene = provider.scenes.get(name) if provider else None
    if scene is None or connection is None:
        return refuse(404, "There is no such scene or no channel of this kind.")
    answered = [asdict(answer) for answer in scene(connection)]
    return JsonResponse({"scene": name, "channel": connection.external_id, "results": answered})


def read_body(request: HttpRequest) -> dict[str, Any]:
    try:
        document = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def read_instant(value: Any) -> float | None:
    if value is None:
        return None
    return float(value) if isinstance(value, int | float) else datetime.fromisoformat(value).timestamp()


def refuse(status: int, detail: str) -> HttpResponse:
    return JsonResponse({"detail": detail}, status=status)
