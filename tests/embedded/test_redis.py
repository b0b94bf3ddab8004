"""Redis as a child of ours."""

from pathlib import Path

import pytest
import redis

from oneview.embedded.redis import Redis, server_program
from tests.embedded.homes import make_home


def test_it_answers_on_its_socket_and_saves_nothing() -> None:
    with make_home() as home:
        with Redis(home) as server, redis.Redis.from_url(server.url) as client:
            assert client.set("a", "b")
            assert client.config_get("save") == {"save": ""}
        assert not (home / "dump.rdb").exists()
        assert server.ended


def test_it_uses_the_one_on_the_path_where_the_package_does_not_exist(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("oneview.embedded.redis.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="install redis-server"):
        server_program()
    program = tmp_path / "redis-server"
    program.touch(mode=0o755)
    assert server_program() == program
