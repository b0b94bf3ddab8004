"""What `up` leaves in VAR_DIR."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from oneview.embedded import running
from oneview.embedded.running import Running

STATE = Running(
    url="http://127.0.0.1:8000",
    sandbox_url=None,
    database_url="postgres://oneview_app@/oneview?host=/run",
    redis_url="unix:///run/redis.sock?db=0",
    pids={"up": os.getpid()},
    environment={"DEMO": "0"},
)


def test_others_find_a_running_installation(tmp_path: Path) -> None:
    running.write(STATE, tmp_path)
    assert running.read(tmp_path) == STATE
    running.remove(tmp_path)
    assert running.read(tmp_path) is None


def test_the_file_of_a_killed_installation_does_not_count(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    running.write(replace(STATE, pids={"up": ended.pid}), tmp_path)
    assert running.read(tmp_path) is None


def test_only_the_owner_reads_state_and_keys(tmp_path: Path) -> None:
    running.write(STATE, tmp_path)
    running.make_keys(tmp_path)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_keys_are_made_once_and_encrypt(tmp_path: Path) -> None:
    running.make_keys(tmp_path)
    keys = running.read_keys(tmp_path)
    running.make_keys(tmp_path)
    assert running.read_keys(tmp_path) == keys
    assert len(keys["SECRET_KEY"]) >= 50
    Fernet(keys["ENCRYPTION_KEYS"])


def test_another_process_adopts_the_environment(tmp_path: Path) -> None:
    running.write(STATE, tmp_path)
    running.make_keys(tmp_path)
    program = "import json; from oneview.embedded import running; print(json.dumps(running.environment()))"
    environment = {**os.environ, "VAR_DIR": str(tmp_path)}
    answer = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
    assert json.loads(answer.stdout) == {"DEMO": "0", **running.read_keys(tmp_path)}


def test_one_at_a_time_owns_the_folder(tmp_path: Path) -> None:
    running.write(replace(STATE, pids={"up": os.getppid()}), tmp_path)
    with running.claim(tmp_path):
        assert running.read(tmp_path) is None, "what a killed one left is gone"
        running.write(STATE, tmp_path)
        with pytest.raises(RuntimeError, match=STATE.url), running.claim(tmp_path):
            pass
        assert running.read(tmp_path) == STATE
    assert running.read(tmp_path) is None
    with running.claim(tmp_path):
        pass
