"""Somebody else's program that is told by webhook: it checks signatures, remembers what it took, and has its moods."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from channels_ingest.signing import read_standard_key, sign_standard

Mood = Literal["takes", "refuses", "hangs", "cuts"]
MOODS: tuple[Mood, ...] = ("refuses", "hangs", "cuts")
HANG_SECONDS = 11  # OneView waits ten
RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST


@dataclass(slots=True)
class Receiver:
    """`taken`: (id, document) in the order of arrival, repetitions too. `forged`: calls whose signature was wrong.

    `cuts` ends the connection without an answer, half of the times after it took the event.
    """

    port: int
    secret: str = ""
    mood: Mood = "takes"
    taken: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    forged: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Outside of it the port is closed: connections are refused."""
        server = ThreadingHTTPServer(("127.0.0.1", self.port), _make_handler(self))
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def take(self, headers: Message, body: bytes) -> bool:
        id, timestamp, signature = (headers[f"webhook-{name}"] for name in ("id", "timestamp", "signature"))
        wanted = sign_standard(read_standard_key(self.secret), id=id, timestamp=timestamp, body=body)
        document = json.loads(body)
        if signature != wanted or id != document["id"] or abs(time.time() - int(timestamp)) > 300:
            self.forged += 1
            return False
        self.taken.append((id, document))
        return True


def find_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _make_handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            mood = receiver.mood
            if mood == "hangs":
                time.sleep(HANG_SECONDS)
                return
            if mood == "refuses":
                self.answer(500)
                return
            if mood == "cuts" and random.random() < 0.5:
                self.cut()
                return
            is_taken = receiver.take(self.headers, body)
            if mood == "cuts":
                self.cut()
            else:
                self.answer(204 if is_taken else 401)

        def answer(self, status: int) -> None:
            self.send_response(status)
            self.end_headers()

        def cut(self) -> None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.connection.close()
            self.close_connection = True

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    return Handler
