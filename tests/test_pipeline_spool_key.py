"""Whatever lies in the place of the key of the unchecked passages, a checkpoint goes on with a new one and says so."""

from pathlib import Path

import pytest

from alerts.set_aside import losses
from pipeline.walk.spool_key import open_cipher
from riskdb.own_file import MARK
from tests.odd_files import ODD_KINDS, OddKind, endless


@pytest.mark.parametrize("kind", [*ODD_KINDS, endless])
def test_something_else_in_the_place_of_the_key_costs_the_passages_that_wait_and_no_more(tmp_path: Path, kind: OddKind):
    key_file = tmp_path / "spool.key"
    open_cipher(key_file, tmp_path)
    waiting = tmp_path / "1.unchecked"
    waiting.write_bytes(b"sealed")
    kind(key_file)
    sealed = open_cipher(key_file, tmp_path).encrypt(b"passage")
    assert open_cipher(key_file, tmp_path).decrypt(sealed) == b"passage"
    assert not waiting.exists()
    assert ["1 辆" in loss for loss in losses(tmp_path)] == [True]
    assert len([*tmp_path.glob(f"spool.key{MARK}*")]) == 2  # and its sentence
