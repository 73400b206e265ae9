"""Destroys what the state folder and its Redis hold: keys first, so that whatever is left of the rest is unreadable."""

import contextlib
import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import redis
from pydantic import AwareDatetime, BaseModel, ConfigDict

from kakou.settings import Settings
from riskdb.system_words import system_words
from riskdb.whole_file import make_durable

_CHUNK = 2**20
_SCAN_COUNT = 1000
FAILED = "未能销毁"
"""So begins the note of what is still there."""
_REDIS_KEYS = ("risk:*", "events:*", "box:status:*", "notices:*", "canary:*")
"""Every key of ours; the lanes are published and stored nowhere."""


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of thing, in the order in which it goes."""

    name: str
    patterns: tuple[str, ...]
    """Paths below the state folder."""
    count_query: str = ""
    """What is counted in the SQLite file among them."""


TARGETS = (
    Target("密钥", ("plate.key*", "spool.key*", "reads.key*", "console.key*", "booth.key", "backup.key*")),
    Target("名单（Redis）", ("redis",)),
    Target("行程记录", ("risk.*", "replay"), "SELECT count(*) FROM visit"),
    Target("发件箱", ("outbox.*",), "SELECT count(*) FROM event"),
    Target("照片", ("evidence", "pictures", "photos")),
    Target("未核对缓存", ("spool", "spool.*")),
    Target("相机上报", ("reads",)),
    Target("事件单与账号", ("console.*", "imports"), "SELECT count(*) FROM cases"),
    Target("卡口岗设备", ("booth.*",)),
    Target("备份与放回的中间文件", ("backup.part", "restore.part")),
    Target("过车计数", ("counters.*", "run", "state.json")),
)
KEPT = ("sunset.json", "destruction", "clock.json", "audit.anchors")
"""What stays in the state folder: it tells of nobody. Lock files stay, too."""


class Destroyed(BaseModel):
    """What was there of one kind, and that it is gone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    files: int
    size_bytes: int
    rows: int | None
    """Rows or keys; None where they were not counted."""
    sha256: str
    """Of the SHA-256 of each file, in the order of their paths; "" where there was none."""
    destroyed_at: AwareDatetime | None
    """None: not destroyed, the note says why."""
    note: str = ""


def survey(settings: Settings, target: Target) -> Destroyed:
    """Return what there is of one kind; changes nothing."""
    paths = list(_paths(settings, target))
    digest, size = hashlib.sha256(), 0
    for path in paths:
        with contextlib.suppress(OSError):  # gone meanwhile
            digest.update(_sha256(path))
            size += path.stat().st_size
    return Destroyed(
        name=target.name, files=len(paths), size_bytes=size, rows=_rows(paths, target.count_query),
        sha256=digest.hexdigest() if paths else "", destroyed_at=None,
    )  # fmt: skip


def destroy(settings: Settings, target: Target, now: datetime) -> Destroyed:
    """Destroy one kind; what cannot be destroyed is in the note, and the others go all the same."""
    found = survey(settings, target)
    problems = []
    for path in _paths(settings, target):
        try:
            if target is TARGETS[0]:
                _overwrite(path)
            path.unlink(missing_ok=True)
        except OSError as error:
            problems.append(f"{path.name}：{system_words(error)}")
    for folder in _folders(settings.state_dir, target.patterns):
        shutil.rmtree(folder, ignore_errors=True)
    if settings.state_dir.is_dir():
        make_durable(settings.state_dir)
    left = [path.name for path in _paths(settings, target)]
    problems += [f"仍在: {name}" for name in left]
    return found.model_copy(update={"destroyed_at": None if left else now, "note": "；".join(problems)})


def survey_redis(settings: Settings, *, is_ours: bool) -> list[Destroyed]:
    """Return what each Redis that is not embedded holds of ours."""
    return [_with_redis(name, url, _keys, is_ours=is_ours) for name, url in _servers(settings)]


def destroy_redis(settings: Settings, now: datetime) -> list[Destroyed]:
    """Delete our keys of each Redis that is not embedded; for the list's or the console's home."""

    def delete(client: "redis.Redis") -> list[bytes]:
        keys = _keys(client)
        for start in range(0, len(keys), _SCAN_COUNT):
            client.unlink(*keys[start : start + _SCAN_COUNT])
        with contextlib.suppress(redis.ResponseError):  # one is under way, or we may not ask for it
            client.bgrewriteaof()
        return keys

    done = [_with_redis(name, url, delete, is_ours=True) for name, url in _servers(settings)]
    return [found if found.note else found.model_copy(update={"destroyed_at": now}) for found in done]


def is_home(settings: Settings) -> bool:
    """Whether what the configured Redis holds belongs to this state folder, and not to a centre elsewhere."""
    return any((settings.state_dir / name).exists() for name in ("risk.sqlite", "console.sqlite", "console.key"))


def untouched(settings: Settings) -> list[str]:
    """Return what else lies in the state folder: not ours by name, so it is named and not deleted."""
    known = {path for target in TARGETS for pattern in target.patterns for path in settings.state_dir.glob(pattern)}
    return sorted(
        path.name
        for path in (settings.state_dir.iterdir() if settings.state_dir.is_dir() else ())
        if path not in known and path.name not in KEPT and path.suffix != ".lock"
    )


def _servers(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.redis_url is not None:
        yield "名单与事件流（Redis）", settings.redis_url
    if settings.risk.list_url is not None:
        yield "名单（list_url 的 Redis）", settings.risk.list_url


def _with_redis(name: str, url: str, work: Callable[["redis.Redis"], list[bytes]], *, is_ours: bool) -> Destroyed:
    found = Destroyed(name=name, files=0, size_bytes=0, rows=None, sha256="", destroyed_at=None)
    if not is_ours:
        return found.model_copy(update={"note": "属于中心，由中心的日落销毁"})
    try:
        with redis.Redis.from_url(url, socket_timeout=30, socket_connect_timeout=5) as client:
            keys = work(client)
    except redis.RedisError as error:
        return found.model_copy(
            update={
                "note": f"{FAILED}，待 Redis 恢复后再执行 kakou sunset --now，或在其主机上清空：{type(error).__name__}"
            }
        )
    digest = hashlib.sha256(b"\n".join(sorted(keys))).hexdigest() if keys else ""
    return found.model_copy(update={"rows": len(keys), "sha256": digest})


def _keys(client: "redis.Redis") -> list[bytes]:
    return sorted({key for pattern in _REDIS_KEYS for key in client.scan_iter(pattern, count=_SCAN_COUNT)})


def _paths(settings: Settings, target: Target) -> Iterator[Path]:
    yield from _files(settings.state_dir, target.patterns)
    key_file = settings.backup.key_file
    is_inside = key_file is not None and key_file.resolve().is_relative_to(settings.state_dir.resolve())
    if target is TARGETS[0] and key_file is not None and not is_inside and key_file.exists():
        yield key_file


def _files(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if path.is_dir() and not path.is_symlink():
                yield from sorted(inner for inner in path.rglob("*") if inner.is_symlink() or not inner.is_dir())
            else:
                yield path


def _folders(folder: Path, patterns: tuple[str, ...]) -> list[Path]:
    return [path for pattern in patterns for path in folder.glob(pattern) if path.is_dir() and not path.is_symlink()]


def _overwrite(path: Path) -> None:
    """A key's blocks are written over before its name goes. On flash this promises nothing; the name's end does."""
    if not path.is_file() or path.is_symlink():
        return
    with path.open("r+b", buffering=0) as file:
        file.write(os.urandom(max(1, path.stat().st_size)))
        os.fsync(file.fileno())


def _sha256(path: Path) -> bytes:
    digest = hashlib.sha256()
    if path.is_file() and not path.is_symlink():
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.digest()


def _rows(paths: list[Path], query: str) -> int | None:
    database = next((path for path in paths if path.suffix == ".sqlite"), None)
    if not query or database is None:
        return None
    try:
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)) as connection:
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.Error:
        return None
