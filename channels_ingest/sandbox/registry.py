"""Finds the providers: every module of `providers/` that defines `PROVIDER`."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from channels_ingest.sandbox import providers
from channels_ingest.sandbox.base import Provider


@cache
def load_providers() -> dict[str, Provider]:
    """All providers by kind."""
    modules = (
        importlib.import_module(f"{providers.__name__}.{module.name}")
        for module in pkgutil.iter_modules(providers.__path__)
    )
    return {module.PROVIDER.kind: module.PROVIDER for module in modules}
