"""Secrets live in files, never in kakou.toml, a flag or a log line."""

from pathlib import Path

from alerts.channels.base import ChannelConfigError


def read_secret(path: Path, channel: str) -> str:
    """Return the one line in `path`. Raises ChannelConfigError."""
    try:
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ChannelConfigError(f"channel {channel}: cannot read the secret in {path}: {error}") from error
    if not secret or any(char.isspace() for char in secret):
        raise ChannelConfigError(f"channel {channel}: {path} must hold one secret on one line")
    return secret
