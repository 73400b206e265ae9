"""Whether a disk has room, asked before anything is written."""

import shutil
from pathlib import Path

from kakou.backup.errors import NoRoomError

_LEFT_BYTES = 16 * 2**20
"""So much must be left beside what we write."""


def require_room(folder: Path, needed: int) -> None:
    """Raises NoRoomError."""
    free = shutil.disk_usage(folder).free
    if free < needed + _LEFT_BYTES:
        needed_mib, free_mib = -(-(needed + _LEFT_BYTES) // 2**20), free // 2**20
        raise NoRoomError(
            f"{folder} 空间不足：需要 {needed_mib:,} MiB，剩 {free_mib:,} MiB；什么也没有写。清出空间，或换一个磁盘"
        )
