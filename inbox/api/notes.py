"""Notes on contacts over REST."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from inbox.api import documents, inputs, serialise
from inbox.api.base import AccountView, cut_page, listing
from inbox.api.schema import answers
from inbox.selectors.notes import list_notes
from inbox.services.notes import add_note, remove_note
from oneview.accounts.permissions import Operation


class NotesView(AccountView):
    operations: ClassVar = {"get": Operation.SEE_CONVERSATIONS, "post": Operation.WRITE_CONTACT_NOTE}

    @answers("list_notes", documents.NoteJson, is_list=True, query=inputs.Page)
    def get(self, request: Request, contact_id: UUID) -> Response:
        """Newest first, whichever address of the contact they were written on."""
        asked = self.read_query(inputs.Page)
        identities = [identity.id for identity in self.find_contact(contact_id).identities]
        found = list_notes(self.account.pk, identities, before=asked.get("cursor"), limit=asked["limit"] + 1)
        notes, cursor = cut_page(found, limit=asked["limit"])
        return listing([serialise.note_json(note) for note in notes], next=cursor)

    @answers("add_note", documents.NoteJson, body=inputs.NewNote, statuses=(201,))
    def post(self, request: Request, contact_id: UUID) -> Response:
        contact = self.find_contact(contact_id)
        self.require(Operation.WRITE_CONTACT_NOTE, own=self.is_own(contact.id))
        written = self.read_body(inputs.NewNote)
        note = add_note(self.account, contact.id, actor=self.actor, now=self.now, **written)
        return Response(serialise.note_json(note), status=201)


class NoteView(AccountView):
    operations: ClassVar = {"delete": Operation.WRITE_CONTACT_NOTE}

    @answers("remove_note", None, statuses=(204,))
    def delete(self, request: Request, contact_id: UUID, note_id: UUID) -> Response:
        """Their own; a supervisor everybody's."""
        contact = self.find_contact(contact_id)
        remove_note(self.account, contact.id, actor=self.actor, role=self.role, note=note_id, now=self.now)
        return Response(status=204)
