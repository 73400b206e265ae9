"""What a destruction keeps of the console: its audit log."""

from pydantic import BaseModel, ConfigDict


class AuditKept(BaseModel):
    """The audit log as it was, which is kept: it names cases by number and holds no plate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    rows: int
    sha256: str
    faults: tuple[str, ...]
    """What `kakou audit verify` found, while the key was still there."""
