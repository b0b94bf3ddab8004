from inbox.models.conversation import Conversation
from inbox.models.endpoint import Endpoint
from inbox.models.live import LiveCounter, LiveEvent
from inbox.models.message import Message, MessageKey, PendingEffect
from inbox.models.snapshot import Snapshot
from inbox.models.thread import Thread

__all__ = [
    "Conversation",
    "Endpoint",
    "LiveCounter",
    "LiveEvent",
    "Message",
    "MessageKey",
    "PendingEffect",
    "Snapshot",
    "Thread",
]
