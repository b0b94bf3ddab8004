"""Admin pages of the inbox, a module for each kind of thing."""

from inbox.admin import conversations, endpoints, handovers, links, messages, overview

__all__ = ["conversations", "endpoints", "handovers", "links", "messages", "overview"]
