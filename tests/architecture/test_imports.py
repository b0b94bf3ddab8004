"""Who may import whom."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

from channels_ingest import channels
from oneview.bootstrap import ROOT

PURE = [
    "channels_ingest.base",
    "channels_ingest.events",
    "channels_ingest.payload",
    "channels_ingest.registry",
    "channels_ingest.signing",
    *(f"channels_ingest.channels.{module.name}" for module in pkgutil.iter_modules(channels.__path__)),
    "identity.interchange",
    "identity.normalise",
    "identity.resolver",
    "identity.rules",
]

BARRED = "import sys; sys.modules.update({name: None for name in ('django', 'rest_framework', 'celery', 'channels')});"


def test_the_contracts_of_import_linter_hold() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("module", PURE)
def test_channels_and_rules_run_without_django(module: str) -> None:
    """Import-linter does not see imports by name."""
    program = f"{BARRED} import {module}"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
