"""A sealed file: a header that anybody can read, then AES-256-GCM in pieces, of which none can be changed, moved or
left out unnoticed (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár, 2015).

  magic, length of the header (4 bytes), header (JSON), SHA-256 of all that, then pieces of PIECE_BYTES and their tags;
  a piece's nonce is its number and whether it is the last one.
"""

import hashlib
import hmac
import io
import struct
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from kakou.backup.errors import BackupDamagedError, BackupError

MAGIC = b"KAKOUBK1"
PIECE_BYTES = 64 * 1024
_TAG_BYTES = 16
_KEY_BYTES = 32
_MOST_HEADER_BYTES = 64 * 1024
WORK = 2**15
"""Scrypt's N: what deriving a key costs. Older backups open with no other."""


class Header(BaseModel):
    """What a sealed file says of itself without a key. It names nobody."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    """state or keys."""
    backup_id: str
    """The same in the two files of one backup."""
    created_at: AwareDatetime
    written_by: str
    """The version of kakou."""
    state_format: int
    ends_at: AwareDatetime | None
    """The day of the sunset, as it was then."""
    about_bytes: int
    """How much room its content takes, roughly."""
    salt: str
    """Hex; the key is derived with it."""
    key_check: str
    """Hex; tells a wrong key from a damaged file."""


def derived_key(secret: bytes, salt: str) -> bytes:
    """Return the key that a secret gives; slow on purpose (0.1 s, 32 MB), for a secret may be a passphrase."""
    return Scrypt(salt=bytes.fromhex(salt), length=_KEY_BYTES, n=WORK, r=8, p=1).derive(secret)


def key_check(key: bytes) -> str:
    return hmac.new(key, b"kakou backup key check", hashlib.sha256).hexdigest()[:16]


class SealedWriter(io.RawIOBase):
    """Seals what is written; the file is whole once it is closed without an error."""

    def __init__(self, file: BinaryIO, header: Header, key: bytes) -> None:
        self._file = file
        self._pending = bytearray()
        self._number = 0
        self._cipher = AESGCM(key)
        body = header.model_dump_json().encode()
        front = MAGIC + struct.pack(">I", len(body)) + body
        self._seen = hashlib.sha256(front).digest()
        file.write(front + self._seen)

    def writable(self) -> bool:
        return True

    def write(self, content: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]  # wider than typeshed's
        self._pending += content
        while len(self._pending) > PIECE_BYTES:  # the last piece is sealed as such, so one is held back
            self._seal(bytes(self._pending[:PIECE_BYTES]), is_last=False)
            del self._pending[:PIECE_BYTES]
        return len(content)

    def finish(self) -> None:
        """Write what is left, marked as the last."""
        self._seal(bytes(self._pending), is_last=True)
        self._pending.clear()

    def _seal(self, piece: bytes, *, is_last: bool) -> None:
        self._file.write(self._cipher.encrypt(_nonce(self._number, is_last=is_last), piece, self._seen))
        self._number += 1


class SealedReader(io.RawIOBase):
    """Opens what was sealed, piece by piece. Reading raises BackupDamagedError at the first that is not as it was."""

    def __init__(self, file: BinaryIO, seen: bytes, key: bytes) -> None:
        """`file` stands behind the header, `seen` is that one's digest."""
        self._file = file
        self._cipher = AESGCM(key)
        self._seen = seen
        self._number = 0
        self._opened = b""
        self._ahead = file.read(PIECE_BYTES + _TAG_BYTES)
        self._is_over = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while not self._is_over and (size < 0 or len(self._opened) < size):
            self._opened += self._next()
        size = len(self._opened) if size < 0 else size
        found, self._opened = self._opened[:size], self._opened[size:]
        return found

    def _next(self) -> bytes:
        piece, self._ahead = self._ahead, self._file.read(PIECE_BYTES + _TAG_BYTES)
        self._is_over = not self._ahead
        try:
            opened = self._cipher.decrypt(_nonce(self._number, is_last=self._is_over), piece, self._seen)
        except (InvalidTag, ValueError) as error:  # ValueError: shorter than a tag
            what = "不完整（写到一半或被截断）" if self._is_cut_off(piece) else "损坏"
            raise BackupDamagedError(f"第 {self._number * (PIECE_BYTES + _TAG_BYTES):,} 字节起{what}") from error
        self._number += 1
        return opened

    def _is_cut_off(self, piece: bytes) -> bool:
        """Return whether this is the end of the file, and of a piece that was not the last one."""
        if not self._is_over:
            return False
        if len(piece) < PIECE_BYTES + _TAG_BYTES:
            return True  # or its bytes were changed: that cannot be told apart
        try:
            self._cipher.decrypt(_nonce(self._number, is_last=False), piece, self._seen)
        except InvalidTag:
            return False
        return True


def read_header(file: BinaryIO) -> tuple[Header, bytes]:
    """Return the header of a sealed file and its digest, and stand behind it. Raises BackupError, OSError."""
    front = file.read(len(MAGIC) + 4)
    if front[: len(MAGIC)] != MAGIC:
        raise BackupDamagedError("不是 kakou 的备份文件，或文件头已损坏")
    length = struct.unpack(">I", front[len(MAGIC) :].ljust(4, b"\0"))[0]
    body = file.read(min(length, _MOST_HEADER_BYTES))
    seen = hashlib.sha256(front + body).digest()
    if seen != file.read(len(seen)):
        raise BackupDamagedError("文件头损坏或不完整")
    try:
        return Header.model_validate_json(body), seen
    except ValidationError as error:
        raise BackupError("由更新的版本写成，本版本读不出；请用写它的版本放回") from error


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11) + bytes([is_last])
