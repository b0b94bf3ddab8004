"""Whose turn it is to answer: people take it and give it back, bots hand over."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from inbox.api import documents, inputs, serialise
from inbox.api.base import AccountView
from inbox.api.schema import answers
from inbox.selectors.conversations import list_allowed
from inbox.services.turns import hand_back, hand_over, take_over
from oneview.accounts.permissions import Operation


class TurnView(AccountView):
    def show(self, conversation_id: UUID) -> Response:
        allowed = list_allowed(conversation_id=conversation_id, **self.scope)
        return Response(serialise.conversation_json(self.find(conversation_id), allowed))


class TakeOverView(TurnView):
    operations: ClassVar = {"post": Operation.TAKE_TURN}

    @answers("take_over", documents.ConversationJson)
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """The bot may not answer any more, and what it had not sent yet stays unsent. The conversation becomes the
        caller's where it is nobody's.
        """
        found = self.find(conversation_id)
        take_over(self.account, found.id, actor=self.actor, now=self.now)
        return self.show(found.id)


class HandBackView(TurnView):
    operations: ClassVar = {"post": Operation.TAKE_TURN}

    @answers("hand_back", documents.ConversationJson, problems=(422,))
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """The bot answers again. 422 `not_possible` where none answers on the conversation's channels."""
        found = self.find(conversation_id)
        hand_back(self.account, found.id, actor=self.actor, now=self.now)
        return self.show(found.id)


class HandoverView(TurnView):
    operations: ClassVar = {"post": Operation.HAND_OVER}

    @answers("hand_over", documents.ConversationJson, body=inputs.NewHandover)
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """For bots: people answer from now on, and see `reason` and `summary`. `team`: whose it is to be."""
        given = self.read_body(inputs.NewHandover)
        found = self.find(conversation_id)
        hand_over(self.account, found.id, bot=str(request.user), **given, now=self.now)
        return self.show(found.id)
