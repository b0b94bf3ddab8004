"""A file is what its bytes say, and is called nothing that does harm."""

from __future__ import annotations

import pytest

from channels_ingest.media import clean_name
from channels_ingest.sniffing import INLINE_TYPES, UNKNOWN_TYPE, kind_of, sniff_type

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 50


@pytest.mark.parametrize(
    ("content", "declared", "expected"),
    [
        (PNG, "image/png", "image/png"),
        (PNG, "text/html", "image/png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", UNKNOWN_TYPE),
        (b"<html><script>", "image/png", UNKNOWN_TYPE),
        (b"<html><script>", "text/html; charset=utf-8", UNKNOWN_TYPE),
        (b"<?xml version='1.0'?>", "application/xml", UNKNOWN_TYPE),
        (b"<?xml version='1.0'?>", "application/xhtml+xml", UNKNOWN_TYPE),
        (b"alert(1)", "application/javascript", UNKNOWN_TYPE),
        (b"alert(1)", "application/x-javascript", UNKNOWN_TYPE),
        (b"GIF89a<script>", "image/gif", "image/gif"),
        (b"\0\0\0\x18ftypmp42", "audio/mp4", "audio/mp4"),
        (b"\0\0\0\x18ftypmp42", "image/png", "video/mp4"),
        (b"\0\0\0\x18ftypM4A ", "audio/x-m4a", "audio/mp4"),
        (b"OggS\0", "audio/ogg; codecs=opus", "audio/ogg"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp", "image/webp"),
        (b"PK\x03\x04", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", None),
        (b"a;b", "text/csv", "text/csv"),
        (b"MZ", "", UNKNOWN_TYPE),
        (b"", "image/png", UNKNOWN_TYPE),
        (b"%PDF", "application/pdf", UNKNOWN_TYPE),
    ],
)
def test_the_bytes_decide_what_a_file_is(content: bytes, declared: str, expected: str | None) -> None:
    assert sniff_type(content, declared=declared) == (expected or declared)


def test_nothing_that_a_browser_would_run_is_shown_inside_a_page() -> None:
    assert not any(kind_of(type) == "file" or "svg" in type for type in INLINE_TYPES)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\x00b\r\n.txt", "ab.txt"),
        ("\u202egpj.exe", "gpj.exe"),
        ("x" * 300, "x" * 255),
        ("", ""),
    ],
)
def test_names_are_made_harmless(given: str, shown: str) -> None:
    assert clean_name(given) == shown
