"""Somebody goes through a guarded door: the screen shows it, and the worker's phone, in a real browser."""

from datetime import UTC, datetime, timedelta

from playwright.sync_api import expect

from alerts.crossing import CrossingEvent
from alerts.envelope import to_cloudevent
from alerts.stream import STREAM_KEY
from console.cases.steps import State
from tests.console_browser import LAPTOP, PHONE
from tests.console_world import World

DOOR = "3号楼2单元301"
LINK = "https://meet.example/room"


def send(world: World, number: int) -> CrossingEvent:
    """Put a crossing on the stream, as a box's relay does."""
    now = datetime.now(UTC)
    event = CrossingEvent(
        event_id=f"{number:032x}", camera_id="G01", checkpoint="一号卡口", door=DOOR, crossed_at=now, arrived_at=now,
        consent_by="住户本人", consent_until=now + timedelta(days=7), meeting_url=LINK,
    )  # fmt: skip
    world.client.xadd(STREAM_KEY, {"event_id": event.event_id, "event": to_cloudevent(event)})
    return event


def test_a_crossing_comes_to_the_screen_and_to_the_phone_and_is_closed_there(world: World):
    desk, screen = world.open("officer", LAPTOP)
    screen.goto(f"{world.address}/screen")
    expect(screen.locator("#nothing")).to_be_visible()
    send(world, 1)
    row = screen.locator("#rows .row.crossing")
    expect(row.locator(".door")).to_have_text(DOOR)
    expect(row.locator(".badge")).to_have_text("⌂ 有人出入")
    expect(row.locator(".state")).to_have_text("已派单")
    screen.locator("[data-level=hit]").click()
    expect(row).to_have_count(0)
    screen.locator("[data-level=crossing]").click()
    row.click()
    expect(screen.locator(".case .door")).to_have_text(DOOR)
    expect(screen.locator(".case a:has-text('视频核实')")).to_have_attribute("href", LINK)

    field, phone = world.open("worker", PHONE)
    phone.goto(f"{world.address}/m")
    card = phone.locator(".task.crossing")
    expect(card.locator(".door")).to_have_text("隔离门")
    case_id = int(card.get_attribute("data-case") or 0)
    card.locator(".accept").click()
    expect(card.locator(".door")).to_have_text(DOOR)
    expect(card.locator("a:has-text('视频核实')")).to_have_attribute("href", LINK)
    card.locator("label:has-text('违规外出')").click()
    card.locator("label:has-text('视频')").click()
    card.locator(".submit").click()
    expect(card).to_have_count(0)
    expect(screen.locator(".case .state")).to_contain_text("违规外出，已劝返")
    assert world.state_of(case_id) is State.CLOSED
    for context in (desk, field):
        context.close()
