"""Search tokens: one function for what is stored and what is asked."""

from __future__ import annotations

import re
import unicodedata

MAX_TOKENS = 400
MAX_TOKEN = 40
_WORD = re.compile(r"[^\W_]+")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")


def tokenise(text: str) -> list[str]:
    """Words of a text: case and accents folded, scripts without spaces (CJK, Thai) as pairs of characters. In order,
    each once.
    """
    folded = "".join(char for char in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(char))
    folded = unicodedata.normalize("NFKC", folded)
    tokens: dict[str, None] = {}
    for word in _WORD.findall(folded):
        for token in _split(word):
            tokens[token[:MAX_TOKEN]] = None
            if len(tokens) == MAX_TOKENS:
                return list(tokens)
    return list(tokens)


def _split(word: str) -> list[str]:
    tokens: list[str] = []
    position = 0
    for run in _UNSPACED.finditer(word):
        if run.start() > position:
            tokens.append(word[position : run.start()])
        characters = run.group()
        tokens.extend([characters[i : i + 2] for i in range(len(characters) - 1)] or [characters])
        position = run.end()
    if position < len(word):
        tokens.append(word[position:])
    return tokens


def defuse_cell(value: str) -> str:
    """A text for a spreadsheet, which takes some first signs for a formula.

    https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{value}" if value.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else value
