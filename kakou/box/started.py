"""A child process of the supervisor: at work at once, or a spare that is loaded and waits for its turn."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from kakou.process import give_way, leave_a_core, put_session_behind, put_session_beside, use_parents_cores

HEARTBEAT_VARIABLE = "KAKOU_HEARTBEAT_FD"
TURN_VARIABLE = "KAKOU_TURN_FD"


@dataclass(frozen=True, slots=True)
class Started:
    """One that runs, and has not been waited for."""

    process: subprocess.Popen[bytes]
    heartbeats: int
    """Where its beats come."""
    turn: int | None
    """Where a spare is told to begin."""

    def begin(self) -> None:
        """Let a spare go to work; of one that has ended meanwhile its end tells."""
        if self.turn is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self.turn, b".")

    def close(self) -> None:
        """Hear no more of it; a spare that was not let go ends by that."""
        os.close(self.heartbeats)
        if self.turn is not None:
            os.close(self.turn)


def start(command: Sequence[str], given: bytes, *, gives_way: bool, is_spare: bool) -> Started:
    """Start a process that finds `given` on its standard input."""
    heartbeats, beating = os.pipe()
    os.set_blocking(heartbeats, False)
    os.set_blocking(beating, False)
    named = {HEARTBEAT_VARIABLE: beating}
    turn = None
    if is_spare:
        named[TURN_VARIABLE], turn = os.pipe()
    with _unnamed_file(given) as standard_input:
        process = subprocess.Popen(
            command,
            pass_fds=tuple(named.values()),
            env={**os.environ, **{name: str(descriptor) for name, descriptor in named.items()}},
            stdin=standard_input,
            start_new_session=True,  # Ctrl-C goes to the supervisor, which stops its children in order.
        )
    for descriptor in named.values():
        os.close(descriptor)
    if gives_way:
        give_way(process.pid)
    elif is_spare:
        put_session_behind(process.pid)
    if gives_way or is_spare:  # the one never rests, and the other loads, while cameras wait for their answers
        leave_a_core(process.pid)
    return Started(process, heartbeats, turn)


def await_turn(make_ready: Callable[[], object] = lambda: None) -> bool:
    """Wait where this process is a spare until the one at work has ended; return whether it is needed.

    `make_ready`: what a spare does first, so that it need not when it is needed.
    """
    number = os.environ.pop(TURN_VARIABLE, "")
    if not number.isdecimal():
        return True
    make_ready()
    put_session_beside()
    turn = int(number)
    is_needed = bool(os.read(turn, 1))
    os.close(turn)
    if is_needed:
        use_parents_cores()
    return is_needed


def _unnamed_file(content: bytes) -> IO[bytes]:
    """Return a file to be read from its start that no path leads to: in memory on Linux, else of this user only."""
    if hasattr(os, "memfd_create"):
        file: IO[bytes] = os.fdopen(os.memfd_create("kakou-order"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    file.write(content)
    file.seek(0)
    return file
