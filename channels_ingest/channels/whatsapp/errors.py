"""Meta's error codes in words an agent understands, and what each means for a send.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from __future__ import annotations

from channels_ingest.meta import Errors

WINDOW_CLOSED = "131047"
UNDELIVERED = "WhatsApp could not deliver the message."

_REASONS = {
    WINDOW_CLOSED: "The customer's last message is more than 24 hours old. Only a template can be sent now.",
    "4": "The app makes too many calls.",
    "80007": "Too many messages are being sent from this account.",
    "100": "WhatsApp refused a part of the message.",
    "130429": "Too many messages are being sent from this number.",
    "130472": "WhatsApp holds marketing messages back from this customer as part of an experiment.",
    "130497": "This number may not write to customers in that country.",
    "131000": "WhatsApp had a fault of its own.",
    "131005": "The access token lacks a permission for this number.",
    "131008": "WhatsApp misses a part of the message.",
    "131009": "WhatsApp refused a part of the message.",
    "131016": "WhatsApp is overloaded.",
    "131021": "A number cannot write to itself.",
    "131026": "The customer cannot be reached: not on WhatsApp, an old app, or this number is blocked.",
    "131030": "The customer's number is not on the list of allowed test numbers.",
    "131031": "WhatsApp has locked this business account.",
    "131037": "WhatsApp has not approved this number's display name yet.",
    "131042": "WhatsApp could not charge for the message. Check the payment method.",
    "131045": "This number is not registered correctly at WhatsApp.",
    "131048": "WhatsApp limits this number because customers reported its messages.",
    "131049": "WhatsApp limits how many marketing messages this customer receives.",
    "131050": "The customer does not want marketing messages.",
    "131051": "The customer sent something that WhatsApp does not hand over.",
    "131052": "The customer's file could not be downloaded, or is larger than 100 MB.",
    "131053": "WhatsApp does not accept this file. Its type may be wrong.",
    "131056": "Too many messages to this customer in a short time.",
    "131057": "WhatsApp is maintaining this account.",
    "131062": "This kind of message needs the customer's phone number.",
    "131064": "WhatsApp limits this kind of template for now.",
    "132000": "The number of values does not fit the template.",
    "132001": "The template does not exist in this language.",
    "132005": "The template's text becomes too long.",
    "132007": "The template breaks a WhatsApp rule.",
    "132008": "A value does not fit the template.",
    "132012": "A value has the wrong format for the template.",
    "132015": "The template is paused because of its quality.",
    "132016": "The template is disabled because of its quality.",
    "135000": "WhatsApp had a fault of its own.",
    "137000": "The customer's security code has changed.",
    "190": "The access token is no longer valid. Connect the channel again.",
    "368": "WhatsApp has restricted this account for breaking a rule.",
    "2593109": "The chat history of the WhatsApp Business app was not shared.",
}
_RETRYABLE = frozenset(
    {"1", "2", "4", "80007", "130429", "131000", "131016", "131048", "131056", "131057", "131064", "135000"}
)

ERRORS = Errors(
    label="WhatsApp",
    undelivered=UNDELIVERED,
    reasons=_REASONS,
    retryable=_RETRYABLE,
    disconnecting=frozenset({"0", "3", "10", "190", *map(str, range(200, 300))}),
    closing=frozenset({WINDOW_CLOSED}),
)
