"""The translations: every sentence of the code, with the same placeholders, in every language that can be chosen."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po
from django.conf import settings

from oneview.bootstrap import ROOT
from oneview.catalogues import compile_catalogues

LOCALE = ROOT / "locale"
TRANSLATED = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|</?\w+[^>]*>")


def read(language: str, directory: Path = LOCALE) -> Catalog:
    with (directory / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def sentences(catalog: Catalog) -> set[tuple[str | None, str]]:
    return {(each.context, forms(each.id)[0]) for each in catalog if each.id}


def forms(text: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    return tuple(text or ("",)) if not isinstance(text, str) else (text,)


@pytest.fixture(scope="module")
def source() -> Catalog:
    return read(settings.LANGUAGE_CODE)


@pytest.mark.skipif(shutil.which("xgettext") is None, reason="gettext is not installed")
def test_every_sentence_of_the_code_is_in_the_source_catalogue(tmp_path: Path, source: Catalog) -> None:
    copied = shutil.ignore_patterns(".*", "var", "tests", "bench", "docs", "*.mo")
    tree = Path(shutil.copytree(ROOT, tmp_path / "tree", ignore=copied))
    subprocess.run([sys.executable, "manage.py", "makemessages", "-l", "en"], cwd=tree, check=True, capture_output=True)
    assert sentences(read("en", tree / "locale")) == sentences(source)


@pytest.mark.parametrize("language", TRANSLATED)
class TestLanguage:
    def test_every_sentence_is_translated(self, language: str, source: Catalog) -> None:
        catalog = read(language)
        assert sentences(catalog) == sentences(source)
        empty = [each.id for each in catalog if each.id and (not all(forms(each.string)) or each.fuzzy)]
        assert empty == []

    def test_placeholders_and_tags_are_those_of_the_sentence(self, language: str) -> None:
        assert [each.id for each in read(language) if each.id and not keeps_placeholders(each)] == []


def keeps_placeholders(message: Message) -> bool:
    wanted = [Counter(PLACEHOLDER.findall(form)) for form in forms(message.id)]
    return all(Counter(PLACEHOLDER.findall(form)) in wanted for form in forms(message.string))


def test_what_changed_is_compiled_and_the_rest_left(tmp_path: Path) -> None:
    shutil.copytree(LOCALE, tmp_path / "locale", ignore=shutil.ignore_patterns("*.mo"))
    first = compile_catalogues(tmp_path / "locale")
    assert {path.parts[-3] for path in first} == {code for code, _ in settings.LANGUAGES}
    assert compile_catalogues(tmp_path / "locale") == []
    first[0].unlink()
    assert compile_catalogues(tmp_path / "locale") == first[:1]
