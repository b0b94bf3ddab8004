"""The definition, sentence by sentence: each golden file holds a document and the grouping worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from identity.interchange import resolve_line
from tests.identity.reference import reference_resolve

CASES = sorted((Path(__file__).parent / "golden").glob("*.json"))


def read_case(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def test_the_golden_files_are_found() -> None:
    assert len(CASES) >= 57


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_sentence_of_the_definition(path: Path) -> None:
    case = read_case(path)
    expected = json.dumps(case["expected"], ensure_ascii=False)
    assert resolve_line(json.dumps(case["document"]).encode()) == expected, case["why"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_the_slow_reference_agrees_with_a_sentence(path: Path) -> None:
    case = read_case(path)
    assert reference_resolve(case["document"]) == case["expected"], case["why"]
