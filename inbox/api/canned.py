"""Canned replies over REST: those that the caller may use, and those that a member keeps for themselves."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from inbox.api import documents, inputs, serialise
from inbox.api.base import AccountView, listing
from inbox.api.schema import answers
from inbox.selectors.canned import find_own_canned, list_canned, shape_canned
from inbox.services.canned import remove_canned, save_canned
from oneview.accounts.permissions import Operation
from oneview.common.errors import NotFound


class CannedRepliesView(AccountView):
    operations: ClassVar = {"get": Operation.USE_CANNED_REPLIES, "post": Operation.KEEP_CANNED_REPLIES}

    @answers("list_canned_replies", documents.CannedReplyJson, is_list=True, query=inputs.CannedFilters)
    def get(self, request: Request) -> Response:
        """The account's and the caller's own; a bot has none of its own. With `q` those whose shortcut begins with it
        come first.
        """
        q = self.read_query(inputs.CannedFilters).get("q", "")
        replies = list_canned(self.account.pk, user_id=self.user_id, q=q)
        return listing([serialise.canned_reply_json(reply) for reply in replies])

    @answers("add_canned_reply", documents.CannedReplyJson, body=inputs.NewCannedReply, statuses=(201,))
    def post(self, request: Request) -> Response:
        """A personal one. Supervisors keep the account's in the admin."""
        written = self.read_body(inputs.NewCannedReply)
        reply = save_canned(self.account, owner=self.user, actor=self.user, **written)
        return Response(serialise.canned_reply_json(shape_canned(reply)), status=201)


class CannedReplyView(AccountView):
    """One of the caller's own: others are not there."""

    operations: ClassVar = {"patch": Operation.KEEP_CANNED_REPLIES, "delete": Operation.KEEP_CANNED_REPLIES}

    @answers("update_canned_reply", documents.CannedReplyJson, body=inputs.CannedReplyChanges)
    def patch(self, request: Request, reply_id: UUID) -> Response:
        own = find_own_canned(self.account.pk, reply_id, user_id=self.user.pk)
        if own is None:
            raise NotFound
        stands = {"shortcut": own.shortcut, "title": own.title, "text": own.text}
        written = stands | self.read_body(inputs.CannedReplyChanges)
        reply = save_canned(self.account, owner=self.user, actor=self.user, reply_id=own.id, **written)
        return Response(serialise.canned_reply_json(shape_canned(reply)))

    @answers("delete_canned_reply", None, statuses=(204,))
    def delete(self, request: Request, reply_id: UUID) -> Response:
        remove_canned(self.account, reply_id, owner=self.user, actor=self.user)
        return Response(status=204)
