from __future__ import annotations

from channels_ingest.base import Request
from tests.channels_ingest.contract import Case


def sign(body: bytes, secret: str) -> Request:
    headers = {"x-telegram-bot-api-secret-token": secret}
    return Request("POST", "https://inbox.example.com/webhooks/telegram/p/", {}, headers, body)


CASE = Case(
    secret="secret_token",
    sign=sign,
    address={"chat_id": "111222333"},
    accepted=(
        b'{"ok":true,"result":{"message_id":90,"date":1780000000,"text":"hello",'
        b'"from":{"id":710002000,"is_bot":true,"first_name":"Shop"},'
        b'"chat":{"id":111222333,"type":"private","first_name":"Ana"}}}'
    ),
    external_id="710002000",
)
