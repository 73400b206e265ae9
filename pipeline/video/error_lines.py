"""What FFmpeg's decoders print."""

import os
import re
import threading
from pathlib import Path

FINISH_TIMEOUT_S = 5.0
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
"""FFmpeg names a decoder by its place in memory, which is another one each time."""


class ErrorLines:
    """Counts what decoders print to the process's stderr meanwhile, and keeps the first line."""

    def __init__(self) -> None:
        self.first = ""
        self.count = 0

    def __enter__(self) -> "ErrorLines":
        reading, writing = os.pipe()
        os.dup2(writing, 2)
        os.close(writing)
        self._reading = threading.Thread(target=self._count, args=(reading,), daemon=True)
        self._reading.start()
        return self

    def finish(self) -> None:
        """Wait for what is still on its way, so that the count is the same every time; later lines are lost."""
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        self._reading.join(FINISH_TIMEOUT_S)

    def __exit__(self, *_: object) -> None:
        """Nothing: the process ends with its decoder."""

    def _count(self, reading: int) -> None:
        with os.fdopen(reading, errors="replace") as lines:
            for line in lines:
                self.count += 1
                self.first = self.first or _ADDRESS.sub("", line.strip())[:200]
