"""The Bot API as far as channels/telegram uses it: send, react, find and download a file.

https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from channels_ingest.base import secrets
from channels_ingest.sandbox.answers import cut, wait
from channels_ingest.sandbox.connections import Connection, find_connection
from channels_ingest.sandbox.providers.telegram import webhooks
from channels_ingest.sandbox.store import get_store
from channels_ingest.signing import matches_any

KIND = "telegram"
LONGEST_TEXT, LONGEST_CAPTION = 4096, 1024
MOST_FETCHED, MOST_SENT = 20 * 1024 * 1024, 50 * 1024 * 1024
FILES = {
    "sendPhoto": "photo",
    "sendAnimation": "animation",
    "sendVideo": "video",
    "sendVoice": "voice",
    "sendAudio": "audio",
    "sendSticker": "sticker",
    "sendDocument": "document",
}
OBJECTS = ("reply_parameters", "reaction")
RETRY_AFTER = 1  # seconds


@csrf_exempt
@require_http_methods(["GET", "POST"])
def call(request: HttpRequest, token: str, method: str) -> HttpResponseBase:
    """Any method of a bot. Sending plays the next scripted fault."""
    connection = find_bot(token)
    if connection is None:
        return refuse(401, "Unauthorized")
    fields = read_fields(request)
    if method == "getFile":
        return describe_file(str(fields.get("file_id", "")))
    if method == "getMe":
        return JsonResponse({"ok": True, "result": webhooks.build_bot(connection)})
    if method == "getWebhookInfo":
        url = f"{settings.PUBLIC_URL}/webhooks/{KIND}/{connection.public_id}/"
        return JsonResponse({"ok": True, "result": {"url": url, "pending_update_count": 0}})
    if method not in ("sendMessage", "setMessageReaction", *FILES):
        return refuse(404, "Not Found")
    chat = str(fields.get("chat_id", ""))
    if problem := find_problem(request, method, fields):
        return refuse(*problem)
    fault, _, detail = get_store().take_fault(KIND).partition(":")
    if fault == "blocked" or webhooks.is_blocked(connection, chat):
        return refuse(403, "Forbidden: bot was blocked by the user")
    if fault == "429":
        words = f"Too Many Requests: retry after {RETRY_AFTER}"
        return refuse(429, words, retry_after=RETRY_AFTER)
    if fault == "500":
        return refuse(500, "Internal Server Error")
    if fault == "slow":
        wait(detail)
    result = accept(request, connection, method, fields)
    return cut() if fault == "cut_after_accept" else JsonResponse({"ok": True, "result": result})


def find_bot(token: str) -> Connection | None:
    """The channel whose token this is; it begins with the bot's id."""
    connection = find_connection(KIND, token.partition(":")[0])
    known = secrets(connection.credentials, "bot_token") if connection else ()
    return connection if matches_any(token, known) else None


def read_fields(request: HttpRequest) -> dict[str, Any]:
    """Of a JSON body, a form or the query; in the last two an object comes as JSON."""
    try:
        if request.content_type == "application/json":
            document = json.loads(request.body)
            return document if isinstance(document, dict) else {}
        fields: dict[str, Any] = {**request.GET.dict(), **request.POST.dict()}
        return {name: json.loads(value) if name in OBJECTS else value for name, value in fields.items()}
    except ValueError:
        return {}


def find_problem(request: HttpRequest, method: str, fields: dict[str, Any]) -> tuple[int, str] | None:
    """Code and words of what Telegram would refuse."""
    if not fields.get("chat_id"):
        return 400, "Bad Request: chat_id is empty"
    if not str(fields["chat_id"]).isdigit():
        return 400, "Bad Request: chat not found"
    if method == "sendMessage" and not str(fields.get("text", "")).strip():
        return 400, "Bad Request: message text is empty"
    if len(str(fields.get("text", ""))) > LONGEST_TEXT:
        return 400, "Bad Request: message is too long"
    if len(str(fields.get("caption", ""))) > LONGEST_CAPTION:
        return 400, "Bad Request: message caption is too long"
    if method == "setMessageReaction" and not isinstance(fields.get("reaction"), list):
        return 400, "Bad Request: REACTION_INVALID"
    if method in FILES:
        file = request.FILES.get(FILES[method])
        if file is None:
            return 400, f"Bad Request: there is no {FILES[method]} in the request"
        if (file.size or 0) > MOST_SENT:
            return 413, "Request Entity Too Large"
    return None


def accept(request: HttpRequest, connection: Connection, method: str, fields: dict[str, Any]) -> dict[str, Any] | bool:
    """Keeps what a bot sends, with its method; returns the message that it became."""
    if method == "setMessageReaction":
        id = f"{fields['chat_id']}:{fields.get('message_id')}"
        get_store().add_sent(connection.key, {"id": id, "at": webhooks.now(), "body": {"method": method, **fields}})
        return True
    chat = int(fields["chat_id"])
    told: dict[str, Any] = {name: fields[name] for name in ("text", "caption") if name in fields}
    message: dict[str, Any] = {
        "message_id": webhooks.count_message(connection, chat),
        "from": webhooks.build_bot(connection),
        "chat": {"id": chat, "type": "private"},
        "date": webhooks.now(),
        **told,
        **keep_upload(request, method),
    }
    entry = {"method": method, **fields, **{part: message[part] for part in FILES.values() if part in message}}
    get_store().add_sent(connection.key, {"id": webhooks.name_message(message), "at": message["date"], "body": entry})
    return message


def keep_upload(request: HttpRequest, method: str) -> dict[str, Any]:
    part = FILES.get(method, "")
    file = request.FILES.get(part)
    if file is None:
        return {}
    kept = webhooks.keep_file(file.read(), type=file.content_type or "", name=file.name or "")
    return {part: [kept] if part == "photo" else kept}


def describe_file(id: str) -> HttpResponse:
    """Where a file lies; the address is good for an hour."""
    file, place = get_store().get("file", id), get_store().get("path", id)
    if file is None or place is None:
        return refuse(400, "Bad Request: invalid file_id")
    if file["size"] > MOST_FETCHED:
        return refuse(400, "Bad Request: file is too big")
    described = {"file_id": id, "file_unique_id": id[:15], "file_size": file["size"], "file_path": place["path"]}
    return JsonResponse({"ok": True, "result": described})


@require_GET
def download(request: HttpRequest, token: str, path: str) -> HttpResponse:
    content = get_store().get_content(path.rpartition("/")[2]) if find_bot(token) else None
    if content is None:
        return refuse(404, "Not Found")
    return HttpResponse(content, content_type="application/octet-stream")


def refuse(code: int, description: str, **parameters: Any) -> HttpResponse:
    document = {"ok": False, "error_code": code, "description": description}
    return JsonResponse(document | ({"parameters": parameters} if parameters else {}), status=code)
