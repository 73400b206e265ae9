"""The report of a replay in a real browser: what an analyst finds and filters, with nothing fetched from anywhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from pipeline.replay.records import ListRecord, ReplayResult, RunRecord
from pipeline.replay.report import links_to, render_report
from pipeline.replay.truth import TruePassage, Truth
from pipeline.replay.units import ReplayUnit
from pipeline.replay.worker import replay_unit
from tests.pipeline_kit import NOON, write_video
from tests.replay_kit import BLUE, YELLOW, build_parts, street_with


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos with one vehicle each; the first is listed, the second read otherwise than the truth has it."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "clips").mkdir()
    units = [
        ReplayUnit(write_video(folder / "clips" / name, street_with(color)), name, NOON)
        for name, color in (("a.avi", BLUE), ("b.avi", YELLOW))
    ]
    results = [replay_unit(unit, build_parts("京A12345"), "f", lambda *_: None) for unit in units]
    run = RunRecord(
        models={"recogniser": "0" * 64},
        settings="1" * 64,
        risk_list=ListRecord(described="now", entry_count=1, digest="2" * 32),
        videos=2,
    )
    truth = Truth(
        (
            TruePassage("a.avi", 0.5, 1.6, "京A12345", "02", True),
            TruePassage("b.avi", 0.5, 1.6, "沪B67891", "02", False),
        ),
        frozenset({"a.avi", "b.avi"}),
    )
    links = links_to({unit.video: unit.path for unit in units}, folder)
    page = folder / "report.html"
    page.write_text(render_report(ReplayResult(run, tuple(results), is_complete=True), truth, links), encoding="utf-8")
    return page


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    """The open report; whatever it complains about or fetches fails the test."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on(
        "request", lambda request: None if request.url.startswith(("data:", "file:")) else troubles.append(request.url)
    )
    page.goto(report.as_uri())
    yield page
    page.close()
    assert troubles == []


def test_filters_leave_what_was_asked_for_and_the_videos_around_it(page: Page) -> None:
    assert page.inner_text("#shown") == "显示 2 条"
    page.fill("#text", "京a1")
    assert page.locator("article:visible").count() == 1
    assert page.locator(".video:visible").count() == 1
    assert page.locator(".strip a:visible").count() == 1
    page.fill("#text", "")
    page.select_option("#verdict", "wrong")
    assert "沪B67891" in page.locator("article:visible").inner_text()


def test_a_mistake_leads_to_its_passage_and_the_passage_to_its_second_of_the_footage(page: Page, report: Path) -> None:
    page.locator("table a", has_text="0:0").click()
    target = page.locator("article:target")
    assert "与对照不同" in target.inner_text()
    link = str(target.locator("a").get_attribute("href"))
    place, second = link.split("#t=")
    assert (report.parent / place).is_file()
    assert float(second) == pytest.approx(0.6, abs=0.1)


def test_nothing_is_wider_than_a_narrow_window_and_both_colour_schemes_differ(page: Page) -> None:
    page.set_viewport_size({"width": 420, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    colors = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        colors.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colors) == 2
