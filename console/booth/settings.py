"""Settings of the booth page: section [booth] of kakou.toml."""

from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator


class BoothSettings(BaseModel):
    """Booth page, for the people at the barrier; the box serves it on the local network, with or without an uplink."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: int | None = Field(default=None, ge=0, le=65535)
    """Where `kakou run` serves the page, such as 8444; none: no page, every flagged vehicle is the desk's at once."""
    host: str = "0.0.0.0"
    """Address to listen on; only devices that were paired (`kakou booth pair`) see anything."""
    public_name: str = ""
    """The box's name or address in the pairing link, as the tablets reach it; "" = its first address on the network."""
    tls_certificate: Path | None = None
    """PEM; none: the box makes one of its own, whose fingerprint `kakou booth pair` shows."""
    tls_key: Path | None = None
    """PEM."""
    handle_minutes: float = Field(default=5, gt=0, le=30)
    """A flagged vehicle that the booth has not dealt with for so long becomes the desk's."""
    pairing_minutes: float = Field(default=10, gt=0, le=60)
    """How long a pairing link works, once."""

    @model_validator(mode="after")
    def _has_both(self) -> "BoothSettings":
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError(
                "tls_certificate 和 tls_key 要么都写，要么都不写 (tls_certificate and tls_key belong together)"
            )
        return self

    @property
    def hold(self) -> timedelta:
        return timedelta(minutes=self.handle_minutes)
