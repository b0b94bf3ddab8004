"""Blocking contacts over REST."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from inbox.api import documents, inputs, serialise
from inbox.api.base import AccountView
from inbox.api.schema import answers
from inbox.services.blocking import block_contact, unblock_contact
from oneview.accounts.permissions import Operation


class BlockView(AccountView):
    operations: ClassVar = {"post": Operation.BLOCK_CONTACT}

    @answers("block_contact", documents.ContactJson, body=inputs.Block)
    def post(self, request: Request, contact_id: UUID) -> Response:
        """What the user writes from now on is kept, but opens nothing and gets no answer. `spam` also labels and
        resolves the conversation.
        """
        given = self.read_body(inputs.Block)
        contact = self.find_contact(contact_id)
        self.require(Operation.BLOCK_CONTACT, own=self.is_own(contact.id))
        return Response(
            serialise.contact_json(block_contact(self.account, contact.id, actor=self.actor, now=self.now, **given))
        )


class UnblockView(AccountView):
    operations: ClassVar = {"post": Operation.UNBLOCK_CONTACT}

    @answers("unblock_contact", documents.ContactJson)
    def post(self, request: Request, contact_id: UUID) -> Response:
        contact = self.find_contact(contact_id)
        return Response(
            serialise.contact_json(unblock_contact(self.account, contact.id, actor=self.actor, now=self.now))
        )
