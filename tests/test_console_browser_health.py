"""A dead checkpoint among eighteen is seen without looking for it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from alerts.box_status import BoxStatus
from console.settings import CheckpointPlace
from tests.console_browser import LAPTOP, WALL
from tests.console_kit import GRID_A
from tests.console_world import World, open_world

NAMES = [f"{number:02}号卡口" for number in range(1, 19)]
DEAD = {"16号卡口", "17号卡口", "18号卡口"}

COVERED = """(() => {
  const shown = (parts) => [...document.querySelectorAll(parts)].filter((each) => each.checkVisibility());
  const box = (part) => {
    const { left, right, top, bottom } = part.getBoundingClientRect();
    return { left, right, top, bottom, words: part.textContent || part.parentElement.dataset.checkpoint };
  };
  // The line of a text is higher than what is written in it.
  const ink = (text) => {
    const [whole, size] = [box(text), parseFloat(getComputedStyle(text).fontSize) * text.getScreenCTM().a];
    const middle = (whole.top + whole.bottom) / 2;
    return { ...whole, size, top: middle - size / 2, bottom: middle + size / 2 };
  };
  const touch = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const names = shown("#map :is(.name, .place)").map(ink);
  const signs = shown("#map :is(.pin, .halo)").map(box).filter((sign) => sign.right > sign.left);
  const others = (at) => [...names.slice(at + 1), ...signs];
  const pair = (one) => (other) => `${one.words} ${other.words}`;
  const covers = (one, at) => others(at).filter((other) => touch(one, other)).map(pair(one));
  return [names.length, Math.min(...names.map((one) => one.size)), names.flatMap(covers)];
})()"""


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


@pytest.mark.long
def test_names_on_the_map_are_large_enough_to_read_and_cover_neither_each_other_nor_a_sign(world: World):
    report(world)
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send("测A00001", checkpoint="18号卡口")
    expect(page.locator(".point[data-checkpoint='18号卡口'] .count")).to_have_text("1")
    for width, height in (LAPTOP, WALL):
        page.set_viewport_size({"width": width, "height": height})
        count, size_px, covered = page.evaluate(COVERED)
        assert count >= len(DEAD)
        assert size_px >= 12
        assert not covered
    context.close()


@pytest.mark.long
def test_two_cameras_of_one_checkpoint_are_told_apart(world: World):
    report(world)
    now = datetime.now(UTC)
    second = BoxStatus(
        camera_id="18号卡口-出", checkpoint="18号卡口", box="盒1", reported_at=now, fps=0.0, last_read_at=now,
        list_version=1, list_age_s=9, unchecked_waiting=0, outbox_pending=0, redis_ok=True, clock_offset_s=0.1,
        hours=(),
    )  # fmt: skip
    world.console.board.report(second)
    world.console.boxes.refresh()
    context, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    expect(page.locator("#tiles .tile b")).to_have_text(["16号卡口", "17号卡口", "18号卡口 入", "18号卡口 出"])
    context.close()
