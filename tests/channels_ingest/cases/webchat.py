from __future__ import annotations

from channels_ingest.base import Request
from channels_ingest.channels.webchat.tokens import Visitor, sign_visitor
from tests.channels_ingest.contract import Case

VISITOR = Visitor("5f0c7c1e9a8b4d2e8f6a1b3c5d7e9f01", language="en")


def sign(body: bytes, secret: str) -> Request:
    token, _ = sign_visitor(VISITOR, {"jwt_secret": secret}, audience="p") if secret else ("", 0)
    headers = {"authorization": f"Bearer {token}"}
    return Request("POST", "https://inbox.example.com/webhooks/webchat/p/", {}, headers, body)


CASE = Case(secret="jwt_secret", sign=sign, address={"platform": "web"}, accepted=None, external_id="shop")
