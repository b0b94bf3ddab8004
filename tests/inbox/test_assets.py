"""The budgets and rules of style sheets, scripts and templates, checked on their sources."""

from __future__ import annotations

import gzip
import json
import re
from itertools import chain, product
from pathlib import Path

import brotli  # type: ignore[import-untyped]
import pytest
from django.conf import settings
from django.template.loader import get_template
from django.test import RequestFactory

from inbox.phrases import list_phrases
from inbox.templatetags.inbox import CHANNEL_ICONS, ICONS, STATUS_LOOKS
from inbox.visitors.pages import list_phrases as list_chat_phrases
from inbox.visitors.pages import loader as show_loader

STATIC = Path(settings.BASE_DIR) / "static"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
STYLES = sorted((STATIC / "css").rglob("*.css"))
SCRIPTS = sorted((STATIC / "js").glob("*.js"))
LATER = sorted((STATIC / "js" / "later").glob("*.js"))  # loaded when they are first needed
PAGES = sorted(TEMPLATES.rglob("*.html"))

SURFACES = ("app", "pane", "sunken", "raised", "hover", "selected")
BUBBLES = ("bubble-user", "bubble-agent", "bubble-bot", "bubble-note")
TEXT, CONTROL = 4.5, 3.0
PAIRS = [
    *((ink, surface, TEXT) for ink, surface in product(("text", "text-2", "text-3"), SURFACES + BUBBLES)),
    *((ink, surface, TEXT) for ink, surface in product(("accent", "danger", "warn", "ok", "bot", "note"), SURFACES)),
    *(("accent", bubble, TEXT) for bubble in BUBBLES),
    *((f"ink-{n}", f"tint-{n}", TEXT) for n in range(6)),
    *((ink, f"{ink}-tint", TEXT) for ink in ("accent", "danger", "warn", "ok")),
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-hover", TEXT),
    ("bot", "bubble-bot", TEXT),
    ("note", "bubble-note", TEXT),
    ("text-2", "chip", TEXT),
    *(("line-strong", surface, CONTROL) for surface in ("app", "pane", "sunken", "raised", "bubble-note")),
    *(("focus", surface, CONTROL) for surface in SURFACES + BUBBLES),
]


def read_tokens() -> dict[str, tuple[str, str]]:
    """Each colour in light and in dark."""
    source = (STATIC / "css" / "tokens.css").read_text()
    both = re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\);", source)
    same = re.findall(r"--([\w-]+): (#\w{6});", source)
    return {name: (light, dark) for name, light, dark in both} | {name: (colour, colour) for name, colour in same}


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def compressed(files: list[Path]) -> int:
    return sum(len(brotli.compress(file.read_bytes())) for file in files)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_pair_of_colours_can_be_read(theme: int) -> None:
    tokens = read_tokens()
    marks = [("on-mark", name, CONTROL) for name in tokens if re.match(r"mark", name)]
    ratios = {pair: contrast(tokens[pair[0]][theme], tokens[pair[1]][theme]) for pair in chain(PAIRS, marks)}
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < pair[2]} == {}


def test_the_page_loads_little() -> None:
    source = (TEMPLATES / "base.html").read_text() + (TEMPLATES / "inbox" / "page.html").read_text()
    styles = [STATIC / name for name in re.findall(r"'(css/[\w.]+)'", source)]
    assert compressed(SCRIPTS) < 30_000
    assert compressed(LATER) < 12_000
    assert compressed(styles) < 12_000


def test_the_web_chat_weighs_little() -> None:
    """As sent, in the packing that every browser takes: a site's page loads the loader, who opens it the rest."""
    answer = RequestFactory().get("/widget/loader.js", HTTP_ACCEPT_ENCODING="gzip")
    loader = len(show_loader(answer).content)
    page = TEMPLATES / "widget" / "chat.html"
    rest = [STATIC / "widget" / "chat.js", STATIC / "widget" / "chat.css", page]
    phrases = json.dumps(list_chat_phrases()).encode()
    opened = loader + sum(len(gzip.compress(each)) for each in (*(file.read_bytes() for file in rest), phrases))
    assert loader < 2_048
    assert opened < 12_000


def test_every_phrase_of_the_web_chat_is_said() -> None:
    said = set(re.findall(r"\bwords\.(\w+)", (STATIC / "widget" / "chat.js").read_text()))
    assert said == set(list_chat_phrases())


def test_every_script_is_asked_for_at_once() -> None:
    source = (TEMPLATES / "inbox" / "page.html").read_text()
    named = set(re.findall(r"js/([\w.]+)'", source))
    assert {script.name for script in SCRIPTS} == named


@pytest.mark.parametrize("style", STYLES, ids=lambda path: path.name)
def test_styles_know_no_left_and_right(style: Path) -> None:
    source = re.sub(r"/\*.*?\*/", "", style.read_text(), flags=re.DOTALL)
    physical = (
        r"(?:^|[\s;{])((?:margin|padding|border)-(?:left|right|top|bottom)|left|right|text-align: (?:left|right))\s*:?"
    )
    assert re.findall(physical, source) == []
    assert len(source.splitlines()) < 400


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_templates_hold_no_inline_style_or_script(page: Path) -> None:
    source = page.read_text()
    assert not re.search(r"\sstyle=|\son\w+=|<style|<script(?! (?:type=\"module\" )?src)", source)
    get_template(str(page.relative_to(TEMPLATES)))


def test_scripts_import_in_a_way_that_can_be_hashed() -> None:
    """The static storage rewrites relative imports that end with a semicolon."""
    for script in (*SCRIPTS, *LATER):
        for statement in re.findall(r"^(?:import|export) .*? from .*$", script.read_text(), flags=re.MULTILINE):
            assert re.search(r'from "\.{1,2}/[\w./]+\.js";$', statement), (script.name, statement)


def test_the_sprite_holds_the_icons_that_are_used() -> None:
    drawn = {name for page in PAGES for name in re.findall(r'{% icon "([\w-]+)"', page.read_text())}
    drawn |= {name for script in (*SCRIPTS, *LATER) for name in re.findall(r'icon\("([\w-]+)"', script.read_text())}
    drawn |= set(CHANNEL_ICONS.values()) | {look for look, _ in STATUS_LOOKS.values()}
    assert drawn <= ICONS


def test_every_phrase_is_said_and_every_saying_is_a_phrase() -> None:
    source = "\n".join(script.read_text() for script in (*SCRIPTS, *LATER))
    phrases = set(list_phrases())
    said = set(re.findall(r'\bsay(?:Count)?\(\s*"(\w+)"', source))
    assert said <= phrases
    assert {name for name in phrases if f'"{name.removesuffix("_one")}"' not in source} <= {"write_reply", "write_note"}
