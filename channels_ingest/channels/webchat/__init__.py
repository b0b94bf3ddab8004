"""Chat on web sites and in mobile apps: `tokens` say who a visitor is, `adapter` reads what they do.

Nothing is sent from here: a reply is there for the visitor's own client to fetch, whose acknowledgement makes it
delivered.
"""

from channels_ingest.channels.webchat.adapter import CHANNEL

__all__ = ["CHANNEL"]
