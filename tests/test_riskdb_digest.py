"""A digest is of plate and class, under a key that is nobody else's."""

from pathlib import Path

import pytest

from riskdb.digest import KEY_BYTES, PlateDigester, load_or_create_key, read_key
from riskdb.types import RiskDBError
from tests.odd_files import ODD_KINDS, OddKind, endless

KEY = bytes(range(KEY_BYTES))


def test_plates_of_one_text_and_two_classes_have_two_digests():
    digester = PlateDigester(KEY)
    assert digester.digest("01", "测A12345") != digester.digest("02", "测A12345")
    assert digester.digest("02", "测A12345") == PlateDigester(KEY).digest("02", "测A12345")


@pytest.mark.parametrize("size", [0, 1, KEY_BYTES - 1, KEY_BYTES + 1])
def test_a_key_of_another_length_is_none(tmp_path: Path, size: int):
    with pytest.raises(RiskDBError, match=f"{size} 字节"):
        PlateDigester(bytes(size))
    path = tmp_path / "plate.key"
    path.touch(mode=0o600)
    path.write_text(bytes(size).hex(), encoding="ascii")
    with pytest.raises(RiskDBError, match="不是号牌密钥"):
        read_key(path)


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o604, 0o610])
def test_a_key_that_anybody_else_may_touch_is_refused(tmp_path: Path, mode: int):
    path = tmp_path / "plate.key"
    path.write_text(KEY.hex(), encoding="ascii")
    path.chmod(mode)
    with pytest.raises(RiskDBError, match="别人也能读"):
        read_key(path)
    path.chmod(0o600)
    assert read_key(path) == KEY


@pytest.mark.parametrize("kind", [*ODD_KINDS, endless])
def test_something_else_in_the_place_of_the_key_is_a_sentence_and_stays_there(tmp_path: Path, kind: OddKind):
    path = tmp_path / "plate.key"
    load_or_create_key(path)
    kind(path)
    found = path.lstat().st_ino
    with pytest.raises(RiskDBError, match=r"plate\.key.*从备份放回"):
        load_or_create_key(path)
    assert path.lstat().st_ino == found
