"""A server that runs in the foreground as our child, on a unix socket in a folder of ours."""

import hashlib
import os
import signal
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from oneview.embedded.process import Identity, die_with_parent

READY_SECONDS = 120  # PostgreSQL may have to recover first
STOP_SECONDS = 30
PATIENCE = (0.5, 1, 2, 4)
SOCKET_PATH_LIMIT = 100  # the system allows 107 bytes; a lock file's suffix comes on top


class Server(ABC):
    """`with Postgres(home) as server:` starts it, waits until it answers, stops it; `home` is a folder of its own."""

    name: str
    stop_signal: signal.Signals

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home / f"{self.name}.log"
        self.identity: Identity = {}
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str | Path]: ...

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether the server that answers is the child we started (another one may hold the same folder)."""

    @property
    def url(self) -> str:
        raise NotImplementedError

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def start(self) -> None:
        """Start and wait until it answers. One that closes late, its `up` just killed, gets the time to go."""
        for pause in (*PATIENCE, None):
            try:
                self.launch()
                self.wait_ready()
            except RuntimeError:
                if pause is None:
                    raise
                time.sleep(pause)
            else:
                return

    def launch(self) -> None:
        """Start the child; call it from the main thread (see `die_with_parent`)."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(self.stop_signal),
                **self.identity,
            )

    def wait_ready(self) -> None:
        """Raises RuntimeError with the end of the log when the server ends or takes too long."""
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            if self.ended or time.monotonic() > deadline:
                tail = self.log.read_text(errors="replace")[-1500:]
                raise RuntimeError(f"{self.name} did not start; {self.log} ends with:\n{tail}")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is None or self.ended:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def socket_directory(home: Path, identity: Identity) -> Path:
    """A folder for the server's socket that only its own user may enter."""
    directory = home / "run"
    if len(str(directory)) + len("/.s.PGSQL.5432.lock") > SOCKET_PATH_LIMIT:
        directory = Path(tempfile.gettempdir()) / f"oneview-{short_hash(home)}"
    make_private(directory, identity)
    return directory


def make_private(directory: Path, identity: Identity) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o700)
    if identity:
        os.chown(directory, identity["user"], identity["group"])


def short_hash(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]
