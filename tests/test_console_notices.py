"""Notices on the console: the banner, the page that says what to do, and nothing that goes away by itself."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Route, expect

from alerts.envelope import to_cloudevent
from alerts.notices.board import NoticeBoard, NoticeReport
from alerts.notices.keeper import ActiveNotice
from alerts.notices.table import NOTICES
from alerts.stream import STREAM_KEY
from console.situation.notices import Notices
from tests.alerts_kit import NOON
from tests.console_browser import LAPTOP, PHONE, WALL
from tests.console_kit import Clock, open_console
from tests.console_world import World
from tests.notice_kit import notice


def active(*names: str) -> tuple[ActiveNotice, ...]:
    return tuple(ActiveNotice.model_validate(notice(name, began_at=datetime.now(UTC)).model_dump()) for name in names)


def report(*names: str) -> NoticeReport:
    now = datetime.now(UTC)
    return NoticeReport(origin="box:kk07", place="东门卡口", version="0", reported_at=now, active=active(*names))


def test_the_banner_counts_what_is_amiss_and_opens_what_to_do(world: World):
    board = NoticeBoard(world.client)
    ended = notice("list_stale", "", began_at=NOON, lasted_s=60)
    world.client.xadd(STREAM_KEY, {"event_id": ended.event_id, "event": to_cloudevent(ended)})
    board.report(report("camera_dirty", "camera_lost"))
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    banner = page.locator("#notices")
    expect(banner).to_contain_text("异常提醒 2 项（严重 1）：东门卡口 kk07-lane1 摄像机无画面")
    banner.click()
    expect(page.locator("tbody tr").first).to_contain_text("检查摄像机供电")
    expect(page.get_by_role("region", name="已恢复的异常")).to_contain_text("风险名单过旧")
    page.go_back()
    board.report(report())
    expect(page.locator("#notices")).to_be_hidden()
    context.close()


@pytest.mark.parametrize(
    ("size", "most_px"),
    [
        (WALL, 45),
        pytest.param(LAPTOP, 45, marks=pytest.mark.long),
        ((640, 800), 75),
        pytest.param(PHONE, 75, marks=pytest.mark.long),
    ],
)
def test_thirty_notices_take_little_room_and_what_opens_them_is_not_cut_off(
    world: World, size: tuple[int, int], most_px: float
):
    board = NoticeBoard(world.client)
    board.report(report(*(kind.name for kind in NOTICES)))
    context, page = world.open("officer", size)
    page.goto(f"{world.address}/screen")
    banner = page.locator("#notices")
    expect(banner).to_contain_text(f"异常提醒 {len(NOTICES)} 项")
    whole, opens = banner.bounding_box(), banner.get_by_text("怎么办").bounding_box()
    assert whole is not None
    assert opens is not None
    assert whole["height"] <= most_px
    assert opens["x"] + opens["width"] <= size[0]
    board.report(report())
    context.close()


@pytest.mark.long
def test_what_the_stream_says_while_the_whole_state_is_on_its_way_is_not_covered_by_it(world: World):
    board = NoticeBoard(world.client)
    board.report(report("camera_dirty"))
    context, page = world.open("officer", LAPTOP)
    held: list[Route] = []
    page.route("**/screen/state", lambda route: held.append(route))  # Playwright asks for its arguments
    page.goto(f"{world.address}/screen")
    expect(page.locator("#notices")).to_contain_text("画面失焦")
    while not held:
        page.wait_for_timeout(20)
    old = context.request.get(f"{world.address}/screen/state", headers={"accept": "application/json"}).text()
    assert "画面失焦" in old
    board.report(report())
    expect(page.locator("#notices")).to_be_hidden()
    with page.expect_response("**/screen/state") as answered:
        held[0].fulfill(body=old, content_type="application/json")
    answered.value.finished()
    page.wait_for_timeout(100)
    expect(page.locator("#notices")).to_be_hidden()
    context.close()


def test_a_redis_that_is_away_takes_no_notice_off_the_screen(redis_client: "redis.Redis"):
    board = NoticeBoard(redis_client)
    board.report(report("camera_lost"))
    notices = Notices(redis_client)
    notices.refresh()
    away = {"path": "/nonexistent/redis.sock"}
    redis_client.connection_pool.disconnect()
    redis_client.connection_pool.connection_kwargs |= away
    notices.refresh()
    assert [one.notice for one in notices.active()] == ["camera_lost"]
    assert notices.banner().critical == 1
    assert notices.ended() == []


def test_a_notice_in_the_stream_opens_no_case(tmp_path: Path, redis_client: "redis.Redis"):
    console = open_console(tmp_path, redis_client, Clock())
    redis_client.xadd(STREAM_KEY, {"event_id": notice().event_id, "event": to_cloudevent(notice())})
    assert console.feed.step() == 1
    assert console.statistics.open_by_grid("") == {}
    assert console.feed.dead_letters == 0
    console.database.close()
