"""Meta's Graph API as far as channels/messenger uses it: send and upload; and the host of customers' files.

https://developers.facebook.com/docs/messenger-platform/reference/send-api
"""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from channels_ingest.payload import read_object
from channels_ingest.sandbox.answers import cut, wait
from channels_ingest.sandbox.connections import Connection, find_connection
from channels_ingest.sandbox.meta import bears_token, refuse, refuse_token, with_token
from channels_ingest.sandbox.providers.messenger import webhooks
from channels_ingest.sandbox.store import get_store

KIND = "messenger"
CREDENTIAL = "page_access_token"
MOST_BYTES = 25 * 1024 * 1024
LONGEST_TEXT = 2000
ATTACHMENTS = ("image", "audio", "video", "file", "template")
ACTIONS = ("typing_on", "typing_off", "mark_seen", "react", "unreact")

# A scripted failure may be a subcode: the code that it comes with.
CODES = {
    "1545041": 551,
    "2018001": 100,
    "2018008": 100,
    "2018047": 100,
    "2018294": 100,
    "2018108": 10,
    "2018278": 10,
    "2018300": 10,
    "2018301": 10,
}


@csrf_exempt
@require_POST
@with_token(kind=KIND, name=CREDENTIAL)
def send(request: HttpRequest, connection: Connection) -> HttpResponseBase:
    """Takes a message or an action and plays the next scripted fault."""
    try:
        document = json.loads(request.body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return refuse(400, 100, "Invalid parameter")
    if problem := find_problem(document):
        return refuse(400, 100, problem)
    fault, _, detail = get_store().take_fault(KIND).partition(":")
    if fault == "429":
        return refuse(429, 613, "Calls to this api have exceeded the rate limit.", retry_after=1)
    if fault == "500":
        return refuse(500, 2, "Service temporarily unavailable")
    if fault == "failed":
        code = CODES.get(detail)
        return refuse(400, code or int(detail), "Message undeliverable", subcode=int(detail) if code else 0)
    if fault == "slow":
        wait(detail)
    return accept(connection, document, fault=fault)


@require_GET
def describe(request: HttpRequest, version: str, id: str) -> HttpResponseBase:
    """The entry of a page, or the profile of one of its customers; the token says whose page it is."""
    connection = find_connection(KIND, id) or find_connection(KIND)
    if connection is None or not bears_token(request, connection, name=CREDENTIAL):
        return refuse_token()
    if id == connection.external_id:
        return JsonResponse({"id": id, "name": "Sandbox page"})
    profile = get_store().get("profile", id)
    if profile is None:
        return refuse(400, 100, f"Unsupported get request. Object with ID '{id}' does not exist.")
    return JsonResponse({**profile, "id": id})


def accept(connection: Connection, document: dict[str, Any], *, fault: str) -> HttpResponseBase:
    id = webhooks.accept(connection, document)
    if id and fault == "receipt_first":
        webhooks.deliver_receipt(connection, id, "sent")
        webhooks.schedule_receipts(connection, id, after="sent")
    elif id:
        webhooks.schedule_receipts(connection, id)
    if fault == "cut_after_accept":
        return cut()
    return JsonResponse({"recipient_id": document["recipient"]["id"], **({"message_id": id} if id else {})})


def find_problem(document: dict[str, Any]) -> str:
    """The words of what Meta would refuse, "" for nothing."""
    if not read_object(document.get("recipient")).get("id"):
        return "The parameter recipient is required"
    if "sender_action" in document:
        return "" if document["sender_action"] in ACTIONS else "Invalid parameter: sender_action"
    message = read_object(document.get("message"))
    if "text" in message and "attachment" in message:
        return "Only one of text and attachment can be specified"
    if "attachment" not in message:
        fits = 0 < len(str(message.get("text", ""))) <= LONGEST_TEXT
        return "" if fits else f"Length of param message[text] must be between 1 and {LONGEST_TEXT}"
    attachment = read_object(message["attachment"])
    payload = read_object(attachment.get("payload"))
    if attachment.get("type") not in ATTACHMENTS:
        return "Invalid parameter: attachment type"
    if "attachment_id" in payload and get_store().get("file", str(payload["attachment_id"])) is None:
        return "Invalid attachment id"
    return ""


@csrf_exempt
@require_POST
@with_token(kind=KIND, name=CREDENTIAL)
def upload(request: HttpRequest, connection: Connection) -> HttpResponseBase:
    file = request.FILES.get("filedata")
    try:
        attachment = read_object(read_object(json.loads(request.POST.get("message", ""))).get("attachment"))
    except ValueError:
        attachment = {}
    if file is None or attachment.get("type") not in ATTACHMENTS:
        return refuse(400, 100, "The parameters message and filedata are required.")
    if (file.size or 0) > MOST_BYTES:
        return refuse(400, 100, "Upload attachment failure", subcode=2018047)
    id = webhooks.make_file_id()
    get_store().put_file(id, name=file.name or "", type=file.content_type or "", content=file.read())
    return JsonResponse({"attachment_id": id})


@require_GET
def download_file(request: HttpRequest, file_id: str, name: str) -> HttpResponse:
    """The address alone opens it; one that ran out says so."""
    file, content = get_store().get("file", file_id), get_store().get_content(file_id)
    if file is None or content is None:
        return HttpResponse("URL signature expired", status=403)
    return HttpResponse(content, content_type=file["type"])
