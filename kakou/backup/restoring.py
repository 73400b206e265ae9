"""Puts a backup back: all of it is unpacked aside and held against the manifest before anything is in its place."""

import contextlib
import hashlib
import hmac
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from kakou.backup import manifest as manifests
from kakou.backup.archive import OnBytes, take_members
from kakou.backup.content import OWN_KEY
from kakou.backup.errors import BackupDamagedError, BackupError
from kakou.backup.making import BACKUP_SUFFIX, DATA_KEY, KEYS_SUFFIX
from kakou.backup.manifest import Kept, Manifest
from kakou.backup.room import require_room
from kakou.backup.sealed import PIECE_BYTES, Header, derived_key, key_check, read_header
from kakou.state_format import FORMAT, RESTORING, StateFolderError, held
from kakou.sunset.state import REPORTS_FOLDER, SunsetError
from riskdb.system_words import system_words
from riskdb.whole_file import make_durable

_IN_USE = "{folder} 有 kakou 进程在运行：先停止（systemctl stop kakou-run 等），再放回。什么也没有改动"


@dataclass(frozen=True, slots=True)
class Opened:
    """A backup whose header and keys have been read."""

    path: Path
    header: Header
    keys: dict[str, bytes]

    @property
    def data_key(self) -> bytes:
        return self.keys[DATA_KEY]


def open_backup(path: Path, keys_path: Path | None, secret: bytes, now: datetime) -> Opened:
    """Read what tells whether a backup may be put back at all. Raises BackupError, SunsetError, OSError."""
    header = _header_of(path, "state")
    _require_ours(header, path, now)
    keys_path = keys_path or path.with_suffix(KEYS_SUFFIX)
    if not keys_path.exists():
        raise BackupError(f"没有 {keys_path}：同名的 {KEYS_SUFFIX} 文件放在别处的，用 --keys 写明")
    keys_header = _header_of(keys_path, "keys")
    if keys_header.backup_id != header.backup_id:
        raise BackupError(f"{keys_path} 属于另一份备份，不是 {path.name} 的")
    wrapping = derived_key(secret, keys_header.salt)
    if not hmac.compare_digest(key_check(wrapping), keys_header.key_check):
        raise BackupError(
            f"密钥不对：{keys_path} 不是用这个 backup.key（或口令）封的；请用 --key-file 写明当时的那一个"
        )
    return Opened(path, header, _keys_in(keys_path, wrapping))


def verify(opened: Opened, on_bytes: OnBytes, into: Path | None = None) -> Manifest:
    """Read all of a backup, hold every file against its hash, and unpack it `into` a folder where one is given.

    Raises BackupDamagedError, which names the file, OSError.
    """
    found: dict[str, Kept] = {}
    listed: list[bytes] = []

    def take(name: str, content: IO[bytes]) -> None:
        if name == manifests.NAME:
            listed.append(content.read())
        else:
            found[name] = _unpacked(name, content, into, on_bytes)

    with opened.path.open("rb") as file, _naming(opened.path):
        _, seen = read_header(file)
        take_members(file, seen, opened.data_key, take)
        return _as_listed(found, listed)


def restore(opened: Opened, state_dir: Path, own_secret: bytes | None, on_bytes: OnBytes) -> Manifest:
    """Put a backup into a folder that is empty; on an error it is empty again. Raises BackupError, OSError.

    `own_secret`: what becomes `backup.key`, so that later backups open with the same copy; None keeps none there.
    """
    is_new = not state_dir.exists()
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        with held(state_dir / "sunset.lock", _IN_USE.format(folder=state_dir)):  # each at work holds it, too
            _require_empty(state_dir)
            require_room(state_dir, opened.header.about_bytes)
            return _put_in_place(opened, state_dir, own_secret, on_bytes)
    except BaseException:
        if is_new:
            shutil.rmtree(state_dir, ignore_errors=True)
        raise


def _put_in_place(opened: Opened, state_dir: Path, own_secret: bytes | None, on_bytes: OnBytes) -> Manifest:
    aside = state_dir / RESTORING
    try:
        aside.mkdir(mode=0o700)
        manifest = verify(opened, on_bytes, aside)
        for name, content in _kept_keys(opened, own_secret).items():
            _write(aside / name, content)
        _make_all_durable(aside)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    for path in sorted(aside.iterdir()):
        path.rename(state_dir / path.name)
    aside.rmdir()  # the last step: while it is there, no command works on the folder
    make_durable(state_dir)
    return manifest


def _header_of(path: Path, kind: str) -> Header:
    try:
        with _naming(path), path.open("rb") as file:
            header, _ = read_header(file)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise BackupError(f"备份 {path} 读不出（{system_words(error)}）：写明 {BACKUP_SUFFIX} 文件的路径") from error
    if header.kind != kind:
        raise BackupError(f"{path} 不是 {BACKUP_SUFFIX if kind == 'state' else KEYS_SUFFIX} 文件：两个文件是否写反了？")
    return header


def _require_ours(header: Header, path: Path, now: datetime) -> None:
    if header.state_format > FORMAT:
        raise StateFolderError(
            f"{path} 由更新的版本（{header.written_by}，格式 {header.state_format}）写成，本版本只认到格式 {FORMAT}；"
            "请用该版本放回。什么也没有改动"
        )
    if header.ends_at is not None and now >= header.ends_at:
        raise SunsetError(
            f"{path} 的授权期已于 {header.ends_at.astimezone():%Y-%m-%d %H:%M} 到期（日落）：不得放回。"
            "其后延过期的，用延期后所做的备份"
        )


def _keys_in(path: Path, wrapping: bytes) -> dict[str, bytes]:
    with _naming(path), path.open("rb") as file:
        _, seen = read_header(file)
        keys: dict[str, bytes] = {}
        take_members(file, seen, wrapping, lambda name, content: keys.update({name: content.read()}))
        if DATA_KEY not in keys:
            raise BackupDamagedError(f"没有 {DATA_KEY}")
        return keys


def _kept_keys(opened: Opened, own_secret: bytes | None) -> dict[str, bytes]:
    keys = {name: content for name, content in opened.keys.items() if name != DATA_KEY}
    return keys | ({OWN_KEY: own_secret} if own_secret else {})


def _unpacked(name: str, content: IO[bytes], into: Path | None, on_bytes: OnBytes) -> Kept:
    digest, size = hashlib.sha256(), 0
    with _made(into / name) if into else contextlib.nullcontext() as file:
        while piece := content.read(PIECE_BYTES):
            digest.update(piece)
            size += len(piece)
            on_bytes(len(piece))
            if file:
                file.write(piece)
    return Kept(path=name, size=size, sha256=digest.hexdigest())


def _made(path: Path) -> IO[bytes]:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _write(path: Path, content: bytes) -> None:
    with _made(path) as file:
        file.write(content)


def _as_listed(found: dict[str, Kept], listed: list[bytes]) -> Manifest:
    """Return the manifest, once every file is there as it says, and no other."""
    if not listed:
        raise BackupDamagedError("没有清单（manifest），不完整")
    try:
        manifest = Manifest.model_validate_json(listed[0])
    except ValidationError as error:
        raise BackupError("清单由更新的版本写成，本版本读不出；请用写它的版本放回") from error
    for kept in manifest.files:
        if found.pop(kept.path, None) != kept.model_copy(update={"rows": None}):
            raise BackupDamagedError(f"{kept.path} 与清单不符")
    if found:
        raise BackupDamagedError(f"有清单外的文件：{min(found)}")
    return manifest


def _make_all_durable(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        make_durable(path)


def _require_empty(state_dir: Path) -> None:
    if (state_dir / REPORTS_FOLDER).exists():
        raise SunsetError(
            f"{state_dir} 的数据已按日落规定销毁，备份不得放回；重新启用须 kakou sunset --authorise，从空的名单开始"
        )
    left = sorted(path.name for path in state_dir.iterdir() if path.suffix != ".lock")
    if left:
        raise StateFolderError(
            f"{state_dir} 不是空的（{'、'.join(left[:5])}）：备份只放回空文件夹。"
            "先把里面的东西移到别处，或把 state_dir 指到一个新文件夹。什么也没有改动"
        )


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Put the name of the file before what is said of its inside."""
    try:
        yield
    except BackupError as error:
        raise type(error)(f"{path}：{error}") from error
