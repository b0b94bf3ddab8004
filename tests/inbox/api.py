"""Callers of the API, and an account with a conversation to ask for."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponseBase
from django.test import Client

from channels_ingest.sink import ChannelInfo
from inbox.models import Conversation, Thread
from oneview.accounts.models import Account, Membership
from oneview.accounts.services import create_token
from oneview.common.scope import scope
from tests.inbox.batches import make_channel, message, take_in, user

API = "/api/v1/"


class Caller:
    """Calls with a token and reads JSON."""

    def __init__(self, token: str) -> None:
        self.client = Client(headers={"Authorization": f"Bearer {token}"}, raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(API + path, query)

    def post(self, path: str, content: Any) -> Any:
        return self.client.post(API + path, content, content_type="application/json")

    def delete(self, path: str) -> Any:
        return self.client.delete(API + path)

    def patch(self, path: str, content: Any) -> Any:
        return self.client.patch(API + path, content, content_type="application/json")


def agent_caller(member: Membership) -> Caller:
    return Caller(create_token(member.account, user=member.user))


def bot_caller(account: Account) -> Caller:
    return Caller(create_token(account, bot="Helper"))


def connect(account: Account, *, external_id: str = "") -> ChannelInfo:
    with scope(account):
        return make_channel(account, external_id=external_id or f"90010{account.pk}")


def write_in(
    account: Account, channel: ChannelInfo, *texts: str, value: str = "ES.44", name: str = "Ana Prieto"
) -> str:
    """Messages of one user, one after the other; the id of their conversation."""
    sender = user(value, name=name)
    for text in texts:
        take_in(account, channel, message(text, sender=sender))
    with scope(account):
        return str(Conversation.objects.order_by("-last_message_id").values_list("id", flat=True)[0])


def problem_of(response: HttpResponseBase) -> tuple[int, str]:
    """Status and code of an answer that must be a problem document."""
    assert response.headers["Content-Type"] == "application/problem+json"
    content = json.loads(response.content)  # type: ignore[attr-defined]
    assert set(content) >= {"type", "title", "status", "detail", "code", "errors", "request_id"}
    assert content["status"] == response.status_code
    return response.status_code, content["code"]


def fields_of(response: HttpResponseBase) -> set[str]:
    assert problem_of(response) == (400, "validation")
    return {error["field"] for error in json.loads(response.content)["errors"]}  # type: ignore[attr-defined]


def leave_to_bot(account: Account) -> None:
    """The turn in every conversation is the bot's."""
    with scope(account):
        Thread.objects.update(turn="bot")
        Conversation.objects.update(turn="bot")
