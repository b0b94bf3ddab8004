"""Shapes to JSON documents: one small function for each. For the API and for bearer sockets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from channels_ingest.models import MediaObject
from identity.models import Change as IdentityChange
from identity.models import Decision, Evidence
from inbox.api.documents import (
    AgentJson,
    AllowedJson,
    AttachmentJson,
    AttemptJson,
    AuthorJson,
    CannedReplyJson,
    ChannelJson,
    ChannelStateJson,
    ContactJson,
    ContextJson,
    ConversationJson,
    DecisionJson,
    EndpointJson,
    EvidenceJson,
    FieldChangeJson,
    FileJson,
    HistoryEntryJson,
    IdentityChangeJson,
    IdentityJson,
    LinkJson,
    MessageJson,
    NoteJson,
    PreviewJson,
    SharerJson,
    VisitorMessageJson,
)
from inbox.realtime import LoggedChange
from inbox.selectors.files import sign_file
from inbox.shapes import (
    Agent,
    Allowed,
    Attachment,
    AttemptShape,
    Author,
    CannedShape,
    ChannelShape,
    ContactShape,
    ConversationShape,
    EndpointShape,
    FieldChange,
    HistoryEntry,
    IdentityShape,
    MessageShape,
    NoteShape,
    Preview,
    Sharer,
)


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, cut to milliseconds: what message ids carry, so comparing the two is exact."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def instant_or_none(at: datetime | None) -> str | None:
    return None if at is None else instant(at)


def channel_json(shape: ChannelShape) -> ChannelJson:
    return {"id": str(shape.id), "kind": shape.kind, "name": shape.name}


def channel_state_json(shape: ChannelShape) -> ChannelStateJson:
    return {**channel_json(shape), "state": "connected" if shape.connected else "disconnected"}


def author_json(author: Author) -> AuthorJson:
    return {"kind": author.kind, "id": author.id, "name": author.name}  # type: ignore[typeddict-item]


def attachment_json(attachment: Attachment) -> AttachmentJson:
    return {
        "id": str(attachment.id),
        "name": attachment.name,
        "type": attachment.type,
        "size": attachment.size,
        "url": attachment.url,
    }


def file_json(file: MediaObject) -> FileJson:
    return {"id": str(file.id), "name": file.name, "type": file.type, "size": file.size or 0}


def message_json(shape: MessageShape) -> MessageJson:
    return {
        "id": str(shape.id),
        "conversation": str(shape.conversation),
        "contact": str(shape.conversation),
        "thread": str(shape.thread),
        "channel": channel_json(shape.channel),
        "identity": str(shape.identity),
        "direction": shape.direction,  # type: ignore[typeddict-item]
        "author": author_json(shape.author),
        "type": shape.type,
        "text": shape.text,
        "data": dict(shape.data),
        "attachments": [attachment_json(each) for each in shape.attachments],
        "reply_to": str(shape.reply_to.id) if shape.reply_to and shape.reply_to.id else None,
        "reactions": [{"emoji": each.emoji, "author": author_json(each.author)} for each in shape.reactions],
        "external_id": shape.external_id,
        "client_id": shape.client_id,
        "sent_at": instant(shape.sent_at),
        "received_at": instant(shape.received_at),
        "status": shape.status,
        "status_reason": shape.status_reason,
        "edited_at": instant_or_none(shape.edited_at),
        "deleted_at": instant_or_none(shape.deleted_at),
        "redacted_at": instant_or_none(shape.redacted_at),
        "private": shape.private,
        "labels": list(shape.labels),
        "fields": dict(shape.fields),
    }


def context_json(document: Mapping[str, Any]) -> ContextJson:
    return {"user": document.get("user", {}), "account": document.get("account", {})}


def preview_json(preview: Preview) -> PreviewJson:
    return {
        "id": str(preview.id),
        "author": author_json(preview.author),
        "type": preview.type,
        "text": preview.text,
        "direction": preview.direction,  # type: ignore[typeddict-item]
        "status": preview.status,
        "private": preview.private,
        "deleted": preview.deleted,
        "redacted": preview.redacted,
        "at": instant(preview.at),
    }


def agent_json(agent: Agent) -> AgentJson:
    return {"id": agent.id, "name": agent.name}


def allowed_json(allowed: Allowed) -> AllowedJson:
    return {
        "thread": str(allowed.thread),
        "channel": channel_json(allowed.channel),
        "can": allowed.can,  # type: ignore[typeddict-item]
        "reason": allowed.reason,
        "until": instant_or_none(allowed.until),
    }


def conversation_json(shape: ConversationShape, allowed: tuple[Allowed, ...] | None = None) -> ConversationJson:
    return {
        "id": str(shape.id),
        "contact": {"id": str(shape.id), "name": shape.name, "avatar": None},
        "status": shape.status,  # type: ignore[typeddict-item]
        "snoozed_until": instant_or_none(shape.snoozed_until),
        "assignee": agent_json(shape.assignee) if shape.assignee else None,
        "assignees": [agent_json(each) for each in shape.assignees],
        "team": {"id": str(shape.team.id), "name": shape.team.name} if shape.team else None,
        "turn": shape.turn,  # type: ignore[typeddict-item]
        "labels": list(shape.labels),
        "unread": shape.unread,
        "channels": [channel_json(each) for each in shape.channels],
        "last_message": preview_json(shape.last_message) if shape.last_message else None,
        "last_activity_at": instant(shape.last_activity_at),
        "allowed": None if allowed is None else [allowed_json(each) for each in allowed],
    }


def identity_json(shape: IdentityShape) -> IdentityJson:
    return {
        "id": str(shape.id),
        "kind": shape.kind,
        "scope": shape.scope,
        "value": shape.value,
        "verified": shape.verified,
        "first_seen": instant(shape.first_seen),
        "channel": channel_json(shape.channel) if shape.channel else None,
    }


def link_json(shape: IdentityShape) -> LinkJson:
    return {**identity_json(shape), "reason": shape.reason, "evidence": shape.link}


def contact_json(shape: ContactShape, same_as: Sequence[Sharer] | None = None) -> ContactJson:
    return {
        "id": str(shape.id),
        "name": shape.name,
        "phone": shape.phone,
        "email": shape.email,
        "language": shape.language,
        "tags": list(shape.tags),
        "attributes": dict(shape.attributes),
        "identities": [identity_json(each) for each in shape.identities],
        "blocked": shape.blocked,
        "version": shape.version,
        "same_as": None if same_as is None else [sharer_json(each) for each in same_as],
    }


def sharer_json(sharer: Sharer) -> SharerJson:
    return {"contact": str(sharer.id), "name": sharer.name, "shared": sharer.shared}  # type: ignore[typeddict-item]


def note_json(note: NoteShape) -> NoteJson:
    return {
        "id": str(note.id),
        "author": {"kind": "agent", "id": note.author_id, "name": note.author_name},
        "text": note.text,
        "created_at": instant(note.created_at),
    }


def history_entry_json(entry: HistoryEntry) -> HistoryEntryJson:
    return {
        "id": str(entry.id),
        "at": instant(entry.at),
        "actor": {"id": entry.actor_id, "name": entry.actor},
        "source": entry.source,
        "action": entry.action,
        "changes": [field_change_json(change) for change in entry.changes],
    }


def field_change_json(change: FieldChange) -> FieldChangeJson:
    old, new = change.values
    return {"field": change.field, "old": old, "new": new, "undone": change.is_current}


def canned_reply_json(reply: CannedShape) -> CannedReplyJson:
    return {
        "id": str(reply.id),
        "shortcut": reply.shortcut,
        "title": reply.title,
        "text": reply.text,
        "personal": reply.is_own,
    }


def evidence_json(evidence: Evidence) -> EvidenceJson:
    return {
        "id": evidence.pk,
        "rule": evidence.rule,
        "a": str(evidence.a_id),
        "b": str(evidence.b_id),
        "first_seen": instant(evidence.first_seen),
        "last_seen": instant(evidence.last_seen),
        "status": evidence.status,
        "violated": evidence.violated,
        "proof": evidence.proof,
    }


def decision_json(decision: Decision) -> DecisionJson:
    return {
        "op": decision.op,
        "rule": decision.rule,
        "a": str(decision.a_id),
        "b": _text(decision.b_id),
        "by": decision.actor_id,
        "reason": decision.reason,
        "at": instant(decision.at),
    }


def identity_change_json(change: IdentityChange) -> IdentityChangeJson:
    return {
        "identity": str(change.identity_id),
        "from_contact": str(change.from_contact),
        "to_contact": str(change.to_contact),
        "cause": change.cause,
        "at": instant(change.at),
    }


def event_json(logged: LoggedChange) -> dict[str, Any]:
    """Names only. A move's `from` and `to` stand beside them."""
    change = logged.change
    return {
        "seq": logged.seq,
        "type": change.type,
        "at": instant(logged.at),
        "conversation": _text(change.conversation),
        "message": _text(change.message),
        **change.detail,
    }


def endpoint_json(shape: EndpointShape) -> EndpointJson:
    return {
        "id": str(shape.id),
        "url": shape.url,
        "bot": shape.bot,
        "events": list(shape.events),
        "state": shape.state,  # type: ignore[typeddict-item]
        "reason": shape.reason,
        "after": shape.after,
        "failing_since": instant_or_none(shape.failing_since),
        "delivered_at": instant_or_none(shape.delivered_at),
        "created_at": instant(shape.created_at),
    }


def attempt_json(shape: AttemptShape) -> AttemptJson:
    return {
        "id": str(shape.id),
        "seq": shape.seq,
        "type": shape.type,
        "conversation": _text(shape.conversation),
        "at": instant(shape.at),
        "ms": shape.milliseconds,
        "taken": shape.taken,
        "outcome": shape.outcome,
    }


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)


def visitor_message_json(shape: MessageShape, *, account_id: int) -> VisitorMessageJson:
    """What a visitor is told: the words and who said them, nothing of how we work."""
    return {
        "id": str(shape.id),
        "author": {"kind": shape.author.kind, "name": "" if shape.author.kind == "user" else shape.author.name},
        "text": shape.text,
        "attachments": [
            visitor_attachment_json(each, account_id=account_id) for each in shape.attachments if each.state == "stored"
        ],
        "reply_to": str(shape.reply_to.id) if shape.reply_to and shape.reply_to.id else None,
        "client_id": shape.external_id.rpartition(":")[2] if shape.author.kind == "user" else "",
        "sent_at": instant(shape.sent_at),
        "edited_at": instant_or_none(shape.edited_at),
        "deleted_at": instant_or_none(shape.redacted_at or shape.deleted_at),
    }


def visitor_attachment_json(shape: Attachment, *, account_id: int) -> AttachmentJson:
    """The address works for a day: a picture in a page carries no token."""
    url = f"/widget/files/{sign_file(account_id, shape.id)}/"
    return {"id": str(shape.id), "name": shape.name, "type": shape.type, "size": shape.size, "url": url}
