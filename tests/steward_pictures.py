"""`make pictures`: what docs/risk.md shows of a data steward's pages, from a list office that really reads a file.

python -m tests.steward_pictures FOLDER
"""

import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import redis
from playwright.sync_api import Browser, Page

from console.lists.keeper_office import KeeperOffice
from console.parts import Console
from console.types import Role
from kakou.settings import Settings
from kakou.wiring.embedded_redis import embedded_redis
from kakou.wiring.risk import open_keeper, tended_list
from tests.console_browser import open_browser, open_context, use_cookie
from tests.console_kit import make_account, open_console, proposal_of, served, session_token
from tests.console_screens import make_small, utc_now
from tests.office_kit import xlsx

DESK = (960, 740)
COLUMNS = ["序号", "车牌号", "车牌颜色", "途经地区", "到达时间", "离开时间", "车主姓名", "联系电话", "协查来源", "备注"]
OFFICE, SOURCE = "青岛市黄岛区", "协查函12号"


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as state, embedded_redis(Path(state, "redis")) as url, open_browser() as browser:
        settings = Settings(state_dir=Path(state))
        with tended_list(settings, url, lambda _: None):
            office = KeeperOffice(lambda: open_keeper(settings, url))
            console = open_console(Path(state, "console"), redis.Redis.from_url(url), utc_now, office)
            make_account(console, "steward", Role.STEWARD)
            with served(console) as address:
                page = open_page(browser, console, address)
                picture_areas(page, address, folder)
                picture_import(page, address, Path(state), folder)
                picture_proposals(page, console, address, folder)
                page.context.close()


def open_page(browser: Browser, console: Console, address: str) -> Page:
    context = open_context(browser, DESK, "light")
    use_cookie(context, address, session_token(console, "steward"))
    return context.new_page()


def picture_areas(page: Page, address: str, folder: Path) -> None:
    """Vehicles that an office told of before; the area is declared once it was seen how many that lists."""
    page.goto(f"{address}/list")
    page.click("summary:has-text('单条录入')")
    for plate in ("鲁B12345", "苏E5G806"):
        enter(page, plate)
        page.goto(f"{address}/list")
        page.click("summary:has-text('单条录入')")
    page.goto(f"{address}/areas")
    page.fill("#area", OFFICE)
    page.fill("#area-source", "通告3号")
    page.click("text=看看会列入多少车")
    page.wait_for_selector("text=公布后：")
    save(page, folder / "risk-areas.png")
    page.click("text=确认公布")
    page.wait_for_selector("text=现行风险区（1）")


def enter(page: Page, plate: str) -> None:
    stay = {"#plate": plate, "#entry-area": OFFICE, "#begin": days_ago(5), "#end": days_ago(4), "#entry-source": SOURCE}
    for field, words in stay.items():
        page.fill(field, words)
    page.click("text=检查这一条")
    page.click("text=确认生效")
    page.wait_for_selector("text=已生效")


def picture_import(page: Page, address: str, state: Path, folder: Path) -> None:
    """A file of a form that nobody has seen yet, with a row that is faulty."""
    arrived, left = f"{days_ago(4)} 8:10", days_ago(3)
    rows = [
        ["1", "鲁B·12346（蓝）", "蓝", OFFICE, arrived, left, "张某", "13800000001", SOURCE, ""],
        ["2", "鲁B54321", "黄", "山东省青岛市黄岛区", f"{arrived}", left, "李某", "13800000002", SOURCE, "货车"],
        ["3", "苏E5G807", "", "370211", f"{days_ago(3)} 20:30", "至今", "王某", "13800000003", SOURCE, ""],
        ["4", "鲁BD12345", "绿", "青岛市市北区", arrived, left, "赵某", "13800000004", SOURCE, ""],
        ["5", "B88K61", "", OFFICE, arrived, left, "孙某", "13800000005", SOURCE, ""],
    ]
    file = state / "协查函12号.xlsx"
    file.write_bytes(xlsx(("协查", [["涉疫车辆协查表"], COLUMNS, *rows])))
    page.goto(f"{address}/list")
    page.set_input_files("#file", file)
    page.click("text=检查文件")
    page.wait_for_selector("text=第一次见到这种表")
    save(page, folder / "list-columns.png", ends_with="#columns")
    page.click("text=确认每一列的含义")
    page.wait_for_selector("text=读懂的全部")
    page.evaluate("document.querySelector('[aria-label=文件是怎样读懂的]').scrollIntoView()")
    save(page, folder / "list-preview.png", is_whole=False)


def picture_proposals(page: Page, console: Console, address: str, folder: Path) -> None:
    now = utc_now()
    asked = {
        "platform": "37020000002000000001", "office": "示例市指挥部", "text": "测A12341", "plate_class": "02",
        "reason": "涉疫车辆；请沿途卡口协查", "begins_at": now, "until": now + timedelta(days=7),
    }  # fmt: skip
    lifted = {"platform": asked["platform"], "text": "测B54321", "reason": "已查清", "reference": "D1", "is_lift": True}
    known = proposal_of(2, now, platform=asked["platform"], text="测B54321", reference="D1")
    console.lists.proposals.take([known], now)
    console.lists.proposals.take([proposal_of(1, now, **asked), proposal_of(3, now, **lifted)], now)
    page.goto(f"{address}/proposals")
    page.click("summary:has-text('按行程录入')")
    save(page, folder / "proposals.png", is_whole=False)


def days_ago(days: int) -> str:
    return f"{utc_now() + timedelta(hours=8, days=-days):%Y-%m-%d}"


def save(page: Page, picture: Path, *, is_whole: bool = True, ends_with: str = "") -> None:
    """Photograph the window or the whole page; with `ends_with` the page down to that part of it."""
    page.wait_for_timeout(300)
    box = page.locator(ends_with).bounding_box() if ends_with else None
    if box is None:
        page.screenshot(path=picture, full_page=is_whole)
    else:
        height = box["y"] + box["height"] + 20
        page.screenshot(path=picture, full_page=True, clip={"x": 0, "y": 0, "width": DESK[0], "height": height})
    make_small(picture)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
