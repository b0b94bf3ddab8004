"""What a file is, told by its first bytes. What a sender says of a file decides nothing that a browser would act on."""

from __future__ import annotations

import re

UNKNOWN_TYPE = "application/octet-stream"

# May be shown inside a page; anything else is offered as a download.
INLINE_TYPES = frozenset(
    {"image/jpeg", "image/png", "image/gif", "image/webp"}
    | {"audio/mpeg", "audio/mp4", "audio/aac", "audio/amr", "audio/ogg", "audio/wav", "audio/webm", "audio/flac"}
    | {"video/mp4", "video/webm", "video/3gpp", "video/quicktime", "video/ogg"}
)

# By signature: the types it stands for, the usual one first.
_SIGNATURES: tuple[tuple[re.Pattern[bytes], tuple[str, ...]], ...] = tuple(
    (re.compile(pattern, re.DOTALL), types)
    for pattern, types in (
        (rb"\xff\xd8\xff", ("image/jpeg",)),
        (rb"\x89PNG\r\n\x1a\n", ("image/png",)),
        (rb"GIF8[79]a", ("image/gif",)),
        (rb"RIFF....WEBP", ("image/webp",)),
        (rb"RIFF....WAVE", ("audio/wav",)),
        (rb"....ftyp(?:heic|heix|mif1|msf1)", ("image/heic", "image/heif")),
        (rb"....ftypavi[fs]", ("image/avif",)),
        (rb"....ftypM4[AB]", ("audio/mp4",)),
        (rb"....ftypqt", ("video/quicktime",)),
        (rb"....ftyp3g", ("video/3gpp", "audio/3gpp", "video/mp4", "audio/mp4")),
        (rb"....ftyp", ("video/mp4", "audio/mp4", "video/3gpp", "video/quicktime")),
        (rb"\x1aE\xdf\xa3", ("video/webm", "audio/webm")),
        (rb"OggS", ("audio/ogg", "video/ogg")),
        (rb"ID3|\xff[\xfb\xf3\xf2]", ("audio/mpeg",)),
        (rb"\xff[\xf1\xf9]", ("audio/aac",)),
        (rb"#!AMR", ("audio/amr",)),
        (rb"fLaC", ("audio/flac",)),
        (rb"%PDF-", ("application/pdf",)),
    )
)
# Kinds of files without a signature that no browser acts on.
_PASSIVE = re.compile(r"text/(?:plain|csv|vcard|calendar)|application/[a-z0-9.-]+")
_ACTIVE = re.compile(r"application/(?:xml|.*script|x-shockwave-flash|pdf)")


def sniff_type(content: bytes, *, declared: str) -> str:
    """A MIME type without parameters. `declared` chooses among the types that the bytes allow."""
    declared = declared.partition(";")[0].strip().lower()
    for signature, types in _SIGNATURES:
        if signature.match(content):
            return declared if declared in types else types[0]
    if _PASSIVE.fullmatch(declared) and not _ACTIVE.fullmatch(declared):
        return declared
    return UNKNOWN_TYPE


def kind_of(mime_type: str) -> str:
    """image, audio, video or file."""
    family = mime_type.partition("/")[0]
    return family if family in ("image", "audio", "video") else "file"
