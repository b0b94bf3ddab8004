"""Static files as production serves them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from oneview.bootstrap import ROOT

IMPORT = re.compile(r"""(?:from|import)\s*\(?\s*["'](\./[^"']+)["']""")


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("var")
    environment = {**os.environ, "VAR_DIR": str(directory), "STATICFILES": "collected"}
    ignored = ("--ignore", "htmx4*", "--ignore", "drf_spectacular_sidecar")  # large, and nothing of ours
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0", *ignored]
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    return directory / "static"


def test_every_file_of_ours_gets_a_hashed_name_and_a_compressed_copy(collected: Path) -> None:
    names = json.loads((collected / "staticfiles.json").read_text())["paths"]
    ours = [file.relative_to(ROOT / "static") for file in (ROOT / "static").rglob("*.??*") if file.is_file()]
    assert ours
    for file in ours:
        hashed = collected / names[str(file)]
        assert hashed.exists()
        if file.suffix in (".js", ".css") and hashed.stat().st_size > 1000:
            assert hashed.with_name(hashed.name + ".br").exists()


def test_our_modules_import_each_other_by_hashed_names(collected: Path) -> None:
    names = json.loads((collected / "staticfiles.json").read_text())["paths"]
    imports = [
        (module, path)
        for module in (ROOT / "static" / "js").glob("*.js")
        for path in IMPORT.findall((collected / names[f"js/{module.name}"]).read_text())
    ]
    assert imports
    for module, path in imports:
        assert re.search(r"\.[0-9a-f]{12}\.js$", path), f"{module.name} imports {path} by its plain name"
