"""Where a text stands: every table, as the owner sees it, and every file."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db import connections


def find_everywhere(text: str) -> list[str]:
    """The tables and files that hold `text`, also as bytes or escaped in JSON."""
    needles = [text, text.encode().hex()]
    found = []
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [table for (table,) in cursor.fetchall()]
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            if any(needle in row for (row,) in cursor.fetchall() for needle in needles):
                found.append(table)
    files = [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]
    return found + [str(path) for path in files if text.encode() in path.read_bytes()]
