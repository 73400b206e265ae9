"""Makes a backup: two sealed files, of which one alone tells nothing.

NAME.backup   the state folder without keys, sealed with a key that is made for it
NAME.keys     that key and the state folder's keys, sealed with `[backup] key_file`, which the sunset destroys
"""

import secrets
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from alerts.reserve import is_out_of_room
from kakou.backup import manifest as manifests
from kakou.backup.archive import ArchiveWriter, OnBytes, writing
from kakou.backup.content import OUTBOX, REDIS, STAGE, database_copied, files_of, is_database, keys_of, redis_linked
from kakou.backup.errors import BackupError, NoRoomError
from kakou.backup.manifest import Manifest
from kakou.backup.room import require_room
from kakou.backup.sealed import Header, derived_key, key_check
from kakou.state_format import FORMAT
from riskdb.system_words import system_words
from riskdb.whole_file import PRIVATE, whole_file

BACKUP_SUFFIX, KEYS_SUFFIX = ".backup", ".keys"
DATA_KEY = "data.key"
"""The key of the other file, among the keys."""
_SALT_BYTES, _DATA_KEY_BYTES = 16, 32


@dataclass(frozen=True, slots=True)
class Made:
    """The two files, and what is in them."""

    backup: Path
    keys: Path
    manifest: Manifest


@dataclass(slots=True)
class Backup:
    """One that is to be made."""

    state_dir: Path
    to: Path
    keys_to: Path
    secret: bytes
    """What `[backup] key_file` holds."""
    ends_at: datetime | None
    now: datetime
    state_format: int = FORMAT
    names: list[str] = field(init=False)
    about_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.names = files_of(self.state_dir)
        self.about_bytes = sum(_size(self.state_dir / name) for name in self.names)

    def make(self, on_bytes: OnBytes) -> Made:
        """Make it; on an error nothing of it is left. Raises BackupError, OSError."""
        keys = {name: (self.state_dir / name).read_bytes() for name in keys_of(self.state_dir)}
        name = f"kakou-{self.now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
        backup, kept_keys = self.to / (name + BACKUP_SUFFIX), self.keys_to / (name + KEYS_SUFFIX)
        data_key = secrets.token_bytes(_DATA_KEY_BYTES)
        header = self._header("state", "", data_key)
        with (
            _stage(self.state_dir) as stage,
            whole_file(kept_keys, mode=PRIVATE, is_durable=True) as partial_keys,
            whole_file(backup, mode=PRIVATE, is_durable=True) as partial,
        ):
            with partial.open("wb") as file, writing(file, header, data_key, on_bytes) as archive:
                made = self._fill(archive, stage, header.backup_id)
            self._write_keys(partial_keys, header.backup_id, keys | {DATA_KEY: data_key})
            if keys != {name: (self.state_dir / name).read_bytes() for name in keys_of(self.state_dir)}:
                raise BackupError(
                    "备份期间密钥有变动（更换或新建），这份备份的密钥与数据不配；请再执行一次 kakou backup"
                )
        return Made(backup, kept_keys, made)

    def _fill(self, archive: ArchiveWriter, stage: Path, backup_id: str) -> Manifest:
        left_out: list[str] = []
        for name in self._in_order(stage):
            try:
                if is_database(name):
                    with database_copied(self.state_dir / name, stage) as (copy, rows), copy.open("rb") as file:
                        archive.add(name, file, rows)
                    continue
                with ((stage if _is_redis(name) else self.state_dir) / name).open("rb") as file:
                    is_whole = archive.add(name, file)
                left_out += [] if is_whole else [f"{name}：备份时变短了"]
            except FileNotFoundError:
                continue  # a passage that was just checked, a picture whose time was over
            except (PermissionError, sqlite3.Error) as error:
                if isinstance(error, sqlite3.Error) and is_out_of_room(error):
                    raise NoRoomError(f"{self.state_dir} 没有空间放 {name} 的临时副本；请清出空间") from error
                left_out.append(f"{name}：{system_words(error)}")
        made = Manifest(
            backup_id=backup_id, state_format=self.state_format, files=tuple(archive.kept), left_out=tuple(left_out)
        )
        archive.add_bytes(manifests.NAME, made.model_dump_json().encode())
        return made

    def _in_order(self, stage: Path) -> Iterator[str]:
        """Yield the names; the folders are looked at again once the databases are copied, for what these name."""
        databases = sorted((name for name in self.names if is_database(name)), key=lambda name: name != OUTBOX)
        yield from databases[:1]
        if (self.state_dir / REDIS).is_dir():
            yield from redis_linked(self.state_dir / REDIS, stage)
        yield from databases[1:]
        yield from (name for name in files_of(self.state_dir) if not is_database(name) and not _is_redis(name))

    def _write_keys(self, path: Path, backup_id: str, keys: dict[str, bytes]) -> None:
        salt = secrets.token_hex(_SALT_BYTES)
        wrapping = derived_key(self.secret, salt)
        header = self._header("keys", salt, wrapping).model_copy(update={"backup_id": backup_id})
        with path.open("wb") as file, writing(file, header, wrapping, lambda _: None) as archive:
            for name, content in keys.items():
                archive.add_bytes(name, content)

    def _header(self, kind: str, salt: str, key: bytes) -> Header:
        return Header(
            kind=kind,
            backup_id=uuid4().hex,
            created_at=self.now,
            written_by=version("kakou"),
            state_format=self.state_format,
            ends_at=self.ends_at,
            about_bytes=self.about_bytes,
            salt=salt,
            key_check=key_check(key),
        )

    def require_room(self) -> None:
        """Raises NoRoomError where it does not fit, before anything is written."""
        largest = max((_size(self.state_dir / name) for name in self.names if is_database(name)), default=0)
        needs = {self.to: self.about_bytes, self.state_dir: largest}
        if self.to.stat().st_dev == self.state_dir.stat().st_dev:
            needs = {self.to: self.about_bytes + largest}
        for folder, needed in needs.items():
            require_room(folder, needed)


@contextmanager
def _stage(state_dir: Path) -> Iterator[Path]:
    stage = state_dir / STAGE
    shutil.rmtree(stage, ignore_errors=True)  # of one that was cut short
    stage.mkdir(mode=0o700)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _is_redis(name: str) -> bool:
    return name.startswith(f"{REDIS}/")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
