"""The console's key file, and what is derived from it."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from console.types import ConsoleError
from riskdb.own_file import read_own
from riskdb.system_words import system_words
from riskdb.whole_file import PRIVATE, whole_file

_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class ConsoleKeys:
    """Lives outside the database, so that a copy of the database alone neither forges the audit log nor logs in."""

    master: bytes

    def digest(self, purpose: str, text: str) -> str:
        """Return a keyed digest (HMAC-SHA256, hex) that differs from purpose to purpose."""
        return hmac.new(self._derived(purpose), text.encode(), hashlib.sha256).hexdigest()

    def seal(self, text: str) -> str:
        return self._box().encrypt(text.encode()).decode()

    def open(self, sealed: str) -> str:
        """Raises ConsoleError when the text was sealed with another key."""
        try:
            return self._box().decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ConsoleError("密钥文件与数据库不匹配：请恢复原来的 console.key。") from error

    def _box(self) -> Fernet:
        return Fernet(base64.urlsafe_b64encode(self._derived("seal")))

    def _derived(self, purpose: str) -> bytes:
        return hmac.new(self.master, f"kakou console {purpose}".encode(), hashlib.sha256).digest()


def load_keys(path: Path) -> ConsoleKeys:
    """Read the key file, or make one (mode 0600) where there is none. Raises ConsoleError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _create(path)
        master = read_own(path)
    except OSError as error:
        raise ConsoleError(f"密钥文件 {path} 无法读写：{system_words(error)}。") from error
    if len(master) != _KEY_BYTES:
        raise ConsoleError(f"密钥文件 {path} 已损坏：应为 {_KEY_BYTES} 字节。请从备份恢复。")
    return ConsoleKeys(master)


def new_token() -> str:
    """Return 32 random bytes as text for a cookie, a link or an API token."""
    return secrets.token_urlsafe(_KEY_BYTES)


def token_digest(token: str) -> str:
    """Tokens are random and long, so a plain hash is enough to keep them out of the database."""
    return hashlib.sha256(token.encode()).hexdigest()


def _create(path: Path) -> None:
    # Two processes may start at once: one of them wins, nobody sees half a key, and it outlives a power cut.
    with whole_file(path, mode=PRIVATE, is_durable=True, keeps_first=True) as partial:
        partial.write_bytes(secrets.token_bytes(_KEY_BYTES))
