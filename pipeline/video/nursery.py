"""Where capture children come from: one process that has loaded the libraries, and forks a child for every source.

A camera that is opened again and again costs no new interpreter each time, and what the libraries take is in memory
once, however many cameras there are. This is the parent's side; the process is `pipeline.video.nursery_process`.
"""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Protocol, Self

MESSAGE_BYTES = 32
FORK = b"fork"
DESCRIPTORS = 4
"""Notices, slots and memory of the child, and where the nursery writes how it ended."""


class Child(Protocol):
    """A capture child, however it came about."""

    def kill(self) -> None: ...

    def exit_code(self, timeout_s: float) -> int | None:
        """Return it, negative for a signal; None while it still runs after that time."""


class StartedChild:
    """A child with an interpreter of its own."""

    def __init__(self, notices: int, slots: int, memory: int) -> None:
        self._process = _start("pipeline.video.capture_child", notices, slots, memory)

    def kill(self) -> None:
        self._process.kill()

    def exit_code(self, timeout_s: float) -> int | None:
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None


class Nursery:
    """The parent's side; several threads may ask for children. A context manager: its end is that of its children."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = _start("pipeline.video.nursery_process", theirs.fileno())
        self._line = ours
        self._lock = threading.Lock()

    def fork(self, notices: int, slots: int, memory: int) -> "ForkedChild":
        """Return a child that has these descriptors. Raises OSError when the nursery has gone."""
        ended, told = os.pipe()
        try:
            with self._lock:
                socket.send_fds(self._line, [FORK], [notices, slots, memory, told])
                number = int(self._line.recv(MESSAGE_BYTES) or b"-1")
        finally:
            os.close(told)
        if number < 0:
            os.close(ended)
            raise OSError("the process that starts decoders has gone")
        return ForkedChild(self, number, ended)

    def kill(self, number: int) -> None:
        with self._lock, contextlib.suppress(OSError):
            self._line.send(str(number).encode())

    def is_there(self) -> bool:
        return self._process.poll() is None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()
        self._process.kill()
        self._process.wait()


class ForkedChild:
    """A child of the nursery, by its process id there."""

    def __init__(self, nursery: Nursery, number: int, ended: int) -> None:
        self._nursery = nursery
        self._number = number
        self._ended = ended
        self._code: int | None = None

    def kill(self) -> None:
        self._nursery.kill(self._number)

    def exit_code(self, timeout_s: float) -> int | None:
        if self._ended >= 0 and select.select([self._ended], [], [], timeout_s)[0]:
            # Nothing: the nursery has gone, and its children with it.
            self._code = int(os.read(self._ended, MESSAGE_BYTES) or -signal.SIGKILL)
            os.close(self._ended)
            self._ended = -1
        return self._code


def _start(module: str, *descriptors: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *map(str, descriptors)],
        pass_fds=descriptors,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)},
        start_new_session=True,  # Ctrl-C is for the parent, which then ends the child.
    )
