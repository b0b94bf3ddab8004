"""Messenger's error codes and subcodes in words an agent understands, and what each means for a send.

https://developers.facebook.com/docs/messenger-platform/error-codes
"""

from __future__ import annotations

from channels_ingest.meta import Errors

_REASONS = {
    "1": "Messenger had a fault of its own.",
    "2": "Messenger had a fault of its own.",
    "4": "The app makes too many calls.",
    "10": "The app lacks a permission for this page.",
    "17": "Too many calls were made for this page.",
    "32": "Too many calls were made for this page.",
    "100": "Messenger refused a part of the message.",
    "190": "The page's access token is no longer valid. Connect the channel again.",
    "200": "The app lacks a permission for this page.",
    "368": "Messenger has restricted this page for breaking a rule.",
    "551": "This person cannot be reached: they blocked the page, or their account is closed.",
    "613": "Too many messages are being sent from this page.",
    "1200": "Messenger had a fault of its own.",
    "80006": "Too many messages are being sent from this page.",
    "1545041": "This person cannot be reached now: they blocked the page, or their account is closed.",
    "2018001": "Messenger knows no such person for this page.",
    "2018008": "Messenger could not take the file.",
    "2018047": "Messenger could not take the file.",
    "2018108": "The app lacks a permission for this page. It may not be published yet.",
    "2018278": "The customer's last message is more than 24 hours old. They have to write first.",
    "2018294": "Messenger could not take the file.",
    "2018300": "Another app has this conversation now. Hand it over there, or wait until it does.",
    "2018301": "Another app has this conversation now. Hand it over there, or wait until it does.",
    "2534022": "The customer's last message is too old. They have to write first.",
}

ERRORS = Errors(
    label="Messenger",
    undelivered="Messenger could not deliver the message.",
    reasons=_REASONS,
    retryable=frozenset({"1", "2", "4", "17", "32", "613", "1200", "80006"}),
    disconnecting=frozenset({"190"}),
    closing=frozenset({"2018278", "2534022"}),
)
