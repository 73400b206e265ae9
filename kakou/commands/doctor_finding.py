"""What a check of `kakou doctor` found."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    check: str
    is_ok: bool
    says: str
    is_soon: bool = False
    """Nothing is wrong yet, but will be in some days."""
