"""`python -m bench [part ...]`: all parts, or those named."""

from __future__ import annotations

import sys

from bench import adapters, door, drain, live, memory, pages, parse, widget
from bench.installation import start_installation
from bench.report import Result, format_table, not_run, write_results

PARTS = {
    "door": door.measure,
    "drain": drain.measure,
    "live": live.measure,
    "pages": pages.measure,
    "memory": memory.measure,
    "parse": parse.measure,
    "adapters": adapters.measure,
    "widget": widget.measure,
}


def main(wanted: list[str]) -> int:
    """1 when a goal is missed or a part could not run."""
    unknown = set(wanted) - set(PARTS)
    if unknown:
        print(f"No such part: {', '.join(sorted(unknown))}. There are: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    results: list[Result] = []
    with start_installation() as installation:
        for name in wanted or PARTS:
            try:
                results += PARTS[name](installation)
            except (RuntimeError, AssertionError, OSError) as error:
                results.append(not_run(name, str(error)))
    write_results(results, name="latest")
    print(format_table(results))
    return 1 if any(result.ok is False or result.value is None for result in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
