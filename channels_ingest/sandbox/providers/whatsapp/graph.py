"""Meta's Graph API as far as channels/whatsapp uses it: send, upload, look up and download a file.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from channels_ingest.sandbox.answers import cut, wait
from channels_ingest.sandbox.connections import Connection, find_connection
from channels_ingest.sandbox.files import hash_file
from channels_ingest.sandbox.meta import bears_token, refuse, refuse_token, with_token
from channels_ingest.sandbox.providers.whatsapp import webhooks
from channels_ingest.sandbox.store import get_store

MOST_BYTES = 16 * 1024 * 1024
TYPES = ("text", "image", "audio", "video", "document", "sticker", "location", "interactive", "template", "reaction")
FILES = ("image", "audio", "video", "document", "sticker")
LONGEST_TEXT = 4096
KIND = "whatsapp"
CREDENTIAL = "access_token"


@csrf_exempt
@require_POST
@with_token(kind=KIND, name=CREDENTIAL)
def send(request: HttpRequest, connection: Connection) -> HttpResponseBase:
    """Takes a message and plays the next scripted fault."""
    try:
        document = json.loads(request.body)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("messaging_product") != "whatsapp":
        return refuse(400, 100, "The parameter messaging_product is required.")
    if document.get("status") == "read":
        return JsonResponse({"success": True})
    if problem := find_problem(document):
        return refuse(400, *problem)
    fault, _, detail = get_store().take_fault(KIND).partition(":")
    if fault == "429":
        return refuse(429, 130429, "Rate limit hit", retry_after=1)
    if fault == "500":
        return refuse(500, 131000, "Something went wrong")
    if fault == "slow":
        wait(detail)
    return accept(connection, document, fault=fault, detail=detail)


def accept(connection: Connection, document: dict[str, Any], *, fault: str, detail: str) -> HttpResponseBase:
    id = webhooks.accept(connection, document)
    if fault == "failed":
        webhooks.schedule_failure(connection, id, code=int(detail))
    elif fault == "receipt_first":
        webhooks.deliver_receipt(connection, id, "delivered")
        webhooks.schedule_receipts(connection, id, after="delivered")
    else:
        webhooks.schedule_receipts(connection, id)
    if fault == "cut_after_accept":
        return cut()
    contact = {"input": document.get("to") or document["recipient"]}
    contact |= {"wa_id": document["to"]} if document.get("to") else {"user_id": document["recipient"]}
    messages = [{"id": id, "message_status": "accepted"}]
    return JsonResponse({"messaging_product": "whatsapp", "contacts": [contact], "messages": messages})


def find_problem(document: dict[str, Any]) -> tuple[int, str] | None:
    """Code and words of what Meta would refuse."""
    kind = str(document.get("type", "text"))
    body = document.get(kind)
    if not document.get("to") and not document.get("recipient"):
        return 131008, "Required parameter is missing: to"
    if kind not in TYPES or not isinstance(body, dict):
        return 100, f"Invalid parameter: type {kind}"
    if kind == "text" and not 0 < len(str(body.get("body", ""))) <= LONGEST_TEXT:
        return 100, f"Param text['body'] must be between 1 and {LONGEST_TEXT} characters long."
    if kind == "template" and not (body.get("name") and body.get("language")):
        return 131008, "Required parameter is missing: template"
    if kind in FILES and "link" not in body and get_store().get("file", str(body.get("id"))) is None:
        return 131009, "Parameter value is not valid: media id"
    return None


@csrf_exempt
@require_POST
@with_token(kind=KIND, name=CREDENTIAL)
def upload(request: HttpRequest, connection: Connection) -> HttpResponseBase:
    file = request.FILES.get("file")
    if file is None or request.POST.get("messaging_product") != "whatsapp":
        return refuse(400, 100, "The parameters messaging_product and file are required.")
    if (file.size or 0) > MOST_BYTES:
        return refuse(400, 131053, "Media upload error")
    id = webhooks.make_file_id()
    get_store().put_file(id, name=file.name or "", type=request.POST.get("type", ""), content=file.read())
    return JsonResponse({"id": id})


@require_GET
def describe(request: HttpRequest, version: str, id: str) -> HttpResponse:
    """What stands under an id: a number that is connected, or a file."""
    connection = find_connection(KIND, id)
    if connection is None:
        return describe_file(request, id)
    if not bears_token(request, connection, name=CREDENTIAL):
        return refuse_token()
    return JsonResponse({"verified_name": "Sandbox", "display_phone_number": f"+{webhooks.NUMBER}", "id": id})


def describe_file(request: HttpRequest, media_id: str) -> HttpResponse:
    """The address of a file, for the channel named in the query."""
    connection = find_connection(KIND, request.GET.get("phone_number_id", ""))
    if connection is None or not bears_token(request, connection, name=CREDENTIAL):
        return refuse_token()
    file = get_store().get("file", media_id)
    content = get_store().get_content(media_id)
    if file is None or content is None:
        return refuse(404, 100, f"Unsupported get request. Object with ID '{media_id}' does not exist.")
    return JsonResponse(
        {
            "messaging_product": "whatsapp",
            "url": f"{settings.PUBLIC_URL}/sandbox/whatsapp/files/{connection.external_id}/{media_id}",
            "mime_type": file["type"],
            "sha256": hash_file(content),
            "file_size": file["size"],
            "id": media_id,
        }
    )


@require_GET
def download_file(request: HttpRequest, external_id: str, media_id: str) -> HttpResponse:
    connection = find_connection(KIND, external_id)
    if connection is None or not bears_token(request, connection, name=CREDENTIAL):
        return HttpResponse(status=401)
    file, content = get_store().get("file", media_id), get_store().get_content(media_id)
    if file is None or content is None:
        return HttpResponse(status=404)
    return HttpResponse(content, content_type=file["type"])
