"""Admin pages of the inbox, a module for each kind of thing."""

from inbox.admin import (
    bots,
    canned,
    contacts,
    conversations,
    endpoints,
    handovers,
    links,
    members,
    messages,
    overview,
    teams,
    words,
)

__all__ = [
    "bots",
    "canned",
    "contacts",
    "conversations",
    "endpoints",
    "handovers",
    "links",
    "members",
    "messages",
    "overview",
    "teams",
    "words",
]
