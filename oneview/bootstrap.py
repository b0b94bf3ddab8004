"""Makes `.venv`, installs the locked set into it and runs the command again inside. Standard library only."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
INCLUDES = {"base": ["base"], "dev": ["dev", "base"]}


def enter(locked_set: str) -> None:
    """Return inside `.venv` with the locked set installed; outside of it this call does not return."""
    install(locked_set)
    reenter()


def reenter() -> None:
    """Run the same command line with the interpreter of `.venv`, unless it is the one that runs, or there is none."""
    if PYTHON.exists() and Path(sys.prefix).resolve() != VENV.resolve():
        sys.stdout.flush()
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nothing was compiled at installation
        os.execv(PYTHON, [str(PYTHON), *sys.argv])


def install(locked_set: str) -> None:
    """Bring `.venv` to `requirements/<locked_set>.txt`; does nothing when that very file was installed before."""
    with _one_at_a_time():
        if _installed(locked_set):
            return
        began = time.monotonic()
        if not any(_mark(name).exists() for name in INCLUDES) or not _works(PYTHON):
            _make_venv()
        print(f"Installing requirements/{locked_set}.txt into .venv, a minute or less ...", flush=True)
        pip = (PYTHON, "-m", "pip", "--disable-pip-version-check", "--no-input", "install")
        options = ("-qq", "--no-compile", "--no-deps", "--require-hashes", "--requirement", _lock(locked_set))
        if subprocess.run((*pip, *options), check=False).returncode != 0:
            sys.exit("The packages could not be installed; pip says why above. Run the same command to try again.")
        for name in INCLUDES[locked_set]:
            _mark(name).write_text(_digest(name))
        print(f"Installed in {time.monotonic() - began:.0f} s.", flush=True)


def _make_venv() -> None:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if importlib.util.find_spec("ensurepip") is None:
        sys.exit(
            f"This Python lacks `ensurepip`. Install the one package that has it, then run the command again:\n"
            f"    Debian, Ubuntu:  apt install python{version}-venv"
        )
    if subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=False).returncode != 0:
        sys.exit(f"`{sys.executable} -m venv {VENV}` failed; it says why above.")


def _works(python: Path) -> bool:
    """Whether the interpreter still runs (the Python it was made from may have been removed)."""
    return python.exists() and subprocess.run([python, "-c", ""], check=False).returncode == 0


def _installed(name: str) -> bool:
    return PYTHON.exists() and _mark(name).exists() and _mark(name).read_text() == _digest(name)


def _lock(name: str) -> Path:
    return ROOT / "requirements" / f"{name}.txt"


def _mark(name: str) -> Path:
    return VENV / f"{name}.installed"


def _digest(name: str) -> str:
    return hashlib.sha256(_lock(name).read_bytes()).hexdigest()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two commands started together on a fresh clone: the second waits for the first to install."""
    directory = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        yield
    finally:
        os.close(directory)


if __name__ == "__main__":
    install(sys.argv[1])
