"""What a reader may rely on in every file of the repository."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from oneview.bootstrap import ROOT

MOST_LINES = 400
MOST_CHANNEL_LINES = 300
NOT_CODE = ("requirements/", "bench/results/")

VAGUE = {"utils.py", "helpers.py", "util.py", "helper.py", "misc.py"}
INDEXES = re.compile(r"https?://[^\s\"']*(pypi|pythonhosted|registry\.npmjs)[^\s\"']*", re.IGNORECASE)
DIRECTIONS = re.compile(
    r"(?<![-\w])(?:(?:margin|padding|border|inset|scroll-(?:margin|padding))-(?:left|right)|left|right)\s*:"
    r"|(?:text-align|float|clear)\s*:\s*(?:left|right)"
)
INLINE = re.compile(
    r"\sstyle=|<style|<script(?![^>]*\bsrc=)(?![^>]*type=\"application/json\")|\son[a-z]+=\"|javascript:", re.IGNORECASE
)


def list_files(*patterns: str) -> list[Path]:
    """Of the repository: what is committed, and what is new and not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    paths = {ROOT / name for name in names if not name.startswith(NOT_CODE)}
    return sorted(path for path in paths if path.is_file())


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_there_is_something_to_look_at() -> None:
    assert len(list_files("*.py")) > 100


def test_files_are_short_enough_to_be_read() -> None:
    long = {}
    for path in list_files("*.py", "*.css", "*.js", "*.html"):
        name = name_of(path)
        if name.startswith("tests/") or "/migrations/" in name:
            continue
        most = MOST_CHANNEL_LINES if name.startswith("channels_ingest/channels/") else MOST_LINES
        if (lines := len(path.read_text().splitlines())) > most:
            long[name] = lines
    assert long == {}


def test_modules_are_named_after_something() -> None:
    assert [name_of(path) for path in list_files("*.py") if path.name in VAGUE] == []


def test_no_folder_of_the_tests_hides_a_package() -> None:
    """`tests/channels/` would be found in place of Django Channels."""
    assert not (ROOT / "tests" / "channels").exists()


def test_templates_carry_no_style_and_no_script() -> None:
    """The content security policy would not let them act."""
    found = {name_of(path): INLINE.findall(path.read_text()) for path in list_files("*.html")}
    assert {name: matches for name, matches in found.items() if matches} == {}


def test_styles_name_no_left_and_right() -> None:
    """`inline-start` and `inline-end` follow the direction of the script."""
    found = {name_of(path): DIRECTIONS.findall(path.read_text()) for path in list_files("*.css")}
    assert {name: matches for name, matches in found.items() if matches} == {}


def test_nothing_names_a_package_index() -> None:
    patterns = ("*.py", "*.txt", "*.in", "*.toml", "*.cfg", "*.yml", "*.yaml", "*.md", "Makefile", ".ci/*", "deploy/*")
    found = {name_of(path): INDEXES.findall(path.read_text(errors="replace")) for path in list_files(*patterns)}
    locks = {path.name: INDEXES.findall(path.read_text()) for path in (ROOT / "requirements").glob("*.txt")}
    assert {name: matches for name, matches in {**found, **locks}.items() if matches} == {}


@pytest.mark.parametrize("package", ["channels_ingest", "identity"])
def test_packages_with_pure_modules_import_nothing_themselves(package: str) -> None:
    assert (ROOT / package / "__init__.py").read_text() == ""
