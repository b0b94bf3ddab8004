"""Admin pages of the inbox, a module for each kind of thing."""

from inbox.admin import canned, contacts, conversations, endpoints, handovers, links, messages, overview, words

__all__ = ["canned", "contacts", "conversations", "endpoints", "handovers", "links", "messages", "overview", "words"]
