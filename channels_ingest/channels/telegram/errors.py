"""What Telegram answers, in words an agent understands, and what it means for a send.

https://core.telegram.org/bots/api#making-requests
"""

from __future__ import annotations

import math
from typing import Any

from channels_ingest.base import HttpResult, Permanent, Retryable, read_retry_after
from channels_ingest.payload import Unreadable, load_json, read_number, read_object, read_text

TOO_LARGE_TO_FETCH = "The file is larger than 20 MB, which Telegram does not hand over to bots."

_UNDELIVERED = "Telegram could not deliver the message."
_BUSY = "Telegram has a fault of its own."
_LIMITED = "Too many messages are being sent through this bot."
_DISCONNECTED = "The bot token is no longer valid. Connect the channel again."

# By a part of Telegram's description, in small letters; its codes only say who is at fault.
_REASONS = {
    "bot was blocked by the user": "The customer has blocked the bot.",
    "user is deactivated": "The customer's Telegram account no longer exists.",
    "can't initiate conversation": "A bot cannot begin a conversation. The customer has to write first.",
    "chat not found": "Telegram does not know this chat. The customer has to write to the bot first.",
    "peer_id_invalid": "Telegram does not know this chat. The customer has to write to the bot first.",
    "voice_messages_forbidden": "The customer takes no voice messages.",
    "business_connection": "The bot is not connected to this business account any more.",
    "business_peer": "A business account can only answer customers who wrote in the last 24 hours.",
    "text is empty": "Telegram takes no empty messages.",
    "caption is too long": "The text beside the file is too long for Telegram.",
    "message is too long": "The text is too long for Telegram.",
    "replied not found": "The message that is quoted is gone.",
    "reaction_invalid": "Telegram does not offer this emoji as a reaction.",
    "message to react not found": "The message is gone at Telegram.",
    "message_id_invalid": "The message is gone at Telegram.",
    "photo_invalid_dimensions": "Telegram cannot show this picture. It is too long or too wide.",
    "image_process_failed": "Telegram cannot read this picture.",
    "file must be non-empty": "The file is empty.",
    "file is too big": TOO_LARGE_TO_FETCH,
    "wrong file": "The file is not at Telegram any more.",
    "invalid file_id": "The file is not at Telegram any more.",
    "temporarily unavailable": "The file is not at Telegram any more.",
    "entity too large": "The file is too large for Telegram.",
    "not enough rights": "The bot may not write in this chat.",
    "have no rights": "The bot may not write in this chat.",
}


def read_answer(result: HttpResult) -> Any:
    """`result` of a good answer, None where a good status came with something else. Raises Retryable or Permanent."""
    try:
        document = read_object(load_json(result.body))
    except Unreadable:
        document = {}
    if result.status < 300 and document.get("ok") is not False:
        return document.get("result")
    status = _read_status(document, result)
    description = read_text(document.get("description"), limit=200)
    if status in (408, 429) or status >= 500:
        reason = _LIMITED if status == 429 else _BUSY
        raise Retryable(reason, code=str(status), retry_after=_read_retry_after(document, result))
    # An address without such a bot is not found at all.
    is_dead = status == 401 or (status == 404 and description.lower() == "not found")
    raise Permanent(_DISCONNECTED if is_dead else explain(description), code=str(status), disconnects=is_dead)


def explain(description: str) -> str:
    known = (reason for words, reason in _REASONS.items() if words in description.lower())
    return next(known, "") or (f"Telegram says: {description}" if description else _UNDELIVERED)


def _read_status(document: dict[str, Any], result: HttpResult) -> int:
    code = document.get("error_code")
    return code if isinstance(code, int) and 400 <= code < 600 else result.status


def _read_retry_after(document: dict[str, Any], result: HttpResult) -> float | None:
    """Seconds, in the answer or its header."""
    told = read_number(read_object(document.get("parameters")).get("retry_after"))
    if told is None:
        return read_retry_after(result)
    return float(told) if math.isfinite(told) and told >= 0 else None
