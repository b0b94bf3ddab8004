"""Results: one line each, written to `bench/results/` and printed as a table."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Result:
    """`ratio` is value / floor where there is a floor. `ok` is None for a figure without a goal and for what could not
    run.
    """

    name: str
    value: float | None
    unit: str
    floor: float | None = None
    ratio: float | None = None
    goal: str = ""
    ok: bool | None = None


def at_least(name: str, value: float, unit: str, *, goal: float, floor: float | None = None) -> Result:
    return Result(name, value, unit, floor, value / floor if floor else None, f">= {goal:g}", value >= goal)


def at_most(name: str, value: float, unit: str, *, goal: float, floor: float | None = None) -> Result:
    return Result(name, value, unit, floor, value / floor if floor else None, f"<= {goal:g}", value <= goal)


def not_run(name: str, reason: str) -> Result:
    return Result(name, None, f"not run: {reason}")


def median_of_three(measure: Callable[[], Sequence[float]]) -> list[float]:
    """The median of each figure over three runs, one after the other."""
    return [statistics.median(column) for column in zip(*(measure() for _ in range(3)), strict=True)]


def percentile(values: Iterable[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def describe_machine() -> dict[str, Any]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory),
        "python": platform.python_version(),
        "system": platform.system(),
    }


def write_results(results: Sequence[Result], *, name: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    document = {"machine": describe_machine(), "results": [asdict(result) for result in results]}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n")


def format_table(results: Sequence[Result]) -> str:
    rows = [("name", "value", "unit", "floor", "ratio", "goal", "ok")]
    for result in results:
        verdict = {True: "ok", False: "MISSED", None: ""}[result.ok]
        numbers = [_format(number) for number in (result.value, result.floor, result.ratio)]
        rows.append((result.name, numbers[0], result.unit, numbers[1], numbers[2], result.goal, verdict))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _format(number: float | None) -> str:
    return "" if number is None else f"{number:,.3g}" if abs(number) < 100 else f"{number:,.0f}"
