"""Folders for servers of a test's own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def make_home() -> Iterator[Path]:
    """A folder that another user may pass through: as root, PostgreSQL runs as `nobody`."""
    with tempfile.TemporaryDirectory(prefix="oneview-test-") as path:
        Path(path).chmod(0o711)
        yield Path(path)
