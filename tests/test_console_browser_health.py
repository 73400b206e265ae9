"""A dead checkpoint among eighteen is seen without looking for it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from alerts.box_status import BoxStatus
from console.settings import CheckpointPlace
from tests.console_browser import LAPTOP
from tests.console_kit import GRID_A
from tests.console_world import World, open_world

NAMES = [f"{number:02}号卡口" for number in range(1, 19)]
DEAD = {"16号卡口", "17号卡口", "18号卡口"}


@pytest.fixture
def world(redis_server: str, browser: Browser) -> Iterator[World]:
    places = tuple(
        CheckpointPlace(name=name, grid_code=GRID_A, longitude=120.02 + 0.01 * at, latitude=35.86 + 0.007 * at)
        for at, name in enumerate(NAMES)
    )
    with open_world(redis_server, browser, checkpoint=places) as world:
        yield world


def report(world: World) -> None:
    now = datetime.now(UTC)
    for name in NAMES:
        status = BoxStatus(
            camera_id=f"{name}-入", checkpoint=name, box="盒1", reported_at=now, fps=0.0 if name in DEAD else 25.0,
            last_read_at=now, list_version=1, list_age_s=9, unchecked_waiting=0, outbox_pending=0, redis_ok=True,
            clock_offset_s=0.1, hours=(),
        )  # fmt: skip
        world.console.board.report(status)
    world.console.boxes.refresh()


def test_dead_checkpoints_come_first_are_counted_and_the_healthy_fold_together(world: World):
    report(world)
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    expect(page.locator("#faults")).to_have_text("! 故障 3")
    expect(page.locator("#tiles .tile")).to_have_count(4)
    for at, name in enumerate(sorted(DEAD)):
        tile = page.locator("#tiles .tile").nth(at)
        expect(tile).to_contain_text(name)
        expect(tile).to_be_in_viewport()
    fold = page.locator("#tiles .fold")
    expect(fold).to_have_text("✓ 15 路正常")
    fold.click()
    expect(page.locator("#tiles .tile")).to_have_count(19)
    expect(page.locator("#tiles .tile").first).to_contain_text("16号卡口")
    context.close()


def test_the_map_shows_a_fault_and_an_open_case_at_the_same_checkpoint(world: World):
    report(world)
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send("测A00001", checkpoint="18号卡口")
    point = page.locator(".point[data-checkpoint='18号卡口']")
    expect(point.locator(".count")).to_have_text("1")
    expect(point.locator(".halo")).to_be_visible()
    expect(point.locator(".fault")).to_be_visible()
    expect(point.locator(".sign")).to_have_text("!")
    expect(page.locator(".point[data-checkpoint='01号卡口'] .fault")).to_be_hidden()
    context.close()
