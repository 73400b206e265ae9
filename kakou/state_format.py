"""Which build may work on a state folder: its format has a number, and a newer one is refused untouched."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from kakou.settings import SettingsError
from riskdb.own_file import open_lock, read_own_text
from riskdb.whole_file import whole_file

FORMAT = 1
"""Raised where an older build would misread what this one writes; the CHANGELOG says so."""
NAME = "state.json"
RESTORING = "restore.part"
"""Here a backup is unpacked; while it is there, the folder is not whole."""


class StateFolderError(SettingsError):
    """The state folder is another build's or another process's; the message says what to do."""


def require_known_format(state_dir: Path) -> None:
    """Refuse a folder that a newer build has written; mark one that has no mark. Raises StateFolderError."""
    if (state_dir / RESTORING).exists():
        raise StateFolderError(
            f"{state_dir} 里的备份没有放回完（还有 {RESTORING}）：清空该文件夹，再执行一次 kakou restore"
        )
    path = state_dir / NAME
    found, by = _read(path)
    if found > FORMAT:
        raise StateFolderError(
            f"{state_dir} 由更新的版本（{by}，格式 {found}）写成，本版本只认到格式 {FORMAT}；"
            "请装回该版本，或用 kakou restore 放回升级前的备份。什么也没有改动"
        )
    if found < FORMAT:
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            with whole_file(path) as partial:
                partial.write_text(json.dumps({"format": FORMAT, "written_by": version("kakou")}), encoding="utf-8")
        except OSError:
            return  # a full disk is said by whoever needs it


def _read(path: Path) -> tuple[int, str]:
    """Return format and build; 0 where there is no mark, or none that can be read."""
    try:
        kept = json.loads(read_own_text(path))
        return int(kept["format"]), str(kept.get("written_by", "?"))[:40]
    except (OSError, ValueError, KeyError, TypeError):
        return 0, ""


@contextmanager
def alone(state_dir: Path, name: str) -> Iterator[None]:
    """Hold the lock that keeps a second `kakou NAME` from this folder. Raises StateFolderError."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    refusal = f"{state_dir} 已有 kakou {name} 在运行：停止那一个（systemctl status、ps），或换一个 state_dir"
    with held(state_dir / f"{name.replace(' ', '-')}.lock", refusal):
        yield


@contextmanager
def held(path: Path, refusal: str) -> Iterator[None]:
    """Hold a lock file alone. Raises StateFolderError, with this sentence, where somebody has it."""
    with open_lock(path) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StateFolderError(refusal) from None
        yield
