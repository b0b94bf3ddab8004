"""Messenger's names of reactions. Webhooks bring the emoji too, sending goes by name."""

from __future__ import annotations

EMOJIS = {
    "love": "❤️",
    "smile": "😆",
    "wow": "😮",
    "sad": "😢",
    "angry": "😠",
    "like": "👍",
    "dislike": "👎",
}
NAMES = {
    **{emoji: name for name, emoji in EMOJIS.items()},
    "❤": "love",
    "😂": "smile",
    "😡": "angry",
}
