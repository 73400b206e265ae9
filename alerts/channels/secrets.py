"""Secrets live in files, never in kakou.toml, a flag or a log line."""

from pathlib import Path

from alerts.channels.base import ChannelConfigError
from riskdb.system_words import system_words


def read_secret(path: Path, channel: str) -> str:
    """Return the one line in `path`. Raises ChannelConfigError."""
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ChannelConfigError(
            f"通道 {channel}：读不了密钥文件 {path}（{system_words(error)}）：核对路径和权限"
        ) from error
    if not secret or any(char.isspace() for char in secret):
        raise ChannelConfigError(f"通道 {channel}：{path} 里应只有一行密钥，没有空格")
    return secret
