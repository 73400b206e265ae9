"""A line between two servers of this machine that can be cut or fall silent."""

import socket
import threading
from contextlib import suppress
from pathlib import Path


class Line:
    """Passes TCP connections on, until it is cut (both ends are told) or falls silent (nobody is)."""

    def __init__(self, target: int | Path) -> None:
        """`target`: a port of this machine, or a server's socket in the file system."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._wires: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._is_cut = True
        self._end()

    def fall_silent(self) -> None:
        """As a cable that is pulled somewhere on the way: connections stay, and nothing comes through."""
        self._flows.clear()

    def mend(self) -> None:
        if not self._flows.is_set():
            self._end()  # what was on its way is lost
            self._flows.set()
        self._is_cut = False

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._end()
        self._flows.set()

    def _end(self) -> None:
        for wire in self._wires:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            wire.close()
        self._wires.clear()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._flows.wait()
            try:
                far = None if self._is_cut else self._connected()
            except OSError:
                far = None
            if far is None:
                near.close()
                continue
            far.settimeout(None)
            self._wires += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _connected(self) -> socket.socket:
        if isinstance(self._target, int):
            return socket.create_connection(("127.0.0.1", self._target), timeout=2)
        far = socket.socket(socket.AF_UNIX)
        far.connect(str(self._target))
        return far

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while received := source.recv(65536):
                self._flows.wait()
                sink.sendall(received)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
