"""Contacts over REST: what is known of them, which addresses are theirs and why, and what is decided about that."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from rest_framework.request import Request
from rest_framework.response import Response

from identity.attributes import Rank
from identity.selectors import list_changes, list_decisions, list_evidence
from inbox.api import documents, inputs, serialise
from inbox.api.base import AccountView, listing
from inbox.api.schema import answers
from inbox.selectors.contacts import get_contact
from inbox.selectors.sharers import list_sharers
from inbox.services.contacts import join_contacts, keep_apart, part_identity, undo_link
from inbox.services.details import edit_contact
from inbox.shapes import ContactShape
from oneview.accounts.permissions import Operation
from oneview.common.errors import FieldError, Invalid, NotFound


class ContactAnswers(AccountView):
    def show(self, contact: ContactShape) -> Response:
        return Response(serialise.contact_json(contact, list_sharers(contact=contact, reach=self.reach, **self.scope)))


class ContactView(ContactAnswers):
    operations: ClassVar = {"get": Operation.SEE_CONVERSATIONS, "patch": Operation.EDIT_CONTACT}

    @answers("get_contact", documents.ContactJson)
    def get(self, request: Request, contact_id: UUID) -> Response:
        return self.show(self.find_contact(contact_id))

    @answers("update_contact", documents.ContactJson, body=inputs.ContactChanges, problems=(409,))
    def patch(self, request: Request, contact_id: UUID) -> Response:
        """409 with `current` and `yours` when somebody else edited it since `version`. What a bot writes stands behind
        what agents and platforms say.
        """
        contact = self.find_contact(contact_id)
        self.require(Operation.EDIT_CONTACT, own=self.is_own(contact.id))
        changes = self.read_body(inputs.ContactChanges)
        edit = {"version": changes.pop("version"), "tags": changes.pop("tags", None)}
        edited = edit_contact(
            self.account,
            contact.id,
            actor=self.actor,
            changes=changes | changes.pop("attributes", {}),
            rank=Rank.TYPED if self.is_bot else Rank.AGENT,
            **edit,
            now=self.now,
        )
        return self.show(edited)


class IdentitiesView(AccountView):
    operations: ClassVar = {"get": Operation.SEE_CONVERSATIONS}

    @answers("list_identities", documents.LinkJson, is_list=True)
    def get(self, request: Request, contact_id: UUID) -> Response:
        contact = self.find_contact(contact_id)
        return listing([serialise.link_json(identity) for identity in contact.identities])


class ExplainView(AccountView):
    operations: ClassVar = {"get": Operation.SEE_CONVERSATIONS}

    @answers("explain_contact", documents.ExplanationJson)
    def get(self, request: Request, contact_id: UUID) -> Response:
        """Why these identities are one contact: each with its reason, and the facts and decisions behind it."""
        account_id = self.account.pk
        contact = self.find_contact(contact_id)
        identities = [identity.id for identity in contact.identities]
        return Response(
            {
                "contact": str(contact.id),
                "identities": [serialise.link_json(each) for each in contact.identities],
                "evidence": [serialise.evidence_json(each) for each in list_evidence(account_id, contact.id)],
                "decisions": [serialise.decision_json(each) for each in list_decisions(account_id, identities)],
                "changes": [serialise.identity_change_json(each) for each in list_changes(account_id, contact.id)],
            }
        )


class OtherContactView(ContactAnswers):
    def find_both(self, contact_id: UUID) -> tuple[ContactShape, ContactShape]:
        """The contact of the address and the one that the body names. Raises NotFound, and Invalid for the latter."""
        given = self.read_body(inputs.OtherContact)["with"]
        contact = self.find_contact(contact_id)
        try:
            return contact, self.find_contact(given)
        except NotFound as missing:
            raise Invalid(FieldError("with", "not_found", missing.detail)) from None


class MergeView(OtherContactView):
    operations: ClassVar = {"post": Operation.JOIN_CONTACTS}

    @answers("merge_contacts", documents.ContactJson, body=inputs.OtherContact, problems=(422,))
    def post(self, request: Request, contact_id: UUID) -> Response:
        """Says that two contacts are one person; the contact that they are now. A split of that link undoes it."""
        contact, other = self.find_both(contact_id)
        joined = join_contacts(self.account, contact.id, actor=self.actor, other=other.id, now=self.now)
        return Response(serialise.contact_json(joined))


class KeepApartView(OtherContactView):
    operations: ClassVar = {"post": Operation.JOIN_CONTACTS}

    @answers("keep_contacts_apart", documents.ContactJson, body=inputs.OtherContact)
    def post(self, request: Request, contact_id: UUID) -> Response:
        """Says that two contacts are not the same person: `same_as` names the other one no more, nothing that is seen
        of them makes them one, and merging them is refused.
        """
        contact, other = self.find_both(contact_id)
        keep_apart(self.account, contact.id, actor=self.actor, other=other.id, now=self.now)
        return self.show(contact)


class SplitView(AccountView):
    operations: ClassVar = {"post": Operation.JOIN_CONTACTS}

    @answers("split_contact", documents.ContactJson, is_list=True, body=inputs.Split, problems=(422,))
    def post(self, request: Request, contact_id: UUID) -> Response:
        """Undoes one link, or all links of one identity; the contacts that there are now."""
        asked = self.read_body(inputs.Split)
        contact = self.find_contact(contact_id)
        split = undo_link if "evidence" in asked else part_identity
        contacts = split(self.account, contact.id, actor=self.actor, **asked, now=self.now)
        return listing([serialise.contact_json(get_contact(self.account.pk, id)) for id in contacts])
