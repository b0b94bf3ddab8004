from inbox.models.attribute import AttributeDefinition, Tag
from inbox.models.canned import CannedReply
from inbox.models.conversation import Conversation
from inbox.models.count import DailyCount
from inbox.models.endpoint import Endpoint, EndpointAttempt
from inbox.models.handover import Handover, RefusedReply
from inbox.models.live import LiveCounter, LiveEvent
from inbox.models.mention import Mention
from inbox.models.message import Message, MessageKey, PendingEffect
from inbox.models.note import ContactNote
from inbox.models.snapshot import Snapshot
from inbox.models.thread import Thread

__all__ = [
    "AttributeDefinition",
    "CannedReply",
    "ContactNote",
    "Conversation",
    "DailyCount",
    "Endpoint",
    "EndpointAttempt",
    "Handover",
    "LiveCounter",
    "LiveEvent",
    "Mention",
    "Message",
    "MessageKey",
    "PendingEffect",
    "RefusedReply",
    "Snapshot",
    "Tag",
    "Thread",
]
