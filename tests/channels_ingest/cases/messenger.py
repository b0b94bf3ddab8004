from __future__ import annotations

from channels_ingest.base import Request
from channels_ingest.signing import hmac_sha256_hex
from tests.channels_ingest.contract import Case


def sign(body: bytes, secret: str) -> Request:
    headers = {"x-hub-signature-256": f"sha256={hmac_sha256_hex(secret, body)}"}
    return Request("POST", "https://inbox.example.com/webhooks/messenger/p/", {}, headers, body)


CASE = Case(
    secret="app_secret",
    sign=sign,
    address={"id": "7700112233445566"},
    accepted=b'{"recipient_id":"7700112233445566","message_id":"m_OUR1"}',
    external_id="104500600700",
)
