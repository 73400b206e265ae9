"""The process that forks capture children: `python -m pipeline.video.nursery_process SOCKET`.

What children need is loaded before the first fork; it has no threads, which a fork would not take along.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
from typing import NoReturn

from pipeline.parent_death import die_with_parent
from pipeline.video import capture_child
from pipeline.video.nursery import DESCRIPTORS, FORK, MESSAGE_BYTES


def main() -> None:
    """Fork and kill children as the parent says, and tell it how each ended; its end is ours."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a child's collector looks at becomes the child's own memory: let it leave alone what all of them share.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=int(sys.argv[1])) as line:
        _serve(line, *_woken_by_ends())


def _woken_by_ends() -> tuple[int, int]:
    """Return a pipe: what can be read from it says that a child has ended."""
    waking, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return waking, wake


def _serve(line: socket.socket, waking: int, wake: int) -> None:
    told: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([line.fileno(), waking], [], [])
        if waking in ready:
            os.read(waking, 512)
        _bury(told)
        if line.fileno() not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(line, MESSAGE_BYTES, DESCRIPTORS)
        if not message:
            return
        if message == FORK:
            *given, ended = descriptors
            number = os.fork()
            if number == 0:
                _become_child((line.detach(), waking, wake, ended, *told.values()), given)
            for each in given:
                os.close(each)
            told[number] = ended
            line.send(str(number).encode())
        elif int(message) in told:  # else it has ended, and its number may be another's
            os.kill(int(message), signal.SIGKILL)


def _become_child(not_ours: tuple[int, ...], given: list[int]) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for each in not_ours:
        os.close(each)
    capture_child.run(*given)


def _bury(told: dict[int, int]) -> None:
    """Take over every child that has ended, and tell its parent how."""
    while told:
        number, status = os.waitpid(-1, os.WNOHANG)
        if not number:
            return
        ended = told.pop(number)
        with contextlib.suppress(BrokenPipeError):
            os.write(ended, str(os.waitstatus_to_exitcode(status)).encode())
        os.close(ended)


if __name__ == "__main__":
    main()
