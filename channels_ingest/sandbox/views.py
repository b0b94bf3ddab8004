"""Where scripts and people move the sandbox: customers write, receipts come, faults are scripted, scenes are played."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from channels_ingest.sandbox import graph, provider
from channels_ingest.sandbox.connections import find_connection
from channels_ingest.sandbox.provider import Customer
from channels_ingest.sandbox.scenes import SCENES, play_scene
from channels_ingest.sandbox.store import get_store

MOST_LISTED = 500
STATUSES = ("sent", "delivered", "read", "played", "failed")


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"kinds": [provider.KIND], "scenes": list(SCENES), "faults": graph.FAULTS})


@csrf_exempt
@require_POST
def messages(request: HttpRequest, external_id: str) -> HttpResponse:
    """A customer writes: `{"from", "name"?, "text", "at"?, "phone"?, "id"?}`.

    `from` is a phone number, or the id of a user with a username, whose number `phone` may tell. `at` is an instant
    of RFC 3339 or Unix seconds; `id` repeats a message.
    """
    given = read_body(request)
    connection = find_connection(provider.KIND, external_id)
    if connection is None:
        return refuse(404, "There is no such channel.")
    who, text = str(given.get("from", "")), given.get("text")
    try:
        at = read_instant(given.get("at"))
    except (ValueError, TypeError, OverflowError):
        return refuse(400, "at must be an instant.")
    if not who or not isinstance(text, str):
        return refuse(400, "from and text are needed.")
    phone = who.lstrip("+") if who.lstrip("+").isdigit() else str(given.get("phone", "")).lstrip("+")
    customer = Customer(phone, "" if who.lstrip("+").isdigit() else who, str(given.get("name", "")))
    message = provider.build_message(customer, "text", {"body": text}, id=str(given.get("id", "")), at=at)
    status = provider.deliver_messages(connection, customer, message)
    return JsonResponse({"status": status, "external_id": message["id"]})


@require_GET
def sent(request: HttpRequest, external_id: str) -> HttpResponse:
    """What the channel sent, as it came in; `after` is the `seq` of the last one known."""
    after = request.GET.get("after", "0")
    found = get_store().list_sent(
        f"{provider.KIND}:{external_id}", after=int(after) if after.isdigit() else 0, limit=MOST_LISTED
    )
    return JsonResponse({"results": found, "next": found[-1]["seq"] if len(found) == MOST_LISTED else None})


@csrf_exempt
@require_POST
def receipts(request: HttpRequest, external_id: str) -> HttpResponse:
    """`{"id", "status", "code"?}`: posts that receipt now, and no more come by themselves."""
    given = read_body(request)
    connection = find_connection(provider.KIND, external_id)
    if given.get("status") not in STATUSES:
        return refuse(400, f"status must be one of {', '.join(STATUSES)}.")
    code = given.get("code", 131026)
    status = None
    if connection is not None and isinstance(code, int):
        status = provider.report(connection, str(given.get("id", "")), given["status"], code=code)
    if status is None:
        return refuse(404, "There is no such channel or message.")
    return JsonResponse({"status": status})


@csrf_exempt
@require_http_methods(["PUT"])
def faults(request: HttpRequest) -> HttpResponse:
    """`{"kind", "next": [...]}`: what happens to the next messages that we send, in their order."""
    given = read_body(request)
    scripted = given.get("next")
    if given.get("kind") != provider.KIND or not isinstance(scripted, list) or not all(map(is_fault, scripted)):
        return refuse(400, f"kind must be {provider.KIND} and next a list of {', '.join(graph.FAULTS)}.")
    get_store().set_faults(provider.KIND, scripted)
    return JsonResponse({"kind": provider.KIND, "next": scripted})


@csrf_exempt
@require_POST
def scenes(request: HttpRequest, name: str) -> HttpResponse:
    """Plays a scene on the channel `{"channel": external id}`, or on the oldest one."""
    connection = find_connection(provider.KIND, str(read_body(request).get("channel", "")))
    if name not in SCENES or connection is None:
        return refuse(404, f"There is no such scene or no channel. Scenes: {', '.join(SCENES)}.")
    return JsonResponse({"scene": name, "channel": connection.external_id, "results": play_scene(name, connection)})


def read_body(request: HttpRequest) -> dict[str, Any]:
    try:
        document = json.loads(request.body or b"{}")
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def read_instant(value: Any) -> int | None:
    if value is None:
        return None
    return int(value) if isinstance(value, int | float) else int(datetime.fromisoformat(value).timestamp())


def is_fault(value: Any) -> bool:
    name, colon, detail = str(value).partition(":")
    if colon:
        return name in ("slow", "failed") and detail.replace(".", "", name == "slow").isdigit()
    return name in graph.FAULTS


def refuse(status: int, detail: str) -> HttpResponse:
    return JsonResponse({"detail": detail}, status=status)
