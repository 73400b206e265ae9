"""Pictures from outside, decoded in a process that may crash, hang or run out of memory without harm to this one."""

import contextlib
import os
import socket
import subprocess
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from ocr.decoding_child import CPU_S, FAULT, MEMORY_MIB, SHAPE
from ocr.types import DecodedPicture, OcrError

MAX_KEPT_PIXELS = 1 << 24
"""A larger picture comes at a half, a quarter or an eighth of its size: 50 MB at most, where 67 million pixels took
809 MB (measured)."""
WAIT_S = 60.0
"""For an answer, on a machine that is overloaded; the child itself gives up after CPU_S of work."""


class PictureDecoder:
    """A context manager; for one thread. The process is started at the first picture, and again after it died."""

    def __init__(self, max_pixels: int = MAX_KEPT_PIXELS) -> None:
        self._max_pixels = max_pixels
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: Connection | None = None

    def load(self, path: Path) -> DecodedPicture:
        """Return the picture in `path`, turned as its EXIF orientation says. Raises OcrError."""
        return self._ask(str(path), b"f" + os.fsencode(path.absolute()))

    def decode(self, content: bytes, name: str) -> DecodedPicture:
        """Return the picture that a file of this content holds; `name` is for the message. Raises OcrError."""
        return self._ask(name, b"c" + content)

    def __enter__(self) -> "PictureDecoder":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process; the next picture starts another."""
        if self._answers is not None:
            self._answers.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._answers = self._process = None

    def _ask(self, name: str, request: bytes) -> DecodedPicture:
        if self._answers is None:
            self._answers = self._start()
        try:
            self._answers.send_bytes(request)
            if not self._answers.poll(WAIT_S):
                raise TimeoutError
            return self._received(self._answers, name)
        except (EOFError, OSError) as error:
            reason = self._end_of_child(error)
            self.close()
            raise OcrError(f"{name}：{reason}") from error

    def _received(self, answers: Connection, name: str) -> DecodedPicture:
        answer = answers.recv_bytes()
        if answer.startswith(FAULT):
            raise OcrError(f"{name}：{answer.removeprefix(FAULT).decode()}")
        height, width, shrunk_by = SHAPE.unpack(answer)
        image = np.empty((height, width, 3), np.uint8)
        answers.recv_bytes_into(image.data.cast("B"))
        return DecodedPicture(image, shrunk_by, answers.recv_bytes().decode() or None)

    def _end_of_child(self, error: Exception) -> str:
        assert self._process is not None
        code = None
        if not isinstance(error, TimeoutError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(timeout=1.0)
        if code is None or code == -24:  # SIGXCPU
            return f"用了 {CPU_S} 秒还没有解码：用别的软件另存一次"
        return f"解码时崩溃（退出码 {code}）：文件损坏，或要用 {MEMORY_MIB} MiB 以上内存"

    def _start(self) -> Connection:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "ocr.decoding_child", str(theirs.fileno()), str(self._max_pixels)],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # decoders chat there about every odd byte
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path),
                    "OPENBLAS_NUM_THREADS": "1",  # each of its threads would take from the memory that is allowed
                },
            )
        return Connection(ours.detach())
