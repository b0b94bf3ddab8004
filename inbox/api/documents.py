"""What the API and bearer sockets speak: the JSON documents of contracts and schema, as types."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class ChannelJson(TypedDict):
    id: str
    kind: str
    name: str


class ChannelStateJson(ChannelJson):
    state: Literal["connected", "disconnected"]


class AuthorJson(TypedDict):
    kind: Literal["user", "agent", "bot", "system"]
    id: int | None
    name: str


class AttachmentJson(TypedDict):
    id: str
    name: str
    type: str
    size: int | None
    url: str


class FileJson(TypedDict):
    id: str
    name: str
    type: str
    size: int


class TeamJson(TypedDict):
    id: str
    name: str


class UserContextJson(TypedDict, total=False):
    """What was known of the user. Every attribute stands beside these by its own name, as text."""

    name: str
    phone: str
    email: str
    language: str
    tags: list[str]


class AccountContextJson(TypedDict, total=False):
    """Our account as it concerned the message: its plan, the channel, the team and its hours in words."""

    name: str
    plan: str
    channel: ChannelJson
    team: TeamJson | None
    business_hours: str
    attributes: dict[str, Any]


class ContextJson(TypedDict):
    """What was known when a message was written; empty where nothing was kept. Comes with `expand=context`."""

    user: UserContextJson
    account: AccountContextJson


class ReactionJson(TypedDict):
    emoji: str
    author: AuthorJson


class ExpansionJson(TypedDict, total=False):
    context: ContextJson


class MessageJson(ExpansionJson):
    id: str
    conversation: str
    contact: str
    thread: str
    channel: ChannelJson
    identity: str
    direction: Literal["inbound", "outbound"]
    author: AuthorJson
    type: str
    text: str
    data: dict[str, Any]
    attachments: list[AttachmentJson]
    reply_to: str | None
    reactions: list[ReactionJson]
    external_id: str
    client_id: str
    sent_at: str
    received_at: str
    status: str
    status_reason: str
    edited_at: str | None
    deleted_at: str | None
    redacted_at: str | None
    private: bool
    labels: list[str]
    fields: dict[str, Any]


class PreviewJson(TypedDict):
    id: str
    author: AuthorJson
    type: str
    text: str
    direction: Literal["inbound", "outbound"]
    status: str
    private: bool
    deleted: bool
    redacted: bool
    at: str


class AgentJson(TypedDict):
    id: int
    name: str


class AllowedJson(TypedDict):
    thread: str
    channel: ChannelJson
    can: Literal["text", "template", "nothing"]
    reason: str
    until: str | None


class ContactNameJson(TypedDict):
    id: str
    name: str
    avatar: str | None


class ConversationJson(TypedDict):
    """`allowed` is worked out for one conversation at a time: null in lists and events."""

    id: str
    contact: ContactNameJson
    status: Literal["open", "snoozed", "resolved"]
    snoozed_until: str | None
    assignee: AgentJson | None
    assignees: list[AgentJson]
    team: TeamJson | None
    turn: Literal["bot", "human"]
    labels: list[str]
    unread: int
    channels: list[ChannelJson]
    last_message: PreviewJson | None
    last_activity_at: str
    allowed: list[AllowedJson] | None


class IdentityJson(TypedDict):
    id: str
    kind: str
    scope: str
    value: str
    verified: bool
    first_seen: str
    channel: ChannelJson | None


class LinkJson(IdentityJson):
    """Why an identity belongs to a contact; `evidence` is what a split takes, null for the one the contact is named
    after.
    """

    reason: str
    evidence: int | None


class SharerJson(TypedDict):
    """Another contact that has the same phone or e-mail (`shared`), about whom nobody has decided yet."""

    contact: str
    name: str
    shared: Literal["phone", "email"]


class ContactJson(TypedDict):
    """`same_as` is null in lists and events: ask for the one contact."""

    id: str
    name: str
    phone: str
    email: str
    language: str
    tags: list[str]
    attributes: dict[str, str]
    identities: list[IdentityJson]
    blocked: bool
    version: int
    same_as: list[SharerJson] | None


class EvidenceJson(TypedDict):
    """A rule saw identities `a` and `b` as one person; `status` is the verdict, `violated` the rule that forbade it."""

    id: int
    rule: str
    a: str
    b: str
    first_seen: str
    last_seen: str
    status: str
    violated: str
    proof: dict[str, Any]


class DecisionJson(TypedDict):
    op: str
    rule: str
    a: str
    b: str | None
    by: int | None
    reason: str
    at: str


class IdentityChangeJson(TypedDict):
    """`identity` went from one contact to another."""

    identity: str
    from_contact: str
    to_contact: str
    cause: str
    at: str


class NoteJson(TypedDict):
    """`author` has no id when they are no member any more."""

    id: str
    author: AuthorJson
    text: str
    created_at: str


class ActorJson(TypedDict):
    """`id` is null for a bot, and for who is no user any more."""

    id: int | None
    name: str


class FieldChangeJson(TypedDict):
    """Values as `contacts/{id}/` tells them, lists for tags and labels. `undone`: the old value shows already."""

    field: str
    old: str | list[str]
    new: str | list[str]
    undone: bool


class HistoryEntryJson(TypedDict):
    """`action` is that of the audit: contact.edit, contact.revert, contact.join, note.add and the like; `changes` has
    what can be put back.
    """

    id: str
    at: str
    actor: ActorJson
    source: str
    action: str
    changes: list[FieldChangeJson]


class CannedReplyJson(TypedDict):
    """`text` may name variables, as in {{ contact.name }}; `personal`: the caller's own, else the account's."""

    id: str
    shortcut: str
    title: str
    text: str
    personal: bool


class ExplanationJson(TypedDict):
    contact: str
    identities: list[LinkJson]
    evidence: list[EvidenceJson]
    decisions: list[DecisionJson]
    changes: list[IdentityChangeJson]


EventJson = TypedDict(
    "EventJson",
    {
        "seq": int,
        "type": str,
        "at": str,
        "conversation": str | None,
        "message": str | None,
        "from": NotRequired[list[str]],
        "to": NotRequired[str],
        "handover": NotRequired[str],
        "data": dict[str, Any] | None,
    },
)


class EventsJson(TypedDict):
    results: list[EventJson]
    to: int
    reset: bool


class EndpointJson(TypedDict):
    """`after`: the number of the last event that it took; `reason`: why it waits or is off."""

    id: str
    url: str
    bot: str
    events: list[str]
    state: Literal["on", "off"]
    reason: str
    after: int
    failing_since: str | None
    delivered_at: str | None
    created_at: str


class EndpointWithSecretJson(EndpointJson):
    secret: str


class AttemptJson(TypedDict):
    """One call of an endpoint: `seq`, `type` and `conversation` of the event, `ms` until the answer; `outcome`: why it
    was not `taken`.
    """

    id: str
    seq: int
    type: str
    conversation: str | None
    at: str
    ms: int
    taken: bool
    outcome: str


class ProblemFieldJson(TypedDict):
    field: str
    code: str
    message: str


class RefusalJson(TypedDict, total=False):
    """`reason` comes with 422, `current` (what stands now) with 409 `conflict`."""

    reason: str
    current: dict[str, Any]


class ProblemJson(RefusalJson):
    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[ProblemFieldJson]
    request_id: str


class VisitorAuthorJson(TypedDict):
    kind: str
    name: str


class VisitorMessageJson(TypedDict):
    """`client_id` is that of the visitor's own message, empty for others."""

    id: str
    author: VisitorAuthorJson
    text: str
    attachments: list[AttachmentJson]
    reply_to: str | None
    client_id: str
    sent_at: str
    edited_at: str | None
    deleted_at: str | None
