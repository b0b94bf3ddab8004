"""A provider's API on loopback that answers as it is told and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """What a WhatsApp message says."""
        return str(json.loads(self.body)["text"]["body"])


@dataclass(frozen=True, slots=True)
class Say:
    """`before` runs when the request has been read. `cut`: the connection ends without an answer."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    before: Callable[[], Any] = lambda: None
    cut: bool = False


class Provider:
    """Takes messages as WhatsApp does, unless `next` holds something else to say."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.next: deque[Say] = deque()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._make_handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def texts(self) -> list[str]:
        return [asked.text for asked in self.asked if asked.path.endswith("/messages")]

    @contextmanager
    def running(self) -> Iterator[Provider]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.stop()
            thread.join()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self) -> Say:
        if self.next:
            return self.next.popleft()
        return Say(body={"messages": [{"id": f"wamid.OUR{len(self.asked)}"}], "id": "media-1"})

    def _make_handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def handle_any(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                provider.asked.append(Asked(self.command, self.path, headers, body))
                say = provider._answer()
                say.before()
                if say.cut:
                    self.close_connection = True
                    return
                content = say.body if isinstance(say.body, bytes) else json.dumps(say.body).encode()
                self.send_response(say.status)
                for name, value in {"content-length": str(len(content)), **say.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = handle_any  # noqa: N815

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        return Handler
