"""The plate key that belongs to a record, and a new one without losing a match: digests are carried over, nobody needs
the plates.

Steps: the new key lies beside the old one; the record changes over in one transaction and names its key; the new key
takes the old one's place; the list is published. A process that dies between two steps is finished by the next one.
Nobody publishes meanwhile, so that no list is labelled with a key that its digests were not made with.
"""

import os
from pathlib import Path

from riskdb.digest import KEY_BYTES, PlateDigester, load_or_create_key, read_key, write_key
from riskdb.record.record import RiskRecord
from riskdb.types import RiskDBError
from riskdb.whole_file import make_durable


def own_key(record: RiskRecord, path: Path) -> bytes:
    """Return the key that the record's digests were made with; a new record gets the one in `path`, made on first use.

    Raises RiskDBError when another one lies there, or none.
    """
    finish_rotation(record, path)
    known = record.state("key_id", "")
    if not known:
        key = load_or_create_key(path)
        record.set_state("key_id", PlateDigester(key).key_id)
        return key
    try:
        key = read_key(path)
        if PlateDigester(key).key_id != known:
            finish_rotation(record, path)  # one has just been under way
            key, known = read_key(path), record.state("key_id", "")
    except FileNotFoundError as error:
        raise RiskDBError(f"缺少号牌密钥 {path}，而行程库 {record.path} 是用它写的：把它放回") from error
    record.require_key(PlateDigester(key).key_id)
    return key


def rotate_key(record: RiskRecord, path: Path) -> None:
    """Give the record a new key. The list must be published afterwards. Raises RiskDBError."""
    own_key(record, path)
    with record.turn():
        _finish(record, path)
        key = read_key(path) + os.urandom(KEY_BYTES)
        write_key(_next_path(path), key, replace=True)
        digester = PlateDigester(key)
        with record.writing():
            record.carry_over(digester.carry_over)
            record.set_state("key_id", digester.key_id)
        _finish(record, path)


def finish_rotation(record: RiskRecord, path: Path) -> None:
    """Bring key file and record together after a rotation that was cut short; wait for one that is under way.

    Raises RiskDBError.
    """
    if _next_path(path).exists():
        with record.turn():
            _finish(record, path)


def _finish(record: RiskRecord, path: Path) -> None:
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
    make_durable(path.parent)


def _next_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")
