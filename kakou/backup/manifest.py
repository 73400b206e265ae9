"""What is in a backup: every file with its hash, and the rows of every database."""

from pydantic import BaseModel, ConfigDict

NAME = "manifest.json"
"""The last member of the archive."""


class Kept(BaseModel):
    """One file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    """Below the state folder, with slashes."""
    size: int
    sha256: str
    rows: dict[str, int] | None = None
    """By table, of a database."""


class Manifest(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    backup_id: str
    state_format: int
    files: tuple[Kept, ...]
    left_out: tuple[str, ...] = ()
    """What could not be read, and why."""

    @property
    def size(self) -> int:
        return sum(kept.size for kept in self.files)

    def rows(self) -> dict[str, dict[str, int]]:
        return {kept.path: kept.rows for kept in self.files if kept.rows}
