"""Permits (通行证) are shown beside the result and never turn a hit into clear."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis

from kakou.wiring.matching import ListMatcher
from riskdb.match import MatchRule
from riskdb.permit_keeper import PermitResult
from riskdb.permits import permit_standing, permit_words
from riskdb.record.permits import is_permit_file, read_permit_rows
from riskdb.record.rotation import rotate_key
from riskdb.types import Permit, RiskFileError
from tests.office_kit import HEADER, ROWS, text, xlsx
from tests.riskdb_kit import Guess, RiskRig, risk_rig

HEAD = [
    "车牌号",
    "挂车号牌",
    "通行证编号",
    "有效期起",
    "有效期止",
    "路线",
    "途经卡口",
    "货物名称",
    "发证单位",
    "驾驶员姓名",
]
PLATE, TRAILER, SERIAL = "鲁B12345", "鲁B1234挂", "370211000001"
SHORT = f"（{SERIAL}，蔬菜，青岛至日照，黄岛区指挥部）"


@pytest.fixture
def rig(tmp_path: Path, redis_url: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_url) as made:
        made.declared()
        yield made


def cells(
    plate: str = PLATE, trailer: str = "", serial: str = SERIAL, end: str = "2026-11-30", stops: str = ""
) -> list[str]:
    return [plate, trailer, serial, "2026-11-20", end, "青岛至日照", stops, "蔬菜", "黄岛区指挥部", "张某"]


def granted(rig: RiskRig, *rows: list[str], is_dry_run: bool = False) -> PermitResult:
    path = rig.folder / "permits.xlsx"
    path.write_bytes(xlsx(("通行证", [["重点物资运输车辆通行证登记表"], HEAD, *rows])))
    return rig.keeper.permits.import_rows(read_permit_rows(path), is_dry_run=is_dry_run, actor="li", name=path.name)


def said(rig: RiskRig, plate: str = PLATE, checkpoint: str = "隐珠卡口", sure: float = 1.0) -> tuple[bool, str]:
    """Let a vehicle pass; return whether it was flagged, and what is said of its permits."""

    class Open:
        def require_open(self) -> None: ...

    matcher = ListMatcher(rig.hot_set(), MatchRule.of(rig.settings), Open())  # type: ignore[arg-type]  # no sunset here
    match = matcher([Guess(plate, sure)], rig.clock.now)
    return match is not None, permit_words(matcher.permits(), checkpoint, rig.clock.wall())


def test_a_valid_permit_is_said_of_a_clear_vehicle_and_of_a_listed_one_which_stays_listed(rig: RiskRig):
    assert granted(rig, cells(trailer=TRAILER)).new == 1
    assert said(rig) == (False, f"持有效通行证{SHORT}")
    assert said(rig, TRAILER) == (False, f"持有效通行证{SHORT}")
    assert said(rig, "鲁B10002") == (False, "")
    rig.travelled(PLATE)
    assert said(rig) == (True, f"持有效通行证{SHORT}")
    match = rig.match(Guess(PLATE))
    assert match is not None
    assert [permit.serial for permit in match.permits] == [SERIAL]


def test_one_that_has_expired_or_leads_elsewhere_or_is_there_twice_is_said(rig: RiskRig):
    granted(rig, cells(end="2026-11-23"))
    assert said(rig)[1] == f"通行证已过期（{SERIAL}）"
    granted(rig, cells(stops="泊里、隐珠"))
    assert said(rig)[1].startswith("持有效通行证")
    assert said(rig, checkpoint="胶州卡口")[1].startswith("持通行证，但不在路线上：应经 泊里、隐珠")
    granted(rig, cells(serial="370211000002"))
    assert said(rig)[1].startswith("通行证重复：有 2 张同时有效（370211000001、370211000002）")


def test_one_that_is_to_come_is_said_so():
    begin = datetime(2026, 12, 1, tzinfo=UTC)
    permit = Permit(SERIAL, int(begin.timestamp()), int((begin + timedelta(days=1)).timestamp()), "", (), "", "x")
    assert permit_words([permit], "", (begin - timedelta(days=2)).timestamp()) == f"通行证未到生效时间（{SERIAL}）"
    assert permit_words([permit], "", begin.timestamp()) == f"持有效通行证（{SERIAL}，x）"
    assert permit_words([permit], "", permit.valid_until) == f"通行证已过期（{SERIAL}）"


def test_what_permits_come_to_is_said_without_their_particulars():
    here, elsewhere = (Permit(SERIAL, 100, 200, "", (stop,), "", "x") for stop in ("东门", "西门"))
    assert permit_standing([], "东门", 150) is None
    assert [permit_standing([here], "东门卡口", now) for now in (99, 100, 199, 200)] == [
        "not_yet", "valid", "valid", "expired"]  # fmt: skip
    assert (permit_standing([elsewhere], "东门", 150), permit_standing([here, elsewhere], "东门", 150)) == (
        "off_route", "doubled")  # fmt: skip


def test_a_bad_row_stops_the_whole_file_and_is_said_in_words(rig: RiskRig):
    bad = [
        (cells(plate="B12345"), "缺少省份"), (cells(serial="12345"), "12 位数字"),
        (cells(serial="990000000001"), "省份"),
        (cells(end="昨天"), "不是时间"), (cells(end="2026-11-01"), "早于开始"), ([*cells()[:8], "", ""], "发证单位"),
        (cells("鲁B10002"), "已发给另一辆车"),
    ]  # fmt: skip
    result = granted(rig, cells(), *(row for row, _ in bad))
    assert not result.is_applied
    for (_, why), (_, told) in zip(result.invalid, bad, strict=True):
        assert told in why
    assert said(rig) == (False, "")


def test_a_dry_run_changes_nothing_the_same_again_neither_and_an_import_is_taken_back(rig: RiskRig):
    assert granted(rig, cells(), is_dry_run=True).new == 1
    assert said(rig)[1] == ""
    number = granted(rig, cells()).import_number
    assert (granted(rig, cells()).known, said(rig)[1][:6]) == (1, "持有效通行证")
    assert number is not None
    rig.keeper.take_back(number, actor="li", reason="发错了")
    assert said(rig)[1] == ""


def test_the_driver_is_kept_nowhere_and_the_plate_neither(rig: RiskRig, redis_client: redis.Redis):
    granted(rig, cells())
    kept = "\n".join(rig.record.connection.iterdump()) + str(redis_client.hgetall("risk:permit"))
    assert "张某" not in kept
    assert "12345" not in kept.replace(SERIAL, "")


def test_permits_come_back_to_a_redis_that_lost_them_and_outlive_a_new_key(rig: RiskRig, redis_client: redis.Redis):
    granted(rig, cells())
    redis_client.delete("risk:permit")
    assert said(rig) == (False, "")
    rig.tender.tick()
    assert said(rig)[1].startswith("持有效通行证")
    rotate_key(rig.record, rig.key_path)
    rig.tender.tick()
    rig.keeper.declare([])
    assert said(rig)[1].startswith("持有效通行证")
    rig.clock.forward(days=40)
    rig.tender.tick()
    rig.tender.tick()
    assert redis_client.hkeys("risk:permit") == [b"version"]


@pytest.mark.parametrize("damage", ["string", "nonsense", "half", "long"])
def test_damaged_permits_hold_up_no_answer(rig: RiskRig, redis_client: redis.Redis, damage: str):
    granted(rig, cells())
    rig.travelled(PLATE)
    (digest,) = (field for field in redis_client.hkeys("risk:permit") if field != b"version")
    if damage == "string":
        redis_client.set("risk:permit", "something else altogether " * 9)
    else:
        value = {"nonsense": b"\xff[", "half": b'["1",2,"3","",[],"",""]', "long": b"x" * 300_000}[damage]
        redis_client.hset("risk:permit", digest, value)
    hot_set = rig.hot_set()
    for _ in range(2):
        answer = hot_set.reasons_of([("02", PLATE), ("02", "鲁B10002")], rig.clock.now)
        assert [bool(reasons) for reasons in answer.reasons] == [True, False]
        assert answer.permits == ()


def test_a_file_of_permits_is_told_from_one_of_travel_records(rig: RiskRig, tmp_path: Path):
    granted(rig, cells())
    assert is_permit_file(rig.folder / "permits.xlsx", "permits.xlsx")
    (tmp_path / "travel.csv").write_bytes(text([HEADER, *ROWS]))
    assert not is_permit_file(tmp_path / "travel.csv", "travel.csv")


def test_plates_on_a_sheet_without_a_header_are_not_lost_beside_a_sheet_of_permits(rig: RiskRig):
    path = rig.folder / "permits.xlsx"
    path.write_bytes(xlsx(("通行证", [HEAD, cells()]), ("补充", [cells("苏E5G806")])))
    with pytest.raises(RiskFileError, match=r"工作表“补充”：第 1 行有号牌.*请"):
        list(read_permit_rows(path))


def test_a_permit_is_read_where_somebody_asks_for_it(rig: RiskRig, monkeypatch: pytest.MonkeyPatch):
    """A vehicle is asked about with many looks, and told of once."""
    granted(rig, cells())
    read: list[bytes] = []
    of_json = Permit.all_of_json

    def noted(text: bytes) -> tuple[Permit, ...]:
        read.append(text)
        return of_json(text)

    monkeypatch.setattr(Permit, "all_of_json", noted)
    answer = rig.hot_set().reasons_of([("02", PLATE)], rig.clock.now)
    assert read == []
    assert [permit.serial for permit in answer.permits] == [SERIAL]
    assert len(read) == 1
