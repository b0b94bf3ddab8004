"""Conversations, messages, channels and the live log over REST: selectors and services do the work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from inbox.api import documents, inputs, serialise
from inbox.api.base import AccountView, listing
from inbox.api.schema import answers
from inbox.realtime import read_head
from inbox.selectors.channels import list_channels_within
from inbox.selectors.conversations import list_allowed, list_conversations
from inbox.selectors.messages import get_contexts, get_messages, list_messages
from inbox.selectors.reach import is_in_reach
from inbox.services.conversations import assign, assign_team, mark_read, set_status
from inbox.services.labels import label_conversation, label_message
from inbox.services.messages import Draft, send_reply
from inbox.services.redaction import redact_message
from inbox.services.starts import start_conversation
from inbox.shapes import ConversationShape, MessageShape
from inbox.turns import TurnTaken
from inbox.updates import Wanted, read_update
from oneview.accounts.permissions import Operation
from oneview.common.errors import FieldError, Invalid, NotFound
from oneview.common.problems import problem_of


class ConversationsView(AccountView):
    operations: ClassVar = {"get": Operation.SEE_CONVERSATIONS, "post": Operation.START_CONVERSATION}

    @answers("list_conversations", documents.ConversationJson, is_list=True, query=inputs.ConversationFilters)
    def get(self, request: Request) -> Response:
        """Newest activity first. `allowed` is null here: ask for the one conversation."""
        asked = self.read_query(inputs.ConversationFilters)
        page = list_conversations(viewer_id=self.user_id, reach=self.reach, **self._narrow(asked), **self.scope)
        return listing([serialise.conversation_json(row) for row in page.rows], next=page.next)

    @answers(
        "start_conversation",
        documents.ConversationJson,
        body=inputs.NewConversation,
        statuses=(200, 201),
        problems=(409, 422),
    )
    def post(self, request: Request) -> Response:
        """Writes to a contact on a channel that they may not have written on yet. 200 when it is repeated with the same
        `client_id`.
        """
        given = self.read_body(inputs.NewConversation)
        contact, channel = self.find_contact(given.pop("contact")), given.pop("channel")
        if not self.reach.sees_channel(channel):
            raise Invalid(FieldError("channel", "not_found", "There is no such channel."))
        draft = Draft(**given)
        starter = {"channel_id": channel, "author": self.author, "now": self.now}
        created = start_conversation(self.account, contact.id, draft, **starter)
        found = self.find(contact.id)
        allowed = list_allowed(conversation_id=found.id, **self.scope)
        return Response(serialise.conversation_json(found, allowed), status=201 if created else 200)

    def _narrow(self, asked: dict[str, Any]) -> dict[str, Any]:
        """`assignee` is a box of the list, or a person."""
        match asked.pop("assignee", ""):
            case "":
                return asked
            case "none":
                return asked | {"box": "unassigned"}
            case "me" if self.user_id is not None:
                return asked | {"box": "mine"}
            case id if id.isdecimal() and len(id) < 19:
                return asked | {"assignee": int(id)}
        raise Invalid(FieldError("assignee", "invalid", "Give me, none or the id of an agent."))


class ConversationView(AccountView):
    """Every id that a conversation ever had finds it; the answer carries its present one."""

    operations: ClassVar = {"get": Operation.SEE_CONVERSATIONS, "patch": Operation.SEE_CONVERSATIONS}

    @answers("get_conversation", documents.ConversationJson)
    def get(self, request: Request, conversation_id: UUID) -> Response:
        return self._show(self.find(conversation_id))

    @answers("update_conversation", documents.ConversationJson, body=inputs.ConversationChanges)
    def patch(self, request: Request, conversation_id: UUID) -> Response:
        changes = self.read_body(inputs.ConversationChanges)
        found = self.find(conversation_id)
        if "team" in changes:
            self.require(Operation.ASSIGN)
            assign_team(self.account, found.id, actor=self.actor, team=changes["team"], now=self.now)
        if "assignee" in changes:
            self.require(Operation.ASSIGN)
            assign(self.account, found.id, actor=self.actor, assignee=changes["assignee"], now=self.now)
        if "labels" in changes:
            self.require(Operation.LABEL_CONVERSATION)
            label_conversation(self.account, found.id, changes["labels"], actor=self.actor, now=self.now)
        if "status" in changes:
            self.require(Operation.SET_STATUS)
            wanted = {"status": changes["status"], "snoozed_until": changes.get("snoozed_until")}
            set_status(self.account, found.id, actor=self.actor, **wanted, now=self.now)
        return self._show(self.find_again(found.id))

    def _show(self, found: ConversationShape) -> Response:
        allowed = list_allowed(conversation_id=found.id, **self.scope)
        return Response(serialise.conversation_json(found, allowed))


class MessageAnswers(AccountView):
    def tell(self, messages: Sequence[MessageShape], *, expand: str | None = None) -> list[documents.MessageJson]:
        """With `expand=context`: what was known of the user and of our account when each was written."""
        told = [serialise.message_json(message) for message in messages]
        if expand:
            contexts = get_contexts(ids=[message.id for message in messages], **self.scope)
            for message, shape in zip(told, messages, strict=True):
                message["context"] = serialise.context_json(contexts.get(shape.id, {}))
        return told

    def find_message(self, message_id: UUID) -> MessageShape:
        """Raises NotFound, also for what is out of the caller's reach."""
        for found in get_messages(ids=[message_id], **self.scope):
            if is_in_reach(conversation_id=found.conversation, reach=self.reach, **self.scope):
                return found
        raise NotFound


class MessagesView(MessageAnswers):
    operations: ClassVar = {"get": Operation.SEE_CONVERSATIONS, "post": Operation.REPLY}

    @answers("list_messages", documents.MessageJson, is_list=True, query=inputs.MessagePage)
    def get(self, request: Request, conversation_id: UUID) -> Response:
        """A page, oldest first: the newest, or that next to a message. `next` goes on in the direction asked for."""
        asked = self.read_query(inputs.MessagePage)
        expand = asked.pop("expand", None)
        timeline = list_messages(conversation_id=self.find(conversation_id).id, **asked, **self.scope)
        cursor = timeline.after if "after" in asked else timeline.before
        return listing(self.tell(timeline.messages, expand=expand), next=cursor)

    @answers("send_message", documents.MessageJson, body=inputs.NewMessage, statuses=(200, 201), problems=(409, 422))
    def post(self, request: Request, conversation_id: UUID) -> HttpResponse:
        """201 the first time, 200 with the first message when it is repeated with the same `client_id`. A person's
        reply takes the turn; a bot's is refused with 409 `turn_taken` when the turn is not the bot's.
        """
        given = self.read_body(inputs.NewMessage)
        draft = Draft(**given | {"attachments": tuple(given.get("attachments", ()))})
        self.require(Operation.WRITE_NOTE if draft.private else Operation.REPLY)
        found = self.find(conversation_id)
        try:
            message, created = send_reply(self.account, found.id, draft, author=self.author, now=self.now)
        except TurnTaken as refusal:  # answered here, for its record must not be rolled back
            return problem_of(refusal)
        return Response(serialise.message_json(message), status=201 if created else 200)


class ReadView(AccountView):
    operations: ClassVar = {"post": Operation.MARK_READ}

    @answers("mark_read", documents.ConversationJson, body=inputs.ReadUpTo)
    def post(self, request: Request, conversation_id: UUID) -> Response:
        """What the team has read. It counts when the conversation is the caller's, or nobody's and the caller no
        supervisor; not for a bot.
        """
        up_to = self.read_body(inputs.ReadUpTo)["up_to"]
        found = self.find(conversation_id)
        mark_read(self.account, found.id, viewer=self.actor, role=self.role, up_to=up_to, now=self.now)
        return Response(serialise.conversation_json(self.find_again(found.id)))


class MessageView(MessageAnswers):
    operations: ClassVar = {"get": Operation.SEE_CONVERSATIONS, "patch": Operation.LABEL_MESSAGE}

    @answers("get_message", documents.MessageJson, query=inputs.Expansion)
    def get(self, request: Request, message_id: UUID) -> Response:
        """With `expand=context`: what was known of the user and of our account when it was written."""
        asked = self.read_query(inputs.Expansion)
        [told] = self.tell([self.find_message(message_id)], expand=asked.get("expand"))
        return Response(told)

    @answers("update_message", documents.MessageJson, body=inputs.MessageChanges)
    def patch(self, request: Request, message_id: UUID) -> Response:
        """`labels` are replaced; of `fields` those named are set, and null takes one away."""
        changes = self.read_body(inputs.MessageChanges)
        found = self.find_message(message_id)
        self.require(Operation.LABEL_MESSAGE, own=self.is_own(found.conversation))
        labelled = label_message(self.account, found.id, actor=self.actor, **changes, now=self.now)
        return Response(serialise.message_json(labelled))


class RedactView(MessageAnswers):
    operations: ClassVar = {"post": Operation.REDACT_MESSAGE}

    @answers("redact_message", documents.MessageJson, problems=(422,))
    def post(self, request: Request, message_id: UUID) -> Response:
        """Takes out what a message said, for good: text, earlier texts, files, labels and fields."""
        found = self.find_message(message_id)
        redacted = redact_message(self.account, found.id, actor=self.actor, now=self.now)
        return Response(serialise.message_json(redacted))


class EventsView(AccountView):
    operations: ClassVar = {"get": Operation.HEAR_EVENTS}

    @answers("list_events", documents.EventsJson, query=inputs.EventsAfter)
    def get(self, request: Request) -> Response:
        """What changed after a position, as it is now; go on from `to`. Without `after`: where the log stands.

        `reset`: the log does not go back that far (24 hours, 5,000 changes). Read everything anew and go on from `to`.
        """
        asked = self.read_query(inputs.EventsAfter)
        if "after" not in asked:
            return Response({"results": [], "to": read_head(self.account.pk), "reset": False})
        wanted = Wanted(objects=True, whereabouts=self.reach.is_narrow)
        update = read_update(after=asked["after"], wanted=wanted, **self.scope)
        update = update.without(update.withhold(self.reach))
        events = [{**event, "data": update.objects.get(event["seq"])} for event in update.events]
        return Response({"results": events, "to": update.to, "reset": update.reset})


class ChannelsView(AccountView):
    operations: ClassVar = {"get": Operation.SEE_CONVERSATIONS}

    @answers("list_channels", documents.ChannelStateJson, is_list=True)
    def get(self, request: Request) -> Response:
        channels = list_channels_within(self.account.pk, reach=self.reach)
        return listing([serialise.channel_state_json(channel) for channel in channels])
