"""Machines send travel records: signed, once, within their quota and their areas, and looking as usual."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from alerts.redis_link import connect
from console.lists.keeper_office import KeeperOffice
from riskdb.feed.answers import FeedQuotaError, FeedRefusedError, FeedUnknownError, Taken
from riskdb.feed.door import FeedDoor
from riskdb.keeper import RiskKeeper
from riskdb.settings import FeedSettings
from riskdb.types import RiskDBError
from tests.console_app import app_of
from tests.console_kit import client_of, open_console
from tests.feed_kit import SECRET, batch, feed_settings, record, signed
from tests.riskdb_kit import RiskRig, risk_rig


@pytest.fixture
def rig(tmp_path: Path, redis_server: str) -> Iterator[RiskRig]:
    with risk_rig(tmp_path, redis_server) as made:
        made.declared()
        yield made


def door(rig: RiskRig, **changes: object) -> FeedDoor:
    @contextmanager
    def opened() -> Iterator[RiskKeeper]:
        yield rig.keeper

    return FeedDoor([settings(rig.folder, **changes)], opened)


def settings(folder: Path, **changes: object) -> FeedSettings:
    secret = folder / "feed.secret"
    secret.write_text(SECRET)
    return feed_settings(secret_files=(secret,), **changes)


def sent(to: FeedDoor, *records: object, key: str = "a") -> Taken:
    body = batch(*records)
    return to.take(signed(body, key), body)


def test_a_record_lists_its_vehicle_at_once_and_a_bad_one_holds_up_no_other(rig: RiskRig):
    bad = [record("B12345"), record(area="城关区"), {"plate": "鲁B1"}, 7, record(at="昨天")]
    taken = sent(door(rig), record(), *bad, record("鲁B10002", ownerName="张某"))
    assert rig.is_listed("鲁B12345")
    assert rig.is_listed("鲁B10002")
    assert (taken.accepted, [one.number for one in taken.refused]) == (2, [1, 2, 3, 4, 5])
    assert "缺少省份" in taken.refused[0].why
    assert "地区（area）、到达时间（from）" in taken.refused[2].why
    assert "张某" not in str(list(rig.record.connection.iterdump()))


def test_a_batch_that_is_sent_again_changes_nothing(rig: RiskRig):
    to = door(rig)
    sent(to, record(), key="a")
    again = sent(to, record("鲁B10002"), key="a")
    assert (again.is_repeated, again.accepted) == (True, 0)
    assert not rig.is_listed("鲁B10002")
    assert sent(to, record("鲁B10002"), key="b").accepted == 1
    assert rig.is_listed("鲁B10002")


def test_only_who_holds_the_secret_gets_in(rig: RiskRig):
    to, body = door(rig), batch(record())
    other = "whsec_" + "A" * 32
    forged = [
        {}, signed(body, feed="other"), signed(body, secret=other), signed(batch(record("鲁B10002"))),
        signed(body) | {"webhook-timestamp": "1"}, signed(body) | {"webhook-signature": "v1,x v2"},
        signed(body) | {"webhook-signature": "nonsense"},
    ]  # fmt: skip
    for headers in forged:
        with pytest.raises(FeedUnknownError):
            to.take(headers, body)
    with pytest.raises(FeedUnknownError):
        to.take(signed(body), body.replace(b"12345", b"\xff"))
    assert rig.record.count_visits() == (0, 0, 0)
    (rig.folder / "feed.secret").write_text("")
    with pytest.raises(RiskDBError, match="一行密钥"):
        to.take(signed(body), body)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"records": []}', b'{"records": {}}', b"{" * 9000, b'{"rows": [1]}'])
def test_what_is_no_batch_is_refused_in_words(rig: RiskRig, body: bytes):
    with pytest.raises(FeedRefusedError, match="records"):
        door(rig).take(signed(body), body)


def test_a_feed_speaks_of_its_own_areas_only(rig: RiskRig):
    taken = sent(door(rig, areas=("370200",)), record(), record("鲁B10002", area="320505"))
    assert [one.number for one in taken.refused] == [1]
    assert "不在这个来源可以报的范围里" in taken.refused[0].why


def test_more_than_the_quota_is_refused_as_a_whole_until_the_hour_is_over(rig: RiskRig):
    to = door(rig, rows_per_hour=3)
    sent(to, record(), record("鲁B10002"), key="a")
    with pytest.raises(FeedQuotaError, match="超过 3 条"):
        sent(to, record("鲁B10003"), record("鲁B10004"), key="b")
    assert not rig.is_listed("鲁B10003")
    rig.clock.forward(hours=1)
    assert sent(to, record("鲁B10003"), record("鲁B10004"), key="b").accepted == 2


def test_a_feed_that_looks_otherwise_than_usual_raises_a_notice_once_an_hour(rig: RiskRig):
    to = door(rig)
    for hour in range(8):
        assert sent(to, *(record(f"鲁B1{hour}{n:03}") for n in range(20)), key=f"h{hour}").notices == ()
        rig.clock.forward(hours=1)
    odd = [record(f"鲁B2{n:04}", area="320505" if n % 2 else "370211") for n in range(250)]
    taken = sent(to, *odd, *[record("B1")] * 80, key="odd")
    assert {notice.kind for notice in taken.notices} == {"rate", "areas", "bad"}
    assert any("平时每小时约 20 条" in notice.told for notice in taken.notices)
    assert sent(to, record("鲁B30000"), key="next").notices == ()
    assert len(to.notices()) == 3


def test_what_a_feed_sent_in_a_day_is_taken_back_together(rig: RiskRig):
    to = door(rig)
    sent(to, record(), key="a")
    sent(to, record("鲁B10002"), key="b")
    (entry,) = rig.keeper.imports()
    assert (entry.actor, entry.stays) == ("接口 gantry", 2)
    rig.keeper.take_back(entry.number, actor="li", reason="来源出错")
    assert not rig.is_listed("鲁B12345")
    sent(to, record(), key="c")
    assert rig.is_listed("鲁B12345")


def test_the_address_of_the_console_takes_batches_and_says_what_is_wrong(rig: RiskRig, tmp_path: Path):
    @contextmanager
    def opened() -> Iterator[RiskKeeper]:
        with risk_rig(rig.folder, rig.url) as other:  # a server's thread has a connection of its own
            yield other.keeper

    office = KeeperOffice(opened, [settings(rig.folder, rows_per_hour=2)])
    console = open_console(tmp_path / "c", connect("unix:///nowhere"), lambda: rig.clock.now, office)
    client = client_of(app_of(console), console)

    def post(body: bytes, key: str = "a", **headers: str) -> tuple[int, dict[str, object]]:
        answer = client.post("/api/v1/travel-records", content=body, headers=signed(body, key) | headers)
        return answer.status_code, json.loads(answer.text)

    good = batch(record(), record("B1"))
    status, answer = post(good)
    assert (status, answer["accepted"], answer["is_repeated"]) == (200, 1, False)
    assert "号牌“B1”" in str(answer["refused"])
    assert post(good)[1]["is_repeated"] is True
    assert post(good, **{"webhook-signature": "v1,AAAA"})[0] == 401
    assert post(b"{}", "b")[0] == 422
    status, answer = post(batch(record("鲁B10002")), "c")
    assert (status, "超过 2 条" in str(answer["message"])) == (429, True)
    console.database.close()
