"""Remembers that a provider has asked for our word: behind the answer, and on a connection of its own, so that whoever
holds the channel's row delays nobody at the door.
"""

from __future__ import annotations

import asyncio

import psycopg
import structlog

from channels_ingest.link import PATIENCE, Link

MOST_NOTES = 10  # at once

log = structlog.get_logger(__name__)


class Handshakes:
    def __init__(self) -> None:
        self._notes: dict[str, asyncio.Task[None]] = {}

    def note(self, public_id: str) -> None:
        """Returns at once. One that is being written is not written twice."""
        if public_id not in self._notes and len(self._notes) < MOST_NOTES:
            note = self._notes[public_id] = asyncio.create_task(self._write(public_id))
            note.add_done_callback(lambda _: self._notes.pop(public_id))

    async def stop(self) -> None:
        if self._notes:
            await asyncio.wait(self._notes.values(), timeout=PATIENCE)

    async def _write(self, public_id: str) -> None:
        link = Link()
        try:
            await link.fetch("SELECT note_handshake(%(public_id)s)", {"public_id": public_id})
        except psycopg.Error as error:
            log.warning("handshake_not_noted", error=type(error).__name__)
        finally:
            await link.close()
