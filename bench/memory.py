"""What the four processes hold: proportional set size, children included."""

from __future__ import annotations

from pathlib import Path

from bench.installation import Installation
from bench.report import Result, at_most

PROCESSES = ("web", "drain", "worker", "beat")


def measure(installation: Installation) -> list[Result]:
    total = sum(_tree_pss(installation.running.pids[name]) for name in PROCESSES)
    return [at_most("memory.processes_mb", total / 1024, "MB", goal=600)]


def _tree_pss(pid: int) -> int:
    """Kilobytes of a process and all below it."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return _pss(pid) + sum(_tree_pss(child) for child in children)


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Pss:")))
