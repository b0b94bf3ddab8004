"""Which agents look at which conversation, put together from what every process says of its own sockets. Passing, never
stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

FRESH_SECONDS = 60.0
"""A process repeats itself with every heartbeat; what one that died has said is forgotten after this."""


@dataclass(slots=True)
class Viewers:
    """The viewers of one account, by (conversation, process). Times are those of any one steady clock."""

    _said: dict[tuple[UUID, str], tuple[float, Mapping[int, str]]] = field(default_factory=dict)

    def hear(self, conversation: UUID, *, process: str, agents: Mapping[int, str], at: float) -> bool:
        """`agents` are all that look at it through one process, by id. Whether that is news."""
        _, known = self._said.pop((conversation, process), (at, {}))
        if agents:
            self._said[conversation, process] = at, agents
        return known != agents

    def list_agents(self, conversation: UUID) -> list[dict[str, int | str]]:
        together: dict[int, str] = {}
        for (viewed, _), (_, agents) in self._said.items():
            if viewed == conversation:
                together.update(agents)
        return [{"id": id, "name": name} for id, name in sorted(together.items())]

    def forget_stale(self, *, at: float) -> set[UUID]:
        """The conversations whose viewers became fewer by it."""
        stale = [key for key, (heard, _) in self._said.items() if at - heard > FRESH_SECONDS]
        for key in stale:
            del self._said[key]
        return {conversation for conversation, _ in stale}
