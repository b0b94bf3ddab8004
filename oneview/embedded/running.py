"""What `manage.py up` leaves in VAR_DIR for others: who runs where (`up.json`) and the installation's keys."""

import fcntl
import json
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from oneview.bootstrap import ROOT


@dataclass(frozen=True, slots=True)
class Running:
    """The content of `up.json`. `environment` is what the processes were started with; other commands adopt it."""

    url: str
    sandbox_url: str | None
    database_url: str
    redis_url: str
    pids: dict[str, int]
    sign_ins: list[dict[str, str]] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)


def var_dir() -> Path:
    return Path(os.environ.get("VAR_DIR", ROOT / "var")).resolve()


def read(directory: Path | None = None) -> Running | None:
    """The installation that runs in this VAR_DIR, or None. A file that a killed `up` left behind does not count."""
    try:
        state = Running(**json.loads(_state_file(directory or var_dir()).read_text()))
        os.kill(state.pids["up"], 0)
    except (FileNotFoundError, ProcessLookupError, json.JSONDecodeError, TypeError, KeyError):
        return None
    except PermissionError:  # another user's process: it runs
        pass
    return state


@contextmanager
def claim(directory: Path) -> Iterator[None]:
    """VAR_DIR is ours while this lasts. Raises RuntimeError when another `up` has it."""
    lock = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        other = read(directory)
        where = f"{other.url}, process {other.pids['up']}" if other else "it is just starting or stopping"
        os.close(lock)
        raise RuntimeError(f"OneView already runs in {directory}: {where}.") from None
    try:
        remove(directory)
        yield
    finally:
        remove(directory)
        os.close(lock)


def write(state: Running, directory: Path) -> None:
    write_private(_state_file(directory), asdict(state))


def remove(directory: Path) -> None:
    _state_file(directory).unlink(missing_ok=True)


def environment() -> dict[str, str]:
    """What settings read where the process's own environment says nothing."""
    directory = var_dir()
    state = read(directory)
    return read_keys(directory) | (state.environment if state else {})


def read_keys(directory: Path) -> dict[str, str]:
    try:
        keys: dict[str, str] = json.loads(_keys_file(directory).read_text())
    except (FileNotFoundError, PermissionError):
        return {}
    return keys


def make_keys(directory: Path) -> None:
    """SECRET_KEY and ENCRYPTION_KEYS of this installation, made once. Whoever loses the file loses the credentials."""
    if not _keys_file(directory).exists():
        encryption_key = urlsafe_b64encode(secrets.token_bytes(32)).decode()
        write_private(
            _keys_file(directory), {"SECRET_KEY": secrets.token_urlsafe(50), "ENCRYPTION_KEYS": encryption_key}
        )


def write_private(path: Path, content: dict[str, Any]) -> None:
    """Whole or not at all, readable by its owner only."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file, indent=2)
    unfinished.rename(path)


def _state_file(directory: Path) -> Path:
    return directory / "up.json"


def _keys_file(directory: Path) -> Path:
    return directory / "keys.json"
