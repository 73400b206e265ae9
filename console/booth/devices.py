"""The tablets of a box's booths: paired by a link that works once, known by a token of their own, taken off at will.

The box asks nobody: it must know its devices while the uplink is down. Only digests of tokens are kept.
"""

import hashlib
import secrets
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from alerts.database import open_database
from console.types import ConsoleError, NotFoundError
from riskdb.system_words import system_words

SCHEMA = """
CREATE TABLE IF NOT EXISTS device (
    device_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    camera_id TEXT NOT NULL,       -- "" is all cameras of the checkpoint
    link_digest TEXT UNIQUE,       -- of the pairing link; NULL once it was used
    link_until INTEGER,            -- seconds since 1970
    token_digest TEXT UNIQUE,      -- NULL until it was paired
    paired_at INTEGER,
    revoked_at INTEGER
) STRICT;
"""
_COLUMNS = "device_id, name, checkpoint, camera_id, link_until, paired_at, revoked_at"


@dataclass(frozen=True, slots=True)
class Device:
    device_id: int
    name: str
    checkpoint: str
    camera_id: str
    """"" for all cameras of the checkpoint."""
    link_until: datetime | None
    """Until then the link works; None once it was used."""
    paired_at: datetime | None
    revoked_at: datetime | None

    def shows(self, checkpoint: str, camera_id: str) -> bool:
        return checkpoint == self.checkpoint and self.camera_id in ("", camera_id)


class Devices:
    """One connection; the command line and the booth's process each have theirs."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        """Raises ConsoleError."""
        self._now = now
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = open_database(path, SCHEMA, synchronous="FULL")
        except (sqlite3.Error, OSError) as error:
            raise ConsoleError(
                f"{path} 打不开：{system_words(error)}。请检查磁盘与权限；文件损坏时移走它，再重新配对设备。"
            ) from error

    def invite(self, name: str, checkpoint: str, camera_id: str, valid_for: timedelta) -> str:
        """Return the token of a pairing link."""
        token = secrets.token_urlsafe(24)
        until = int((self._now() + valid_for).timestamp())
        self._connection.execute(
            "INSERT INTO device (name, checkpoint, camera_id, link_digest, link_until) VALUES (?, ?, ?, ?, ?)",
            (name, checkpoint, camera_id, _digest(token), until),
        )
        return token

    def invited(self, link: str) -> Device:
        """Return whom a link is for. Raises NotFoundError where it was used, is too old, or never was."""
        found = self._find("link_digest = ? AND link_until > ?", _digest(link), self._seconds())
        if found is None:
            raise NotFoundError("配对链接无效、已用过或已过期。请在盒子上重新执行 kakou booth pair。")
        return found

    def pair(self, link: str) -> str:
        """Use a link up; return the token that the device keeps. Raises NotFoundError."""
        device = self.invited(link)
        token = secrets.token_urlsafe(32)
        done = self._connection.execute(
            "UPDATE device SET link_digest = NULL, link_until = NULL, token_digest = ?, paired_at = ? "
            "WHERE device_id = ? AND link_digest = ?",
            (_digest(token), self._seconds(), device.device_id, _digest(link)),
        )
        if not done.rowcount:
            raise NotFoundError("配对链接刚刚被另一台设备用过。请重新执行 kakou booth pair。")
        return token

    def find(self, token: str) -> Device | None:
        """Return the device that has this token, where it has not been taken off."""
        return self._find("token_digest = ? AND revoked_at IS NULL", _digest(token))

    def all(self) -> list[Device]:
        rows = self._connection.execute(f"SELECT {_COLUMNS} FROM device ORDER BY device_id").fetchall()
        return [_device(row) for row in rows]

    def revoke(self, device_id: int) -> None:
        """Raises NotFoundError."""
        done = self._connection.execute(
            "UPDATE device SET revoked_at = ?, link_digest = NULL WHERE device_id = ? AND revoked_at IS NULL",
            (self._seconds(), device_id),
        )
        if not done.rowcount:
            raise NotFoundError(f"没有编号为 {device_id} 的设备，或已经停用。")

    def close(self) -> None:
        self._connection.close()

    def _find(self, condition: str, *values: object) -> Device | None:
        row = self._connection.execute(f"SELECT {_COLUMNS} FROM device WHERE {condition}", values).fetchone()
        return _device(row) if row else None

    def _seconds(self) -> int:
        return int(self._now().timestamp())


def _device(row: tuple[int, str, str, str, int | None, int | None, int | None]) -> Device:
    times = (None if seconds is None else datetime.fromtimestamp(seconds, UTC) for seconds in row[4:])
    return Device(*row[:4], *times)


def _digest(token: str) -> str:
    """The tokens are random and long: no key is needed to keep them from being tried."""
    return hashlib.sha256(token.encode()).hexdigest()
