"""The command, as a process of its own: lines in, lines out, no settings module and no database."""

from __future__ import annotations

import json
import os
import subprocess
import sys

PROGRAM = "from identity.management.commands.resolve_identities import Command; Command().handle()"
GOOD = '{"settings": {}, "identities": [{"id": ["slack", "T1", "ñ😀", 0], "first_seen": "2026-11-01T09:00:00Z"}]}'
GROUPING = '{"contacts": [{"id": ["slack", "T1", "ñ😀", 0], "identities": [["slack", "T1", "ñ😀", 0]]}], "edges": []}'
UNKNOWN_RULE = json.dumps(
    {
        "settings": {},
        "evidence": [
            {"rule": "hearsay", "a": ["a", "", "1", 0], "b": ["b", "", "1", 0], "first_seen": "2026-11-01T09:00:00Z"}
        ],
    }
)


def run(*lines: str | bytes) -> subprocess.CompletedProcess[bytes]:
    given = b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    environment |= {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM], input=given, capture_output=True, env=environment, timeout=60
    )


def test_each_document_is_one_line_of_output() -> None:
    done = run(GOOD, "", GOOD)
    assert done.stdout.decode().splitlines() == [GROUPING, GROUPING]
    assert done.stderr == b""
    assert done.returncode == 0


def test_a_bad_line_is_named_and_the_others_are_answered() -> None:
    lines: list[str | bytes] = [
        GOOD,
        "{",
        UNKNOWN_RULE,
        GOOD,
        b"\xff",
        b"[" * 100_000,
        '{"settings": {"\\ud800": 1, "rules": {"\\udfff": 1}}}',
    ]
    done = run(*lines)
    assert done.stdout.decode().splitlines() == [GROUPING, GROUPING]
    refusals = done.stderr.decode().splitlines()
    assert [refusal.split(":")[0] for refusal in refusals] == ["line 2", "line 3", "line 5", "line 6", "line 7"]
    assert refusals[1] == "line 3: evidence[0].rule: unknown rule 'hearsay'"
    assert done.returncode == 1


def test_nothing_in_is_nothing_out() -> None:
    done = run()
    assert (done.stdout, done.stderr, done.returncode) == (b"", b"", 0)
