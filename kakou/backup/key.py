"""The secret that opens backups: a file of the settings, or one in the state folder that is made on first use."""

import secrets
from pathlib import Path

from kakou.backup.content import OWN_KEY
from kakou.backup.errors import BackupError
from kakou.settings import Settings
from riskdb.own_file import read_own
from riskdb.system_words import system_words
from riskdb.whole_file import PRIVATE, whole_file

_LEAST_BYTES = 16


def own_key(settings: Settings) -> tuple[bytes, Path | None]:
    """Return the secret to seal with, and the file where it has just been made. Raises BackupError, OSError."""
    if settings.backup.key_file is not None:
        return read_secret(settings.backup.key_file), None
    path = settings.state_dir / OWN_KEY
    made = None if path.exists() else path
    if made:
        with whole_file(path, mode=PRIVATE, is_durable=True, keeps_first=True) as partial:
            partial.write_text(secrets.token_hex(32), encoding="ascii")
    return read_secret(path), made


def read_secret(path: Path) -> bytes:
    """Return what a key file holds, without the end of its line. Raises BackupError."""
    try:
        secret = read_own(path).strip()
    except OSError as error:
        raise BackupError(
            f"备份密钥 {path} 读不出（{system_words(error)}）：放回另存的那一份，或用 --key-file 写明。"
            "没有它，备份打不开"
        ) from error
    if len(secret) < _LEAST_BYTES:
        raise BackupError(f"备份密钥 {path} 太短：至少 {_LEAST_BYTES} 字节")
    return secret
