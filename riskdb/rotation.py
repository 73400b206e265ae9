"""A new plate key, without losing a match: digests are carried over, nobody needs the plates.

Steps: the new key lies beside the old one; the record changes over in one transaction and names its key; the new key
takes the old one's place; the list is published. A process that dies between two steps is finished by the next one.
"""

import os
from pathlib import Path

from riskdb.digest import KEY_BYTES, PlateDigester, load_or_create_key, read_key, sync_folder, write_key
from riskdb.record import RiskRecord
from riskdb.types import RiskDBError


def rotate_key(record: RiskRecord, path: Path) -> None:
    """Give the record a new key. The list must be published afterwards. Raises RiskDBError."""
    finish_rotation(record, path)
    key = load_or_create_key(path) + os.urandom(KEY_BYTES)
    write_key(_next_path(path), key, replace=True)
    digester = PlateDigester(key)
    with record.writing():
        record.carry_over(digester.carry_over)
        record.set_state("key_id", digester.key_id)
    finish_rotation(record, path)


def finish_rotation(record: RiskRecord, path: Path) -> None:
    """Bring key file and record together after a rotation that was cut short. Raises RiskDBError."""
    try:
        key = read_key(_next_path(path))
    except FileNotFoundError:
        return
    except RiskDBError:
        key = b""
    if key and PlateDigester(key).key_id == record.state("key_id", ""):
        _next_path(path).rename(path)
    else:
        _next_path(path).unlink()
    sync_folder(path.parent)


def _next_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")
