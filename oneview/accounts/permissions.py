"""Who may do what: one table, on plain values. What is not in it may nobody.

A role is that of an active membership (agent, supervisor), or one of OPERATOR, BOT and VISITOR; None is everybody else.
`docs/security.md` shows the same table to people, and tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from oneview.accounts.models import Role

AGENT, SUPERVISOR = Role.AGENT.value, Role.SUPERVISOR.value
OPERATOR, BOT, VISITOR = "operator", "bot", "visitor"
ROLES = (AGENT, SUPERVISOR, OPERATOR, BOT, VISITOR)


class Operation(StrEnum):
    """What can be done, in the words of the documentation."""

    # In the inbox and over the API
    SEE_CONVERSATIONS = "see conversations, contacts and channels"
    HEAR_EVENTS = "hear what changes"
    REPLY = "reply"
    START_CONVERSATION = "start a conversation"
    WRITE_NOTE = "write private notes"
    UPLOAD_FILE = "upload files"
    ASSIGN = "assign to a person or a team"
    SET_STATUS = "resolve, snooze and reopen"
    MARK_READ = "mark read and unread"
    LABEL_CONVERSATION = "label conversations"
    LABEL_MESSAGE = "label messages and set their fields"
    TAKE_TURN = "take over from a bot and hand back"
    HAND_OVER = "hand over to people"
    EDIT_CONTACT = "edit details, attributes and tags of contacts"
    PUT_BACK = "put back what was changed of contacts"
    WRITE_CONTACT_NOTE = "write notes on contacts"
    JOIN_CONTACTS = "join contacts and undo links"
    BLOCK_CONTACT = "block contacts, mark as spam"
    UNBLOCK_CONTACT = "unblock contacts"
    REDACT_MESSAGE = "redact messages"
    USE_CANNED_REPLIES = "use canned replies"
    KEEP_CANNED_REPLIES = "keep personal canned replies"
    GO_AWAY = "be away and come back"
    SWITCH_ACCOUNT = "switch between own accounts"
    EDIT_PROFILE = "edit the own profile"
    # In the admin
    OPEN_ADMIN = "open the admin"
    SEE_OVERVIEW = "see the overview"
    EXPORT_COUNTS = "export counts"
    READ_ACCOUNT = "read contacts, conversations and what goes in and out"
    MANAGE_ACCOUNT = "change the account's window and hours of patience"
    MANAGE_MEMBERS = "invite, change and deactivate members"
    MANAGE_TEAMS = "manage teams and hours"
    MANAGE_CHANNELS = "manage channels"
    MANAGE_BOTS = "manage bots and tokens"
    MANAGE_WEBHOOKS = "manage webhooks"
    MANAGE_WORDS = "manage attributes, tags and shared canned replies"
    MANAGE_TROUBLE = "replay quarantined events, retry deliveries"
    READ_AUDIT = "read the audit"
    OPERATE = "manage accounts and users of the installation"
    # In the chat
    CHAT = "write and read in the own chat"


class Grant(StrEnum):
    ALWAYS = "yes"
    OWN = "own"  # of conversations that are assigned to them


_YES, _OWN = Grant.ALWAYS, Grant.OWN
_MEMBERS = {AGENT: _YES, SUPERVISOR: _YES}
_PROGRAMS = {**_MEMBERS, BOT: _YES}
_ASSIGNEE = {AGENT: _OWN, SUPERVISOR: _YES}
_SUPERVISORS = {SUPERVISOR: _YES}

TABLE: Mapping[Operation, Mapping[str, Grant]] = {
    Operation.SEE_CONVERSATIONS: _PROGRAMS,
    Operation.HEAR_EVENTS: _PROGRAMS,
    Operation.REPLY: _PROGRAMS,
    Operation.START_CONVERSATION: _MEMBERS,
    Operation.WRITE_NOTE: _PROGRAMS,
    Operation.UPLOAD_FILE: _PROGRAMS,
    Operation.ASSIGN: _PROGRAMS,
    Operation.SET_STATUS: _PROGRAMS,
    Operation.MARK_READ: _MEMBERS,
    Operation.LABEL_CONVERSATION: _PROGRAMS,
    Operation.LABEL_MESSAGE: {**_ASSIGNEE, BOT: _YES},
    Operation.TAKE_TURN: _MEMBERS,
    Operation.HAND_OVER: {BOT: _YES},
    Operation.EDIT_CONTACT: {**_ASSIGNEE, BOT: _YES},
    Operation.PUT_BACK: _ASSIGNEE,
    Operation.WRITE_CONTACT_NOTE: _ASSIGNEE,
    Operation.JOIN_CONTACTS: _MEMBERS,
    Operation.BLOCK_CONTACT: _ASSIGNEE,
    Operation.UNBLOCK_CONTACT: _SUPERVISORS,
    Operation.REDACT_MESSAGE: _SUPERVISORS,
    Operation.USE_CANNED_REPLIES: _PROGRAMS,
    Operation.KEEP_CANNED_REPLIES: _MEMBERS,
    Operation.GO_AWAY: _MEMBERS,
    Operation.SWITCH_ACCOUNT: _MEMBERS,
    Operation.EDIT_PROFILE: {**_MEMBERS, OPERATOR: _YES},
    Operation.OPEN_ADMIN: {SUPERVISOR: _YES, OPERATOR: _YES},
    Operation.SEE_OVERVIEW: _SUPERVISORS,
    Operation.EXPORT_COUNTS: _SUPERVISORS,
    Operation.READ_ACCOUNT: _SUPERVISORS,
    Operation.MANAGE_ACCOUNT: {SUPERVISOR: _YES, OPERATOR: _YES},
    Operation.MANAGE_MEMBERS: {SUPERVISOR: _YES, OPERATOR: _YES},
    Operation.MANAGE_TEAMS: _SUPERVISORS,
    Operation.MANAGE_CHANNELS: _SUPERVISORS,
    Operation.MANAGE_BOTS: _SUPERVISORS,
    Operation.MANAGE_WEBHOOKS: _SUPERVISORS,
    Operation.MANAGE_WORDS: _SUPERVISORS,
    Operation.MANAGE_TROUBLE: _SUPERVISORS,
    Operation.READ_AUDIT: _SUPERVISORS,
    Operation.OPERATE: {OPERATOR: _YES},
    Operation.CHAT: {VISITOR: _YES},
}


def may(role: str | None, operation: Operation, *, own: bool = True) -> bool:
    """`own`: whether the conversation it is about is assigned to who asks; leave it out where it is about none."""
    grant = TABLE[operation].get(role or "")
    return grant == Grant.ALWAYS or (grant == Grant.OWN and own)
