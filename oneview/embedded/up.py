"""`manage.py up`: PostgreSQL, Redis, migrations, the demo with its bot, and the four processes, in one console."""

import asyncio
import http.client
import ipaddress
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from environ import Env

from oneview.bootstrap import ROOT
from oneview.catalogues import compile_catalogues
from oneview.embedded import running
from oneview.embedded.postgres import Postgres
from oneview.embedded.redis import Redis
from oneview.embedded.running import Running
from oneview.embedded.server import Server
from oneview.embedded.supervisor import Command, Supervisor

READY_SECONDS = 180
PORTS_TRIED = 100


def main() -> int:
    """Returns the exit code, after everything that was started has stopped."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # until the supervisor takes the signals over
    Env.read_env(ROOT / ".env")
    try:
        return run()
    except KeyboardInterrupt:
        return 130
    except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1


def run() -> int:
    host = os.environ.get("HOST", "127.0.0.1")
    demo = os.environ.get("DEMO", "1" if is_loopback(host) else "0") == "1"
    if demo and not is_loopback(host):
        raise RuntimeError(f"DEMO=1 has public passwords: it is refused on HOST={host}. Set DEMO=0.")
    directory = running.var_dir()
    directory.mkdir(parents=True, exist_ok=True)
    directory.chmod(0o711 if os.geteuid() == 0 else 0o700)  # PostgreSQL, another user then, must get through
    with ExitStack() as stack:
        stack.enter_context(running.claim(directory))
        running.make_keys(directory)
        listener = stack.enter_context(listen(host, int(os.environ.get("PORT", "8000"))))
        port = listener.getsockname()[1]
        servers: list[Server] = []
        services = start_services(directory, stack, servers)
        url = f"http://{url_host(host)}:{port}"
        settings = services | {
            "PUBLIC_URL": os.environ.get("PUBLIC_URL", url),
            "DEMO": str(int(demo)),
            "ALLOW_LOCAL_PROVIDERS": os.environ.get("ALLOW_LOCAL_PROVIDERS", str(int(demo))),
            "STATICFILES": os.environ.get("STATICFILES", "sources"),
            "LOG_FORMAT": os.environ.get("LOG_FORMAT", "console"),
        }
        environment = {**os.environ, **settings, "VAR_DIR": str(directory), "PYTHONUNBUFFERED": "1"}
        compile_catalogues()
        manage(environment, "migrate", "--verbosity", "0")
        demo_file = directory / "demo.json"
        if demo and not demo_file.exists():
            manage(environment, "create_demo")
        state = Running(
            url=url,
            sandbox_url=f"{url}/sandbox" if demo else None,
            database_url=settings["DATABASE_URL"],
            redis_url=settings["REDIS_URL"],
            pids={},
            environment=settings,
            **(json.loads(demo_file.read_text()) if demo and demo_file.exists() else {}),
        )
        processes = commands(environment, listener, directory)
        if demo and (bot_file := directory / "bot.json").exists():
            processes.append(bot_command(url, json.loads(bot_file.read_text())))
        return asyncio.run(serve(state, directory, processes, servers))


async def serve(state: Running, directory: Path, processes: list[Command], servers: list[Server]) -> int:
    """Run the processes until a signal; 1 when they did not become ready in time."""
    ready = False
    code = 0

    def publish(pids: dict[str, int]) -> None:
        if ready:
            running.write(replace(state, pids={"up": os.getpid(), **pids}), directory)

    supervisor = Supervisor(processes, servers, changed=publish)

    async def announce() -> None:
        nonlocal ready, code
        answer = "no answer"
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline and not supervisor.stopping.is_set():
            ready, answer = await asyncio.to_thread(ask_ready, state.url, public_url=state.environment["PUBLIC_URL"])
            if ready:
                publish(supervisor.pids)
                print("\n".join(welcome(state)), flush=True)
                return
            await asyncio.sleep(0.1)
        if not supervisor.stopping.is_set():
            print(f"Not ready after {READY_SECONDS} s: {answer}", file=sys.stderr, flush=True)
            code = 1
            supervisor.stopping.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(announce())
        group.create_task(supervisor.run())
    return code


def start_services(directory: Path, stack: ExitStack, servers: list[Server]) -> dict[str, str]:
    """Start what the environment does not name; returns where PostgreSQL and Redis are."""
    found = {name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL") if name in os.environ}
    if "DATABASE_URL" in found:
        found["DATABASE_OWNER_URL"] = os.environ.get("DATABASE_OWNER_URL", found["DATABASE_URL"])
    else:
        postgres = stack.enter_context(Postgres(directory / "postgres"))
        postgres.create_database()
        servers.append(postgres)
        found |= {"DATABASE_URL": postgres.url, "DATABASE_OWNER_URL": postgres.owner_url}
    if "REDIS_URL" not in found:
        redis = stack.enter_context(Redis(directory / "redis"))
        servers.append(redis)
        found["REDIS_URL"] = redis.url
    return found


def commands(environment: Mapping[str, str], listener: socket.socket, directory: Path) -> list[Command]:
    """Web has a pool of connections, the others hold one a thread. The worker's threads wait for providers."""
    alone = {**environment, "POOL": "0"}
    web = (
        *("-m", "uvicorn", "oneview.asgi:application", "--fd", str(listener.fileno())),
        *("--lifespan", "on", "--ws", "websockets-sansio", "--ws-per-message-deflate", "false"),
        *("--timeout-graceful-shutdown", "5", "--no-access-log", "--no-server-header", "--no-proxy-headers"),
        *("--workers", environment.get("WEB_PROCESSES", "1")),
    )
    celery = ("-m", "celery", "-A", "oneview.celery", "--skip-checks", "--quiet")
    worker = ("worker", "--pool", "threads", "--concurrency", "8", "--without-mingle", "--without-gossip")
    beat = ("beat", "--schedule", str(directory / "beat"), "--pidfile", "")
    return [
        Command("web", (sys.executable, *web), ROOT, environment, inherited=(listener.fileno(),)),
        Command("drain", (sys.executable, "manage.py", "drain"), ROOT, alone),
        Command("worker", (sys.executable, *celery, *worker), ROOT, alone),
        Command("beat", (sys.executable, *celery, *beat), ROOT, alone),
    ]


def bot_command(url: str, settings: Mapping[str, str]) -> Command:
    """The example of the documentation, which knows what any bot knows and nothing more."""
    program = (sys.executable, "-u", "docs/examples/bot.py")
    return Command("bot", program, ROOT, {**settings, "ONEVIEW_URL": url})


def manage(environment: Mapping[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env={**environment, "POOL": "0"}, stdout=subprocess.DEVNULL, check=True)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on the port, or on the next free one. We keep it: requests wait while web starts again."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(port, port + PORTS_TRIED):
        try:
            listener = socket.create_server((host, candidate), family=family, backlog=1024)
        except OSError:
            if candidate == port + PORTS_TRIED - 1:
                raise
        else:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # connections inherit it
            return listener
    raise AssertionError


def ask_ready(url: str, *, public_url: str) -> tuple[bool, str]:
    """Whether `/health/ready/` answers 200, and what it says. A production's ALLOWED_HOSTS has the public name only."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=5)
    try:
        connection.request("GET", "/health/ready/", headers={"Host": urlsplit(public_url).netloc})
        answer = connection.getresponse()
        return answer.status == 200, f"{answer.status} {answer.read(1000).decode(errors='replace')}"
    except OSError as error:
        return False, str(error)
    finally:
        connection.close()


def welcome(state: Running) -> list[str]:
    lines = ["", f"OneView is ready: {state.url}"]
    lines += ["    " + "  ".join(str(value) for value in sign_in.values()) for sign_in in state.sign_ins]
    return [*lines, "    Ctrl-C stops it.", ""]


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def url_host(host: str) -> str:
    """The host as one writes it in an address here: a server on all interfaces is reached through loopback."""
    if host in ("0.0.0.0", "::"):  # noqa: S104
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
