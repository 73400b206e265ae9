"""The embedded Redis: real, private, and gone with its owner."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import redis

from kakou.wiring.embedded_redis import RedisUnavailableError, embedded_redis, find_redis_server
from tests.alerts_kit import wait_until

OWNER = """
import sys
from pathlib import Path
from kakou.wiring.embedded_redis import embedded_redis
with embedded_redis(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def started_owner(folder: Path) -> tuple["subprocess.Popen[str]", str]:
    """Return a process that owns the folder's server, and its address."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )
    assert owner.stdout is not None
    return owner, owner.stdout.readline().strip()


def test_what_was_written_is_there_after_a_restart(tmp_path: Path):
    with embedded_redis(tmp_path) as url, redis.Redis.from_url(url) as client:
        client.set("key", "value")
    with embedded_redis(tmp_path) as url, redis.Redis.from_url(url) as client:
        assert client.get("key") == b"value"


def test_nobody_else_can_open_the_socket_and_no_port_listens(tmp_path: Path):
    with embedded_redis(tmp_path) as url:
        socket = Path(url.removeprefix("unix://"))
        assert socket.parent.stat().st_mode & 0o077 == 0
        with redis.Redis.from_url(url) as client:
            assert client.config_get("port") == {"port": "0"}
            assert client.config_get("appendonly") == {"appendonly": "yes"}
    assert not socket.parent.exists()


def test_a_second_user_of_the_folder_joins_the_running_server(tmp_path: Path):
    with embedded_redis(tmp_path) as first, embedded_redis(tmp_path) as second:
        assert first == second


@pytest.mark.skipif(sys.platform != "linux", reason="the parent-death signal is Linux's")
def test_the_server_dies_with_a_killed_owner(tmp_path: Path):
    owner, url = started_owner(tmp_path)
    with redis.Redis.from_url(url) as client:
        server = psutil.Process(client.info("server")["process_id"])
    owner.send_signal(signal.SIGKILL)
    owner.communicate()
    server.wait(timeout=10)
    assert not server.is_running()


def test_who_joined_goes_on_at_the_same_address_when_the_owner_ends(tmp_path: Path):
    owner, url = started_owner(tmp_path)
    with embedded_redis(tmp_path) as joined, embedded_redis(tmp_path) as third, redis.Redis.from_url(joined) as client:
        assert joined == third == url
        client.set("key", "value")
        owner.send_signal(signal.SIGKILL)
        owner.communicate()

        def goes_on() -> bool:
            with contextlib.suppress(redis.ConnectionError):
                return client.get("key") == b"value" and (tmp_path / "socket").exists()
            return False

        wait_until(goes_on, what="a new server with the same data")
        with embedded_redis(tmp_path) as fourth:
            assert fourth == url
    assert not Path(url.removeprefix("unix://")).exists()


def test_an_address_that_a_killed_owner_left_is_not_handed_out(tmp_path: Path):
    (tmp_path / "socket").write_text("/nowhere/redis.sock")
    with embedded_redis(tmp_path) as url, redis.Redis.from_url(url) as client:
        assert client.ping()
        assert (tmp_path / "socket").read_text() in url


def test_without_any_server_the_error_names_the_install_command():
    with pytest.raises(RedisUnavailableError, match="apt-get install redis-server"):
        find_redis_server([])


def test_what_is_no_server_is_named_among_what_was_tried():
    with pytest.raises(RedisUnavailableError, match=r"/bin/true（版本 不明，需要 6.2 以上）"):
        find_redis_server([Path("/bin/true")])


def test_data_that_a_newer_server_has_written_are_refused_and_left_as_they_are(tmp_path: Path):
    with embedded_redis(tmp_path) as url, redis.Redis.from_url(url) as client:
        client.set("key", "value")
        client.bgrewriteaof()
        wait_until(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
    (base,) = [path for path in tmp_path.rglob("*") if path.is_file() and path.read_bytes()[:5] == b"REDIS"]
    written = base.read_bytes()
    base.write_bytes(b"REDIS0099" + written[9:])
    with pytest.raises(RedisUnavailableError, match="较新的 Redis 或 Valkey"), embedded_redis(tmp_path):
        pass
    assert base.read_bytes() == b"REDIS0099" + written[9:]
    base.write_bytes(written)
    with embedded_redis(tmp_path) as url, redis.Redis.from_url(url) as client:
        assert client.get("key") == b"value"
