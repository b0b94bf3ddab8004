"""Translations. People edit `locale/<language>/LC_MESSAGES/django.po`; Django reads the `.mo` that is made of it."""

from __future__ import annotations

import os
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from oneview.bootstrap import ROOT


def compile_catalogues(directory: Path = ROOT / "locale") -> list[Path]:
    """Writes each `.mo` that is missing or older than its `.po`; returns those. Several processes may do so at once."""
    written = []
    for source in sorted(directory.glob("*/LC_MESSAGES/django.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        made = target.with_suffix(f".{os.getpid()}")
        with source.open("rb") as text, made.open("wb") as binary:
            write_mo(binary, read_po(text))
        made.replace(target)
        written.append(target)
    return written
