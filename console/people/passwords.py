"""Passwords (argon2id) and one-time codes (TOTP, RFC 6238)."""

from datetime import datetime

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from console.types import ConsoleError

MIN_LENGTH = 12
MAX_LENGTH = 128
_STEP_S = 30
_COMMON = frozenset(
    {"123456789012", "1234567890123", "password1234", "qwertyuiop12", "qwertyuiop123", "administrator", "111111111111"}
)


class Passwords:
    """Hashes and checks passwords."""

    def __init__(self, hasher: PasswordHasher) -> None:
        self._hasher = hasher
        self._decoy = hasher.hash("no account has this password")

    def hash(self, password: str, username: str) -> str:
        """Raises ConsoleError when the password is too weak."""
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise ConsoleError(f"密码需要 {MIN_LENGTH} 到 {MAX_LENGTH} 个字符，可以用一句话。")
        lowered = password.lower()
        if lowered in _COMMON or len(set(password)) < 5 or (username and username.lower() in lowered):
            raise ConsoleError("这个密码太容易猜到，请换一个（不要包含用户名或重复字符）。")
        return self._hasher.hash(password)

    def is_right(self, password_hash: str | None, password: str) -> bool:
        """Takes as long for an account that does not exist, so that time does not tell who has one."""
        try:
            is_match = self._hasher.verify(password_hash or self._decoy, password[: MAX_LENGTH + 1])
        except (VerificationError, InvalidHashError):
            return False
        return is_match and password_hash is not None


def new_totp_secret() -> str:
    return pyotp.random_base32()


def totp_uri(secret: str, username: str) -> str:
    return pyotp.TOTP(secret).provisioning_uri(name=username, issuer_name="卡口")


def totp_counter(secret: str, code: str, now: datetime, last_counter: int) -> int | None:
    """Return the time step that `code` belongs to, or None when it is wrong or was used before.

    The step before and the one after count too: phones' clocks differ by half a minute.
    """
    current = int(now.timestamp()) // _STEP_S
    for counter in (current, current - 1, current + 1):
        if counter > last_counter and pyotp.utils.strings_equal(pyotp.HOTP(secret).at(counter), code.strip()):
            return counter
    return None
