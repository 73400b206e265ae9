"""Trends, the shift's hand-over, sheets and the month's report for the public."""

import io
import re
import zipfile
from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from alerts.box_status import BoxStatus, HourCount
from console.cases.steps import Action, State
from console.parts import Console
from console.reports.month import FEW, month_of, month_report, told_together
from console.reports.sheets import Sheet, workbook
from console.reports.trends import trends
from console.situation.statistics import local_day
from console.store.people_tables import AuditRow
from console.store.tables import CaseRow
from console.types import Role
from tests.console_app import app_of
from tests.console_kit import GRID_B, START, Clock, act, client_of, event_of, make_account, officer

DAY = timedelta(days=1)


@pytest.fixture
def desk(console: Console) -> TestClient:
    make_account(console, "officer", Role.OFFICER)
    return client_of(app_of(console), console, "officer")


def counted(console: Console, hour: datetime, clear: int, flagged: int = 0) -> None:
    """A box reports an hour's passages."""
    status = BoxStatus(
        camera_id="一号卡口-入", checkpoint="一号卡口", box="盒1", reported_at=hour, fps=25.0, last_read_at=hour,
        list_version=1, list_age_s=1, unchecked_waiting=0, outbox_pending=0, redis_ok=True, clock_offset_s=0.0,
        hours=(HourCount(hour=hour, clear=clear, flagged=flagged),),
    )  # fmt: skip
    console.hours.keep([status])


def pass_and_judge(console: Console, clock: Clock, count: int, *, misread: int = 0) -> None:
    for number in range(count):
        event = event_of(f"测A{number:05}", clock.moment + timedelta(seconds=number))
        case_id = console.intake.take([event], clock.moment).opened[0]
        if number < misread:
            act(console, officer(), Action.REJECT, case_id, reason="misread")
        else:
            act(console, officer(), Action.CONFIRM, case_id)


def test_trends_add_up_by_day_hour_and_checkpoint_and_a_day_is_beijings(console: Console, clock: Clock):
    evening = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)  # one o'clock of the 24th in Beijing
    counted(console, evening, 100, 5)
    counted(console, evening - DAY, 40)
    pass_and_judge(console, clock, 4, misread=1)
    found = trends(console.database, local_day(clock.moment) - DAY, local_day(clock.moment) + DAY)
    assert [(f"{day:%d}", sums.passages, sums.cases) for day, sums in found.days.items()] == [
        ("23", 40, 0),
        ("24", 105, 4),
    ]
    assert found.hours[1].passages == 145
    for parts in (found.days, found.hours, found.checkpoints):
        assert sum(sums.passages for sums in parts.values()) == found.whole.passages == 145
        assert sum(sums.misread for sums in parts.values()) == found.whole.misread == 1
    assert (found.whole.confirmed, found.whole.median_verify_s) == (3, 0.0)


def test_the_page_of_trends_draws_this_span_beside_the_one_before(console: Console, desk: TestClient):
    counted(console, START, 300, 2)
    counted(console, START - 14 * DAY, 150)
    page = desk.get("/trends?weeks=2").text
    assert "11-24：302，之前 150" in page
    assert 'height="100.0"' in page
    assert desk.get("/trends?weeks=3").status_code == 422
    assert desk.get("/trends.xlsx").content[:2] == b"PK"


def test_trends_tell_how_long_it_took_to_look_and_to_end_it_by_day_hour_and_checkpoint(
    console: Console, clock: Clock, desk: TestClient
):
    for number, (look_s, end_s) in enumerate(((10, 120), (30, 600), (50, 3600))):
        opened = clock.moment
        case_id = console.intake.take([event_of(f"测A{number:05}", opened)], opened).opened[0]
        clock.forward(look_s)
        act(console, officer(), Action.CONFIRM, case_id)
        clock.forward(end_s - look_s)
        act(console, officer(), Action.CLOSE, case_id, reason="transit")
        clock.moment = opened
    console.intake.take([event_of("测B00001", clock.moment, "二号卡口")], clock.moment)  # nobody looks at it
    found = trends(console.database, local_day(clock.moment), local_day(clock.moment) + DAY)
    for sums in (found.whole, found.days[date(2026, 11, 24)], found.hours[12], found.checkpoints["一号卡口"]):
        assert (sums.median_verify_s, sums.median_close_s) == (30, 600)
    assert found.checkpoints["二号卡口"].median_close_s is None
    town = trends(console.database, local_day(clock.moment), local_day(clock.moment) + DAY, GRID_B)
    assert (town.whole.cases, town.whole.median_close_s) == (1, None), "cases of its own area alone"
    with console.database.writing() as session:
        left = session.scalars(select(CaseRow).where(CaseRow.checkpoint == "二号卡口")).one()
        left.state, left.finished_at = State.EXPIRED, clock.moment + DAY
    found = trends(console.database, local_day(clock.moment), local_day(clock.moment) + DAY)
    assert found.checkpoints["二号卡口"].median_close_s is None, "what only expired was ended by nobody"
    page = desk.get("/trends").text
    assert "各卡口办结用时中位（分钟）：一号卡口 10，之前 0；二号卡口 0" in page
    assert "每天核实用时中位（秒）" in page
    assert "一天中每小时核实用时中位（秒）" in page


def test_no_cell_of_a_sheet_is_a_formula(console: Console, clock: Clock, desk: TestClient):
    hostile = '=HYPERLINK("http://evil.example","x")'
    console.intake.take([event_of("测A00001", clock.moment, reasons=())], clock.moment)
    book = workbook(
        [Sheet("表", ("甲",), [(hostile,), ("+1+1",), ("http://evil.example",), (datetime.now(UTC),), (3,)])]
    )
    for content in (book, desk.get("/cases.xlsx?group=open").content):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        assert "<f>" not in sheet
        assert "hyperlink" not in sheet
    with console.database.reading() as session:
        assert console.audit.verify(session) == []
        assert "cases.export" in session.scalars(select(AuditRow.action)).all()


def test_a_shift_hands_over_what_is_open_what_is_late_what_happened_and_its_words(
    console: Console, clock: Clock, desk: TestClient
):
    console.intake.take([event_of("测C00001", clock.moment)], clock.moment)
    act(console, officer(), Action.REJECT, 1, reason="misread")
    clock.forward(13 * 3600)  # that was another shift
    desk = client_of(app_of(console), console, "officer")
    pass_and_judge(console, clock, 3, misread=1)
    console.intake.take([event_of("测B00001", clock.moment)], clock.moment)
    clock.forward(120)
    console.desk.act_on_overdue(clock.moment)
    assert desk.post("/shift/note", data={"text": "二号卡口 <b>施工</b>"}).status_code == 303
    page = desk.get("/shift").text
    assert "! 超时 1" in page
    assert "其他未办结 2" in page
    assert re.search(r"预警到达 <strong class=\"num\">4</strong>", page)
    assert "二号卡口 &lt;b&gt;施工&lt;/b&gt;" in page
    assert desk.post("/shift/note", data={"text": " "}).status_code == 400
    make_account(console, "neighbour", Role.OFFICER, "9999010020010101")
    assert "施工" not in client_of(app_of(console), console, "neighbour").get("/shift").text


def test_the_months_report_tells_of_nobody_and_hides_small_counts(console: Console, clock: Clock):
    make_account(console, "officer", Role.OFFICER)
    counted(console, START, 9000, 12)
    pass_and_judge(console, clock, 12, misread=3)
    clock.forward(10 * 86400)
    report = month_report(console.database, *month_of("2026-11", clock.moment))
    assert report.passages == 9012
    # Told beside the total and the misread, the confirmed ones would tell how many were misread.
    assert (report.figures["其中经人工确认"], report.figures["其中误读（不是这辆车）"]) == ("—", FEW)
    assert report.shares["人工看过的预警中误读的"] == "—"
    desk = client_of(app_of(console), console, "officer")
    page = desk.get("/transparency").text  # in December, November is the month before
    assert "2026 年 11 月" in page
    assert "测A" not in page.split("<main", 1)[1]
    assert desk.get("/transparency?month=2026-13").status_code == 400


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ([0, 9, 20], ["0", "9", "20"]),
        ([3, 9, 20], [FEW, "—", "20"]),
        ([3, 2, 20], [FEW, FEW, "20"]),
        ([3], [FEW]),
        ([4, 1, 5], [FEW, FEW, "5"]),
    ],
)
def test_a_count_that_follows_from_the_others_is_not_told(counts: list[int], told: list[str]):
    assert told_together(counts) == told
