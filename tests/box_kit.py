"""The settings of a box that a test builds: what it sets aside on the disk is small."""

from pathlib import Path

from kakou.settings import Settings

SMALL_RESERVES = {"alerts": {"reserve_mib": 1}, "pipeline": {"spool_reserve_mib": 1}}
"""The field's reserves are thousands of files and hundreds of megabytes."""
SMALL_RESERVES_TOML = "[alerts]\nreserve_mib = 1\n[pipeline]\nspool_reserve_mib = 1\n"
PATIENT_LIST_TOML = "[risk]\ntimeout_s = 1.0\n"
"""For what a busy machine screens faster than any camera asks: the list may be a moment late."""


def small_box(folder: Path, **more: object) -> Settings:
    """Return settings with small reserves; a section that is named adds to them."""
    sections = {name: reserves | _section(more.pop(name, {})) for name, reserves in SMALL_RESERVES.items()}
    return Settings.model_validate({"state_dir": folder, **sections, **more})


def _section(named: object) -> dict[str, object]:
    assert isinstance(named, dict)
    return named
