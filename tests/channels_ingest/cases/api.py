from __future__ import annotations

import time

from channels_ingest.base import Request
from channels_ingest.signing import read_standard_key, sign_standard
from tests.channels_ingest.contract import Case


def sign(body: bytes, secret: str, *, id: str = "msg_1", at: float | None = None) -> Request:
    timestamp = str(int(time.time() if at is None else at))
    signature = sign_standard(read_standard_key(secret), id=id, timestamp=timestamp, body=body)
    headers = {"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature}
    return Request("POST", "https://inbox.example.com/webhooks/api/p/", {}, headers, body)


CASE = Case(secret="secret", sign=sign, address={"id": "u-1001"}, accepted=b'{"id":"srv-9"}', external_id="shop")
