"""`make screens`: pictures of every page at three sizes, light and dark, to be looked at by a person.

python -m tests.console_screens FOLDER
"""

import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
from PIL import Image
from playwright.sync_api import Browser, Page

from alerts.box_status import BoxStatus, HourCount, LanePassage, StatusBoard
from alerts.notices.board import NoticeReport
from alerts.notices.keeper import ActiveNotice
from console.cases.desk import StepRequest
from console.cases.steps import Action
from console.lists.office import FileReport, ReportedRow
from console.parts import Console
from console.settings import ConsoleSettings
from console.types import SYSTEM, Actor, Role
from kakou.wiring.embedded_redis import embedded_redis
from tests.console_browser import LAPTOP, PHONE, WALL, open_browser, open_context, use_cookie
from tests.console_kit import (
    GRID_A,
    PaperList,
    event_of,
    make_account,
    open_console,
    served,
    session_token,
    settings_with,
)
from tests.notice_kit import notice
from tests.picture_kit import write_pictures

SIZES = {"wall": WALL, "laptop": LAPTOP, "phone": PHONE}
PLATES = (
    ("测A3B825", "02", "hit"),
    ("测AD12345", "52", "possible"),
    ("测B88K61", "01", "hit"),
    ("测C7M260", "02", "possible"),
    ("测A0261警", "23", "hit"),
    ("测D5T118", "02", "hit"),
    ("测AF90027", "51", "possible"),
    ("测E4Q370", "02", "hit"),
)


README_PICTURES = {
    ("screen-case", "laptop", "light"),
    ("phone", "phone", "light"),
    ("list-change", "laptop", "light"),
    ("notices", "laptop", "dark"),
    ("statistics", "laptop", "light"),
    ("accounts", "laptop", "light"),
}
"""What README.md and the documents show, in docs/pictures: `make pictures`."""
COLOURS = 128
"""A picture of the README is at most 200 kB."""


def main(folder: Path, *, is_for_readme: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, embedded_redis(Path(state, "redis")) as url:
        client = redis.Redis.from_url(url)
        state_dir = Path(state)
        settings = settings_with(accept_timeout_s=600, desk_phone="0532-0000000")
        report = FileReport(
            counts={"接受": 182, "接受（写法已规范）": 3, "有误": 2},
            new_rows=185,
            invalid_rows=2,
            rows=(
                ReportedRow(
                    number=17, outcome="有误", detail="离开时间“2026-11-01”：早于到达时间“2026-11-03”；请核对这两个时间"
                ),
                ReportedRow(
                    number=90,
                    outcome="有误",
                    detail="地区：没有填写（公式出错的格也是空的）；请写区划编码，或写全省、市、区县、街道的名称",
                ),
            ),
        )
        console = build(state_dir, client, settings, PaperList(report))
        with served(console) as address, open_browser() as browser:
            shoot(browser, console, address, folder, is_for_readme)


def build(state_dir: Path, client: "redis.Redis", settings: ConsoleSettings, office: PaperList) -> Console:
    console = open_console(state_dir, client, utc_now, office, settings)
    for name, role, scope in (
        ("officer", Role.OFFICER, ""),
        ("worker", Role.WORKER, GRID_A),
        ("steward", Role.STEWARD, ""),
        ("approver", Role.APPROVER, ""),
        ("auditor", Role.AUDITOR, ""),
        ("admin", Role.ADMIN, ""),
        ("newcomer", Role.WORKER, "9999010040010101"),
    ):
        make_account(console, name, role, scope)
    return console


def utc_now() -> datetime:
    return datetime.now(UTC)


def shoot(browser: Browser, console: Console, address: str, folder: Path, is_for_readme: bool) -> None:
    seed(console)
    tokens = {user: session_token(console, user) for _, user, _ in PAGES if user}
    link = console.accounts.create("next", "下一位", Role.ADMIN, "", SYSTEM, utc_now())
    for size_name, size in SIZES.items():
        for theme in ("light", "dark"):
            for name, user, path in PAGES:
                if is_for_readme and (name, size_name, theme) not in README_PICTURES:
                    continue
                report_boxes(console)
                context = open_context(browser, size, theme)
                if user:
                    use_cookie(context, address, tokens[user])
                page = context.new_page()
                page.goto(address + path.format(link=link), wait_until="load")
                prepare(page, name, console)
                is_whole = not name.startswith("screen") or size == PHONE
                picture = folder / (f"{name}.png" if is_for_readme else f"{name}-{size_name}-{theme}.png")
                page.screenshot(path=picture, full_page=is_whole and not is_for_readme)
                if is_for_readme:
                    make_small(picture)
                context.close()


def make_small(picture: Path) -> None:
    """Write a picture anew with few colours."""
    with Image.open(picture) as image:
        image.convert("RGB").quantize(COLOURS).save(picture, optimize=True)


def prepare(page: Page, name: str, console: Console) -> None:
    """Wait until the page shows what it has, and open a case on the screen."""
    if name.startswith("screen"):
        page.wait_for_selector(".row")
    if name.startswith("phone"):
        page.wait_for_selector(".task, #tasks .empty")
    if name == "phone-result":
        page.click(".options label:has-text('名单有误')")
        page.click(".result:not([hidden]) .extra summary")
        page.context.set_offline(True)
        page.wait_for_selector("#line:not([hidden])")
    if name == "screen-lost":
        page.context.set_offline(True)
        console.hub.close()
        page.wait_for_selector("#banner:not([hidden])")
    if name == "screen-assign":
        page.click(".row:has-text('已派单')")
        page.wait_for_selector(".case")
        page.keyboard.press("a")
    if name == "screen-case":
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        page.wait_for_selector(".case")
        page.keyboard.press("r")
        announce_lane(console)
    page.wait_for_timeout(400)


PAGES = (
    ("login", None, "/login"),
    ("screen", "officer", "/screen"),
    ("screen-case", "officer", "/screen"),
    ("screen-assign", "officer", "/screen"),
    ("screen-done", "officer", "/screen?group=done"),
    ("screen-lost", "officer", "/screen"),
    ("statistics", "officer", "/statistics"),
    ("notices", "officer", "/notices"),
    ("phone", "worker", "/m"),
    ("phone-result", "worker", "/m"),
    ("phone-empty", "newcomer", "/m"),
    ("list", "steward", "/list"),
    ("list-change", "steward", "/list/1"),
    ("corrections", "steward", "/corrections"),
    ("audit", "auditor", "/audit"),
    ("tokens", "steward", "/tokens"),
    ("accounts", "admin", "/accounts"),
    ("setup", None, "/setup/{link}"),
    ("missing", "officer", "/nowhere"),
)


def seed(console: Console) -> None:
    now = utc_now()
    folder = console.anchors.parent
    for number, (text, plate_class, level) in enumerate(PLATES):
        checkpoint = "一号卡口" if number % 3 else "二号卡口"
        at = now - timedelta(seconds=25 * (len(PLATES) - number))
        other = event_of(text).alternatives
        event = event_of(
            text,
            at,
            checkpoint,
            level,
            plate_class=plate_class,
            alternatives=tuple(one.model_copy(update={"plate_class": plate_class}) for one in other),
            **write_pictures(folder, text),
        )
        console.intake.take([event], at)
    desk = Actor(1, "officer", Role.OFFICER, "")
    worker = next(account for account in console.accounts.all() if account.username == "worker")
    steps = {2: "confirm assign", 3: "confirm assign accept", 5: "confirm assign", 6: "reject", 8: "confirm"}
    for case_id, actions in steps.items():
        for action in actions.split():
            actor = Actor(worker.account_id, "worker", Role.WORKER, GRID_A) if action == "accept" else desk
            reason = "misread" if action == "reject" else None
            note = "家住东港" if action == "assign" else ""
            console.desk.act(StepRequest(case_id, Action(action), reason=reason, note=note), actor, now)
    steward = Actor(3, "steward", Role.STEWARD, "")
    console.list_changes.submit("11月行程.csv", b"plate\n", steward, now)
    console.desk.act(StepRequest(8, Action.CLOSE, reason="list_error", note="本人未离开本县"), desk, now)


def report_notices(console: Console, now: datetime) -> None:
    """Let a box say what is amiss."""
    said = (
        ("camera_dirty", "kk02-lane1", 1800),
        ("camera_lost", "kk02-lane2", 240),
        ("pictures_late", "kk02-lane3", 60),
    )
    active = tuple(
        ActiveNotice.model_validate(
            notice(name, subject, now - timedelta(seconds=since_s)).model_dump() | {"checkpoint": "二号卡口"}
        )
        for name, subject, since_s in said
    )
    report = NoticeReport(origin="box:kk02", place="二号卡口", version="0.1.0", reported_at=now, active=active)
    console.notices.board.report(report)


def report_boxes(console: Console) -> None:
    board, now = console.board, utc_now()
    report_notices(console, now)
    hour = now.replace(minute=0, second=0, microsecond=0)
    for checkpoint, fps, unchecked in (("一号卡口", 25.0, 0), ("二号卡口", 24.0, 3)):
        hours = tuple(
            HourCount(
                hour=hour - timedelta(hours=back), clear=200 + 37 * ((back * 7) % 11), flagged=back % 3, unchecked=0
            )
            for back in range(10)
        )
        board.report(
            BoxStatus(
                camera_id=f"{checkpoint}-入",
                checkpoint=checkpoint,
                box="盒1",
                reported_at=now,
                fps=fps,
                last_read_at=now,
                list_version=41,
                list_age_s=12,
                unchecked_waiting=unchecked,
                outbox_pending=0,
                redis_ok=True,
                clock_offset_s=0.2,
                hours=hours,
            )
        )


def announce_lane(console: Console) -> None:
    board: StatusBoard = console.board
    for text, outcome in (("测A77P21", "clear"), ("测AD03388", "clear"), ("测A3B825", "flagged")):
        plate_class = "52" if len(text) == 8 else "02"
        board.announce(
            LanePassage.model_validate(
                {
                    "camera_id": "一号卡口-入",
                    "checkpoint": "一号卡口",
                    "text": text,
                    "plate_class": plate_class,
                    "outcome": outcome,
                    "passed_at": utc_now(),
                }
            )
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), is_for_readme="--readme" in sys.argv)
