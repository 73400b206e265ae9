"""Where the embedded Redis listens: a folder of ours alone."""

import contextlib
import hashlib
import logging
import os
import stat
import tempfile
from pathlib import Path

MAX_SOCKET_BYTES = 107
"""Of the path of a unix socket, which therefore does not lie in the state folder."""

log = logging.getLogger(__name__)


def private_socket(data_folder: Path) -> Path | None:
    """Return where the folder's server listens, whoever starts it; None where every place is taken by others.

    Anybody may make a folder in /tmp: where somebody else has taken the name, another one is used.
    """
    name = hashlib.blake2b(str(data_folder.resolve()).encode(), digest_size=8).hexdigest()
    usual = Path(tempfile.gettempdir(), f"kakou-redis-{os.getuid()}-{name}")
    others = (usual.with_name(f"{usual.name}-{number}") for number in range(1, 10))
    for folder in (usual, data_folder.resolve() / "socket.d", *others):
        socket = folder / "redis.sock"
        if len(bytes(socket)) <= MAX_SOCKET_BYTES:
            if _is_ours_alone(folder):
                return socket
            log.error("%s is not a folder of ours alone: the socket of Redis lies elsewhere", folder)
    return None


def _is_ours_alone(folder: Path) -> bool:
    """Make the folder and return whether nobody else can have put anything in it."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    return found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) == 0o700 and stat.S_ISDIR(found.st_mode)
