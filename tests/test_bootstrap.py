"""`manage.py` on a machine that has Python and nothing else. The install itself is what runs this very test."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from oneview import bootstrap

BASE_PYTHON = Path(sys.base_prefix) / "bin" / "python3"
WITHOUT_ENSUREPIP = """
import sys
from importlib import util
real = util.find_spec
util.find_spec = lambda name: None if name == "ensurepip" else real(name)
sys.argv = ["manage.py", "up"]
import manage
manage.main()
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone before its first command; its locked sets are empty."""
    (tmp_path / "oneview").mkdir()
    for name in ("manage.py", "oneview/__init__.py", "oneview/bootstrap.py"):
        shutil.copy(bootstrap.ROOT / name, tmp_path / name)
    (tmp_path / "requirements").mkdir()
    for name in bootstrap.INCLUDES:
        (tmp_path / "requirements" / f"{name}.txt").touch()
    return tmp_path


def run(clone: Path, program: str) -> subprocess.CompletedProcess[str]:
    command = [str(BASE_PYTHON), "-I", "-c", f"import sys; sys.path.insert(0, {str(clone)!r})\n{program}"]
    return subprocess.run(command, cwd=clone, capture_output=True, text=True, check=False, timeout=120)


def install(clone: Path, locked_set: str) -> str:
    result = run(clone, f"from oneview import bootstrap; bootstrap.install({locked_set!r})")
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_it_installs_once_and_goes_on_inside(clone: Path) -> None:
    assert "Installed" in install(clone, "base")
    assert install(clone, "base") == ""

    arguments = ["-c", "import sys; print(sys.prefix)"]
    inside = run(clone, f"from oneview import bootstrap; sys.argv = {arguments}; bootstrap.reenter()")
    assert inside.stdout.strip() == str(clone / ".venv")

    (clone / "requirements" / "base.txt").write_text("# changed\n")
    assert "Installed" in install(clone, "base")


def test_an_environment_behind_a_link_is_entered_once(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    install(clone, "base")
    shared = (clone / ".venv").rename(tmp_path_factory.mktemp("shared") / "venv")
    (clone / ".venv").symlink_to(shared)
    program = "from oneview import bootstrap; bootstrap.reenter(); print('inside')"
    inside = subprocess.run(
        [clone / ".venv" / "bin" / "python", "-c", program], cwd=clone, capture_output=True, text=True, check=False
    )
    assert (inside.stdout, inside.stderr) == ("inside\n", "")


def test_an_environment_whose_python_is_gone_is_made_anew(clone: Path) -> None:
    install(clone, "dev")
    assert install(clone, "base") == "", "the set for tests holds the set for running"
    for python in (clone / ".venv" / "bin").glob("python*"):
        python.unlink()
    assert "Installed" in install(clone, "base")


def test_without_ensurepip_it_names_the_one_package_to_install(clone: Path) -> None:
    result = run(clone, WITHOUT_ENSUREPIP)
    assert result.returncode == 1
    assert f"apt install python3.{sys.version_info.minor}-venv" in result.stderr
    assert not (clone / ".venv").exists()
