"""Finds the channels: every module of `channels/` that defines `CHANNEL`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from channels_ingest import channels
from channels_ingest.base import ChannelAdapter


@cache
def load_channels() -> dict[str, ChannelAdapter]:
    """All adapters by kind."""
    modules = (
        importlib.import_module(f"{channels.__name__}.{module.name}")
        for module in pkgutil.iter_modules(channels.__path__)
    )
    adapters = [module.CHANNEL for module in modules if hasattr(module, "CHANNEL")]
    return {adapter.kind: adapter for adapter in adapters}


def get_channel(kind: str) -> ChannelAdapter:
    """Raises KeyError for a kind that has no file."""
    return load_channels()[kind]
