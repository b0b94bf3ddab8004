"""Admin pages of the inbox, a module for each kind of thing."""

from inbox.admin import bots, canned, contacts, conversations, endpoints, handovers, links, messages, overview, words

__all__ = [
    "bots",
    "canned",
    "contacts",
    "conversations",
    "endpoints",
    "handovers",
    "links",
    "messages",
    "overview",
    "words",
]
