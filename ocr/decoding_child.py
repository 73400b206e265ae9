"""The process that decodes pictures: `python -m ocr.decoding_child SOCKET MAX_PIXELS`. See `ocr.decoding`.

A request is b"f" and a path, or b"c" and a file's content. The answer is FAULT and a reason, or SHAPE and, as
messages of their own, the pixels and what of the file they do not show.
"""

import os
import re
import resource
import struct
import sys
from multiprocessing.connection import Connection
from pathlib import Path

FAULT = b"!"
SHAPE = struct.Struct("<HHB")
"""Height, width, shrunk by."""
MEMORY_MIB = 512
"""Beyond what the libraries take. 67 million pixels are 192 MiB, a progressive JPEG's coefficients twice that."""
CPU_S = 20
DAMAGED = re.compile(r"(?:Corrupt JPEG data: |Inconsistent progression)(?:(\d+) extraneous bytes|.*)")
STRAY_BYTES = 64
"""Cameras leave a few between two parts, which hurts nothing; what a damaged part leaves is more."""


def main() -> None:
    # Here, so that the other side knows the words without loading OpenCV.
    import cv2

    from ocr.images import MAX_PIXELS, picture_in
    from ocr.types import OcrError

    answers, max_pixels = Connection(int(sys.argv[1])), int(sys.argv[2])
    cv2.setNumThreads(1)
    complaints = _Complaints()
    limit_memory()
    while True:
        try:
            request = answers.recv_bytes()
        except (EOFError, ConnectionResetError):
            return
        limit_time()
        complaints.forget()
        source = Path(request[1:].decode("utf-8", "surrogateescape")) if request[:1] == b"f" else request[1:]
        try:
            picture = picture_in(source, min(max_pixels, MAX_PIXELS))
        except OcrError as error:
            answers.send_bytes(FAULT + str(error).encode(errors="replace"))
        except MemoryError:
            answers.send_bytes(FAULT + f"解码要用 {MEMORY_MIB} MiB 以上内存：先缩小".encode())
        else:
            unseen = picture.unseen or complaints.damage()
            answers.send_bytes(SHAPE.pack(*picture.image.shape[:2], picture.shrunk_by))
            answers.send_bytes(picture.image.data.cast("B"))
            answers.send_bytes((unseen or "").encode())


class _Complaints:
    """What the decoders print about a file: libjpeg shows grey where its data are damaged, and says so nowhere else."""

    def __init__(self) -> None:
        self._printed = os.memfd_create("complaints")
        os.dup2(self._printed, 2)

    def forget(self) -> None:
        os.ftruncate(self._printed, 0)
        os.lseek(self._printed, 0, os.SEEK_SET)

    def damage(self) -> str | None:
        """Say that a part of the JPEG is not to be seen; None where nothing is said of that."""
        found = DAMAGED.search(os.pread(self._printed, 1 << 16, 0).decode(errors="replace"))
        if found is None or int(found[1] or STRAY_BYTES) < STRAY_BYTES:
            return None
        return f"JPEG 数据有损坏（{found[0]}），坏处以下看不清：重新拷贝"


def limit_memory() -> None:
    """Allow no more address space than there is now and MEMORY_MIB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    _limit(resource.RLIMIT_AS, pages * resource.getpagesize() + (MEMORY_MIB << 20))


def limit_time() -> None:
    """Allow CPU_S more of processor time; past it the kernel ends this process (SIGXCPU)."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + CPU_S)


def _limit(what: int, value: int) -> None:
    """Set a limit that can be moved again, within what this process may have at all."""
    _, most = resource.getrlimit(what)
    resource.setrlimit(what, (value if most == resource.RLIM_INFINITY else min(value, most), most))


if __name__ == "__main__":
    main()
