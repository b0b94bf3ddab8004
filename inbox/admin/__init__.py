"""Admin pages of the inbox, a module for each kind of thing."""

from inbox.admin import conversations, endpoints, links, overview

__all__ = ["conversations", "endpoints", "links", "overview"]
