"""What a disk that refuses says, in words: on which file, why, and what to do; and what can be no state folder."""

import errno
import os
from pathlib import Path

from riskdb.system_words import system_words

DISK_WORDS = {
    errno.ENOSPC: "磁盘已满（空间或 inode 用尽）：清理磁盘或扩容，再试一次",
    errno.EDQUOT: "磁盘配额用尽：清理或提高配额，再试一次",
    errno.EROFS: "磁盘只读：改用可写的位置；若它本来可写，检查磁盘故障（dmesg）",
    errno.EACCES: "没有权限：它和上级文件夹应属于运行 kakou 的用户（ls -ld 查看）",
    errno.EPERM: "不允许：它和上级文件夹应属于运行 kakou 的用户（ls -ld、lsattr 查看）",
    errno.EIO: "磁盘读写出错：检查磁盘（dmesg），换盘后从备份放回",
    errno.ENAMETOOLONG: "路径太长：改用短的路径",
    errno.ELOOP: "链接绕成一圈：移走它",
    errno.ENOTDIR: "上级不是文件夹：移走它，或改路径",
}
"""The user's to mend: the disk is full, read-only, not ours or broken, or the path cannot be."""
SHOWN = 120


def disk_words(error: OSError) -> str:
    """Return one sentence; for one of these numbers with what to do."""
    said = DISK_WORDS.get(error.errno or 0) or system_words(error)
    return f"{shown(str(error.filename))} {said}" if error.filename is not None else said


def room_words(free_bytes: int) -> str:
    """Return how much room is left, in the unit in which it is more than nothing."""
    return f"剩余 {free_bytes / 2**30:.1f} GiB" if free_bytes >= 2**30 else f"剩余 {free_bytes / 2**20:.0f} MiB"


def shown(path: str) -> str:
    """Return a path; of one that would fill the screen, its beginning."""
    return path if len(path) <= SHOWN else f"{path[:SHOWN]}…"


def folder_fault(state_dir: Path) -> str | None:
    """Return why a state folder can never be at this place, None where nothing is known against it."""
    if state_dir == Path():
        return '应为文件夹的路径，如 state_dir = "/var/lib/kakou"'
    folder = state_dir.absolute()
    try:
        folder.lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return disk_words(error)
    try:
        found = next(one for one in (folder, *folder.parents) if os.path.lexists(one))
        if not found.is_dir():
            return f"{found} 不是文件夹（文件、管道，或指向不存在之处的链接）：移走它，或改 state_dir"
        if os.statvfs(found).f_blocks == 0:
            return f"{found} 属于内核（如 /proc、/sys），存不了文件：改 state_dir"
    except OSError:  # whoever opens it says why it cannot be
        return None
    return None
