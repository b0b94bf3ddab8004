"""What the parts of the fault suite share: how one ended, and who runs now."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bench.installation import Installation


@dataclass(frozen=True, slots=True)
class Outcome:
    """`lost`: accepted and not shown. `duplicated`: shown twice. `reordered`: pairs of a thread against the
    provider's clock, for web chat the door's own; of webhooks, pairs of a conversation against the log.
    `gaps`: numbers of the live log that a socket, reconnecting, or an endpoint that asks for all never saw.
    """

    name: str
    events: int
    faults: int
    lost: int
    duplicated: int
    reordered: int
    gaps: int
    ok: bool


def pid_of(installation: Installation, name: str) -> int:
    """It changes when the supervisor starts the process again."""
    state = json.loads((installation.directory / "up.json").read_text())
    return int(state["pids"][name])
