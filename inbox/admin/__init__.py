"""Admin pages of the inbox, a module for each kind of thing."""

from inbox.admin import canned, conversations, endpoints, handovers, links, messages, overview

__all__ = ["canned", "conversations", "endpoints", "handovers", "links", "messages", "overview"]
