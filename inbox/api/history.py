"""What was changed of a contact over REST, and putting it back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from inbox.api import documents, inputs, serialise
from inbox.api.base import AccountView, cut_page, listing
from inbox.api.contacts import ContactAnswers
from inbox.api.schema import answers
from inbox.selectors.contacts import get_contact
from inbox.selectors.history import list_history
from inbox.services.history import revert_change
from oneview.accounts.permissions import Operation
from oneview.common.errors import NotFound


class HistoryView(AccountView):
    operations: ClassVar = {"get": Operation.SEE_CONVERSATIONS}

    @answers("list_history", documents.HistoryEntryJson, is_list=True, query=inputs.Page)
    def get(self, request: Request, contact_id: UUID) -> Response:
        """Newest first, whichever address the contact had then. The text of a note is never in it."""
        asked = self.read_query(inputs.Page)
        contact = self.find_contact(contact_id)
        page = {"before": asked.get("cursor"), "limit": asked["limit"] + 1}
        found = list_history(self.account.pk, contact, labels=self._list_labels(contact.id), **page)
        entries, cursor = cut_page(found, limit=asked["limit"])
        return listing([serialise.history_entry_json(entry) for entry in entries], next=cursor)

    def _list_labels(self, contact_id: UUID) -> Sequence[str]:
        """None where the contact has no conversation inside the window."""
        try:
            return self.find(contact_id).labels
        except NotFound:
            return ()


class RevertView(ContactAnswers):
    operations: ClassVar = {"post": Operation.PUT_BACK}

    @answers("revert_change", documents.ContactJson, body=inputs.Revert, problems=(409,))
    def post(self, request: Request, contact_id: UUID, entry_id: UUID) -> Response:
        """Gives one field the value that it had before that entry: an edit like any other, which can be put back, too.
        409 with `current` and `yours` when another value stands than the caller knows.
        """
        contact = self.find_contact(contact_id)
        self.require(Operation.PUT_BACK, own=self.is_own(contact.id))
        asked = self.read_body(inputs.Revert)
        change = {"entry": entry_id, "field": asked["field"], "before": asked.get("current")}
        revert_change(self.account, contact.id, actor=self.actor, **change, now=self.now)
        return self.show(get_contact(self.account.pk, contact.id))
