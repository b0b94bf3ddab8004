"""The pure resolver on the command line: JSON documents in, groupings out, one a line. Needs no database."""

from __future__ import annotations

import io
import sys
from typing import Any

from django.core.management.base import BaseCommand

from identity.interchange import DocumentError, resolve_line


class Command(BaseCommand):
    help = (
        "Reads JSON documents of facts from standard input, one a line, and prints who is one contact, one line each."
    )
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        refused = False
        for number, line in enumerate(sys.stdin.buffer, start=1):
            if not line.strip():
                continue
            try:
                self.stdout.write(resolve_line(line))
            except DocumentError as error:
                refused = True
                self.stderr.write(f"line {number}: {error}")
        if refused:
            sys.exit(1)
