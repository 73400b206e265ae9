"""Keyed digests stand for plates everywhere outside the camera's own memory."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from riskdb.own_file import read_own
from riskdb.system_words import system_words
from riskdb.types import RiskDBError
from riskdb.whole_file import PRIVATE, whole_file

DIGEST_BYTES = 16
KEY_BYTES = 32
MOST_KEY_FILE_BYTES = 1024**2
"""More parts than a rotation a day makes in forty years."""
ANY_CLASS = ""
"""Plate class of a travel record that does not say one: it matches every class of its text."""


class PlateDigester:
    """Turns (plate class, text) into a digest that cannot be reversed or guessed without the key.

    A key is a chain of parts of 32 bytes: each rotation appends one, and a digest passes through them all.
    So old digests can be carried over to a new key although nobody holds the plates any more.
    """

    def __init__(self, key: bytes) -> None:
        if not key or len(key) % KEY_BYTES:
            raise RiskDBError(f"号牌密钥有 {len(key)} 字节，应为 {KEY_BYTES} 的整数倍：从备份放回")
        parts = [key[start : start + KEY_BYTES] for start in range(0, len(key), KEY_BYTES)]
        self._stages = [hashlib.blake2b(key=part, digest_size=DIGEST_BYTES) for part in parts]
        self.key_id = self._digest(b"kakou key id")[:4].hex()
        """Says which key made a digest, without telling the key."""

    def digest(self, plate_class: str, text: str) -> bytes:
        return self._digest(f"{plate_class}\0{text}".encode())

    def digests(self, plates: Sequence[tuple[str, str]]) -> list[bytes]:
        """Return the digest of each (plate class, text): the hot path's loop, without a call for each."""
        if len(self._stages) > 1:
            return [self.digest(plate_class, text) for plate_class, text in plates]
        copy, found = self._stages[0].copy, []
        for plate_class, text in plates:
            state = copy()
            state.update(f"{plate_class}\0{text}".encode())
            found.append(state.digest())
        return found

    def carry_over(self, digest: bytes) -> bytes:
        """Return what a digest under this key without its last part is under the whole key."""
        return _pass(self._stages[-1], digest)

    def _digest(self, message: bytes) -> bytes:
        for stage in self._stages:
            message = _pass(stage, message)
        return message


def _pass(stage: "hashlib.blake2b", message: bytes) -> bytes:
    # Copying a keyed state is a third faster than keying anew.
    state = stage.copy()
    state.update(message)
    return state.digest()


def load_or_create_key(path: Path) -> bytes:
    """Return the key in `path`, made on first use with mode 0600. Raises RiskDBError."""
    try:
        return read_key(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_key(path, os.urandom(KEY_BYTES), replace=False)
        return read_key(path)


def read_key(path: Path) -> bytes:
    """Return the key in `path`. Raises FileNotFoundError, or RiskDBError when it is no key or others may read it."""
    try:
        text, mode = read_own(path, MOST_KEY_FILE_BYTES), path.stat().st_mode & 0o777
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RiskDBError(f"读不了号牌密钥 {path}（{system_words(error)}）：核对路径和权限") from error
    if mode & 0o077:
        raise RiskDBError(
            f"号牌密钥 {path} 别人也能读（权限 {mode:o}）：chmod 600 它，再更换密钥（kakou risk rotate-key）"
        )
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if not key or len(key) % KEY_BYTES:
        raise RiskDBError(f"{path} 不是号牌密钥：从备份放回，没有它名单就用不了")
    return key


def write_key(path: Path, key: bytes, *, replace: bool) -> None:
    """Write a key durably and at once: a reader sees the old one or the new one, never a part.

    With `replace` False, a key that another process has made meanwhile stays.
    """
    with whole_file(path, mode=PRIVATE, is_durable=True, keeps_first=not replace) as partial:
        partial.write_text(key.hex(), encoding="ascii")
