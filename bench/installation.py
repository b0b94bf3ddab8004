"""A real installation to measure: `manage.py up` on a folder of its own, durable as in production, without the demo."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.kinds import ADAPTERS, CREDENTIALS, Line
from oneview.bootstrap import ROOT
from oneview.embedded.postgres import packaged_programs
from oneview.embedded.running import Running, read


@dataclass(frozen=True, slots=True)
class Tenant:
    """An account with one agent and a channel of each kind that was asked for."""

    slug: str
    token: str
    email: str
    lines: Mapping[str, Line]

    @property
    def whatsapp(self) -> Line:
        return self.lines["whatsapp"]


@dataclass(frozen=True, slots=True)
class Installation:
    running: Running
    directory: Path

    @property
    def port(self) -> int:
        return int(self.running.url.rsplit(":", 1)[1])

    def manage(self, *arguments: str) -> Any:
        """A management command's JSON. Raises CalledProcessError with its words."""
        environment = {**os.environ, "VAR_DIR": str(self.directory)}
        command = [sys.executable, "manage.py", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr)
        return json.loads(done.stdout)

    def make_tenant(self, number: int, *, kinds: Iterable[str] = ("whatsapp",)) -> Tenant:
        slug, email = f"bench{number}", f"agent{number}@bench.example"
        self.manage("create_account", slug, "--name", f"Bench {number}", "--plan", "paid", "--window-days", "30")
        self.manage("create_user", email, "--account", slug, "--role", "agent", "--password", "correct horse battery")
        lines = {kind: self.make_line(slug, kind=kind, external_id=f"90010{number:04d}") for kind in kinds}
        token = self.manage("create_token", "--account", slug, "--user", email)["token"]
        return Tenant(slug, token, email, lines)

    def make_line(self, slug: str, *, kind: str, external_id: str, **credentials: str) -> Line:
        """Connects a channel; `credentials` beside those that all have."""
        channel = self.manage(
            *("create_channel", "--account", slug, "--kind", kind, "--name", ADAPTERS[kind].label),
            *("--external-id", external_id, "--credentials", json.dumps({**CREDENTIALS[kind], **credentials})),
        )
        return Line(kind, external_id, channel["webhook_url"])

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """As the owner, who sees every account."""
        url = self.running.environment["DATABASE_OWNER_URL"]
        target = socket_of(url)
        return psycopg.connect(host=target["host"], user=target["user"], dbname=target["dbname"], autocommit=True)

    def run_pgbench(self, script: str, *, clients: int, seconds: int) -> float:
        """Transactions a second of one script, as many connections as clients."""
        target = socket_of(self.running.environment["DATABASE_OWNER_URL"])
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            done = subprocess.run(
                [
                    *(packaged_programs() / "pgbench", "-n", "-M", "prepared", "-f", file.name),
                    *("-c", str(clients), "-j", "2", "-T", str(seconds)),
                    *("-h", target["host"], "-U", target["user"], target["dbname"]),
                ],
                capture_output=True,
                text=True,
                check=True,
            )
        line = next(line for line in done.stdout.splitlines() if line.startswith("tps"))
        return float(line.split()[2])

    @contextmanager
    def paused(self, process: str) -> Iterator[None]:
        """Holds one process still."""
        pid = self.running.pids[process]
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)


def socket_of(url: str) -> dict[str, str]:
    """Connection arguments of `postgres://user@/name?host=folder`."""
    user, rest = url.removeprefix("postgres://").split("@/")
    name, host = rest.split("?host=")
    return {"user": user, "dbname": name, "host": host}


@contextmanager
def start_installation(environment: Mapping[str, str] | None = None) -> Iterator[Installation]:
    """Starts one and stops it; its data is thrown away. With `STATICFILES=collected` it first collects and compresses
    them, which takes half a minute.
    """
    directory = Path(tempfile.mkdtemp(prefix="oneview-bench-", dir="/var/tmp"))
    directory.chmod(0o711)
    settings = {
        "VAR_DIR": str(directory),
        "DEMO": "0",
        "ALLOW_LOCAL_PROVIDERS": "1",
        "LOG_LEVEL": "warning",
        **(environment or {}),
    }
    inherited = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
    with (directory / "up.log").open("wb") as log:
        options: Any = {"cwd": ROOT, "env": {**inherited, **settings}, "stdout": log, "stderr": log}
        if settings.get("STATICFILES") == "collected":
            subprocess.run([sys.executable, "manage.py", "collectstatic", "--noinput"], check=True, **options)
        process = subprocess.Popen([sys.executable, "manage.py", "up"], **options)
        try:
            deadline = time.monotonic() + 120
            while (running := read(directory)) is None:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError((directory / "up.log").read_text()[-3000:])
                time.sleep(0.1)
            yield Installation(running, directory)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            shutil.rmtree(directory, ignore_errors=True)
