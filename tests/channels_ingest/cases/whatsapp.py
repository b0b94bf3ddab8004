from __future__ import annotations

from channels_ingest.base import Request
from channels_ingest.signing import hmac_sha256_hex
from tests.channels_ingest.contract import Case


def sign(body: bytes, secret: str) -> Request:
    headers = {"x-hub-signature-256": f"sha256={hmac_sha256_hex(secret, body)}"}
    return Request("POST", "https://inbox.example.com/webhooks/whatsapp/p/", {}, headers, body)


CASE = Case(
    secret="app_secret",
    sign=sign,
    address={"to": "34600111222"},
    accepted=b'{"messaging_product":"whatsapp","messages":[{"id":"wamid.OUR1","message_status":"accepted"}]}',
    external_id="900100200300",
)
