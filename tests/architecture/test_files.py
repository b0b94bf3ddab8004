"""What a reader may rely on in every file of the repository."""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
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


def read_files(*patterns: str) -> dict[str, str]:
    """Text by name, of what is committed, and of what is new and not ignored. A file may go while we look."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    texts = {}
    for name in sorted(set(names)):
        if not name.startswith(NOT_CODE):
            with suppress(FileNotFoundError):
                texts[name] = (ROOT / name).read_text(errors="replace")
    return texts


def find_all(pattern: re.Pattern[str], texts: dict[str, str]) -> dict[str, list[str]]:
    """What a pattern finds, by the name of the file."""
    return {name: found for name, text in texts.items() if (found := pattern.findall(text))}


def test_there_is_something_to_look_at() -> None:
    assert len(read_files("*.py")) > 100


def test_files_are_short_enough_to_be_read() -> None:
    long = {}
    for name, text in read_files("*.py", "*.css", "*.js", "*.html").items():
        most = MOST_CHANNEL_LINES if name.startswith("channels_ingest/channels/") else MOST_LINES
        lines = len(text.splitlines())
        if lines > most and not name.startswith("tests/") and "/migrations/" not in name:
            long[name] = lines
    assert long == {}


def test_modules_are_named_after_something() -> None:
    assert [name for name in read_files("*.py") if Path(name).name in VAGUE] == []


def test_no_folder_of_the_tests_hides_a_package() -> None:
    """`tests/channels/` would be found in place of Django Channels."""
    assert not (ROOT / "tests" / "channels").exists()


def test_templates_carry_no_style_and_no_script() -> None:
    """The content security policy would not let them act."""
    assert find_all(INLINE, read_files("*.html")) == {}


def test_styles_name_no_left_and_right() -> None:
    """`inline-start` and `inline-end` follow the direction of the script."""
    assert find_all(DIRECTIONS, read_files("*.css")) == {}


def test_nothing_names_a_package_index() -> None:
    patterns = ("*.py", "*.txt", "*.in", "*.toml", "*.cfg", "*.yml", "*.yaml", "*.md", "Makefile", ".ci/*", "deploy/*")
    locks = {path.name: path.read_text() for path in (ROOT / "requirements").glob("*.txt")}
    assert find_all(INDEXES, {**read_files(*patterns), **locks}) == {}


@pytest.mark.parametrize("package", ["channels_ingest", "identity"])
def test_packages_with_pure_modules_import_nothing_themselves(package: str) -> None:
    assert (ROOT / package / "__init__.py").read_text() == ""
