"""Whether the disk has room for more reads."""

import errno
import shutil
from pathlib import Path

KEEP_FREE_BYTES = 512 * 2**20
"""Below this much free disk the cameras keep their reads and send them again."""
EVERY_S = 1.0
"""How often that is asked while there is room: a box takes 100 MB in this time."""


class Room:
    """Of one folder. One thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._found_at_s: float | None = None
        """When there was some, as far as that is known."""

    def check(self, now_s: float) -> None:
        """Raise OSError where there is none. `now_s` is monotonic."""
        if self._found_at_s is not None and now_s - self._found_at_s < EVERY_S:
            return
        self._found_at_s = None
        if shutil.disk_usage(self._folder).free < KEEP_FREE_BYTES:
            raise OSError(errno.ENOSPC, "磁盘快满了，剩下的空间留给预警：清理磁盘或扩容")
        self._found_at_s = now_s
