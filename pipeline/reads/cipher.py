"""Encrypts what waits on disk: reads before they are decided, messages that were not understood."""

import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from alerts.set_aside import set_aside
from pipeline.errors import ReadsError
from riskdb.digest import load_or_create_key
from riskdb.types import RiskDBError

NONCE_BYTES = 12


class SealError(ReadsError):
    """What lies there was not written with this key, or is damaged."""


class Seal:
    """AES-256-GCM with the key of this box's reads."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key[:32])

    @classmethod
    def of_file(cls, key_file: Path) -> "Seal":
        """Return the seal of a key file, made on first use; a damaged one is set aside, and reads begin anew."""
        try:
            return cls(load_or_create_key(key_file))
        except RiskDBError:
            set_aside(key_file, "相机上报的密钥曾损坏，尚未处理的相机识别结果已丢失，请人工核查该时段")
            return cls(load_or_create_key(key_file))

    def close(self, content: bytes, about: bytes) -> tuple[bytes, bytes]:
        """Return the content sealed, in two pieces: a picture need not be copied to be one behind the other.

        `about` must be the same to open it.
        """
        nonce = os.urandom(NONCE_BYTES)
        return nonce, self._cipher.encrypt(nonce, content, about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Raises SealError."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
        except (InvalidTag, ValueError) as error:
            raise SealError("这台机器的密钥打不开日志里的过车：放回原来的密钥") from error
