"""A line to a server of this machine that can fall silent: it accepts, and carries nothing on."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Line:
    address: str
    carries_there: bool = True
    carries_back: bool = True


@contextlib.contextmanager
def open_line(address: str) -> Iterator[Line]:
    """Yield a line to the server at `address`; what is sent while a way is silent is lost."""
    target = ("127.0.0.1", urlsplit(address).port or 80)
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        line = Line(f"http://localhost:{listener.getsockname()[1]}")
        threading.Thread(target=_accept, args=(listener, target, line), daemon=True).start()
        yield line
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, target: tuple[str, int], line: Line) -> None:
    with contextlib.suppress(OSError):  # the listener is closed: the test is over
        while True:
            here, _ = listener.accept()
            threading.Thread(target=_carry, args=(here, socket.create_connection(target), line), daemon=True).start()


def _carry(here: socket.socket, there: socket.socket, line: Line) -> None:
    """Carry on until one side closes; then both are."""
    with closing(here), closing(there), contextlib.suppress(OSError):
        while True:
            for source in select.select([here, there], [], [])[0]:
                piece = source.recv(65536)
                if not piece:
                    return
                if line.carries_there if source is here else line.carries_back:
                    (there if source is here else here).sendall(piece)
