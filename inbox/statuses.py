"""What the status of an outgoing message is, given every state ever reported for it. Order does not matter."""

from __future__ import annotations

from collections.abc import Iterable

# The highest that was reported counts. A failure stands below a delivery: a provider that says "delivered" has the last
# word.
RISING = ("queued", "sending", "unknown", "sent", "failed", "delivered", "read")


def highest_status(reported: Iterable[str]) -> str:
    """The status to show; empty when nothing is known."""
    return max((state for state in reported if state in RISING), key=RISING.index, default="")
