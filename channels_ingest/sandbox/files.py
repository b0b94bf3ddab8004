"""Files that customers send, drawn and hummed here."""

from __future__ import annotations

import hashlib
import math
import struct
import zlib


def draw_image(shade: int, size: int = 240) -> bytes:
    """A PNG with a colour that runs across."""
    rows = b"".join(
        b"\0" + b"".join(bytes((x * 255 // size, y * 255 // size, 90 * shade % 256)) for x in range(size))
        for y in range(size)
    )
    header = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


def hum(seconds: float = 1.0, rate: int = 8000) -> bytes:
    """A WAV with one low tone."""
    samples = bytes(int(128 + 60 * math.sin(2 * math.pi * 220 * n / rate)) for n in range(int(seconds * rate)))
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate, 1, 8)
    data = form + struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI4s", b"RIFF", 4 + len(data), b"WAVE") + data


PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj "
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


def hash_file(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
