"""A visitor's client as the tests play it, and the shop whose chat it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx2
import jwt

from channels_ingest.models import Channel
from channels_ingest.services import create_channel
from oneview.accounts.models import Account
from oneview.common.ids import new_id
from oneview.common.scope import scope

SECRET = "the chat's secret, which is long enough to sign with"
SHOP = "https://shop.example"


def connect_chat(account: Account, *, origin: str = SHOP) -> Channel:
    credentials = {"jwt_secret": SECRET, "allowed_origins": origin}
    with scope(account):
        return create_channel(account.id, kind="webchat", name="Shop", external_id="shop", credentials=credentials)


class Client:
    """A visitor's client: an app, or with `origin` a browser."""

    def __init__(self, url: str, channel: Channel, *, origin: str | None = None) -> None:
        self.channel = channel
        self.origin = origin
        self.http = httpx2.Client(base_url=url, timeout=10, headers={"Origin": origin} if origin else {})
        self.base = f"/widget/{channel.public_id}"
        self.token = ""

    def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return self.http.request(method, path, headers=headers, **options)

    def begin(self, **given: Any) -> dict[str, Any]:
        answer = self.call("POST", f"{self.base}/session/", json=given)
        assert answer.status_code == 201, answer.text
        document: dict[str, Any] = answer.json()
        self.token = document["token"]
        return document

    def post(self, **document: Any) -> int:
        return self.call("POST", f"/webhooks/webchat/{self.channel.public_id}/", json=document).status_code

    def write(self, text: str, client_id: str = "", **more: Any) -> None:
        client_id = client_id or str(new_id())
        assert self.post(type="message", client_id=client_id, text=text, **more) == 202

    def identify(self, **claims: Any) -> httpx2.Response:
        answer = self.call("POST", f"{self.base}/identify/", json={"jwt": vouch(self.channel, **claims)})
        if answer.status_code == 201:
            self.token = answer.json()["token"]
        return answer

    def list_messages(self, **query: Any) -> list[dict[str, Any]]:
        answer = self.call("GET", f"{self.base}/messages/", params=query)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["results"])

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        def find() -> list[dict[str, Any]] | None:
            found = self.list_messages()
            return found if len(found) >= count else None

        return list(wait(find))


def wait(find: Callable[[], Any], *, seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def vouch(channel: Channel, **claims: Any) -> str:
    now = int(time.time())
    return jwt.encode(
        {"aud": channel.public_id, "sub": "ana-42", "iat": now, "exp": now + 600, **claims}, SECRET, algorithm="HS256"
    )
