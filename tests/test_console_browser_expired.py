"""A page that was open when its log-in ended: nothing that was written on it is lost."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import delete, select

from console.cases.steps import Action, Rejection
from console.store.people_tables import SessionRow
from console.types import Role
from tests.console_browser import LAPTOP, use_cookie
from tests.console_kit import make_account, officer, session_token
from tests.console_world import World, case_of, open_world, row_of

WORDS = "夜里有三辆车还没有核实，请先看二号卡口。"


@pytest.fixture(scope="module")
def world(redis_server: str, browser: Browser) -> Iterator[World]:
    with open_world(redis_server, browser) as world:
        yield world


def end_sessions(world: World) -> None:
    with world.console.database.writing() as session:
        digests = list(session.scalars(select(SessionRow.token_digest)))
        session.execute(delete(SessionRow))
    for digest in digests:
        world.console.hub.end_session(digest)
    world.tokens.clear()


def log_in_elsewhere(world: World, page: Page, username: str) -> None:
    """Log in in another window of the same browser."""
    use_cookie(page.context, world.address, session_token(world.console, username))


def written_note(world: World) -> Page:
    _, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/shift")
    page.fill("#text", WORDS)
    return page


def test_a_form_of_a_page_from_yesterday_keeps_its_words_until_somebody_is_logged_in(world: World):
    page = written_note(world)
    end_sessions(world)
    page.click("text=留下")
    expect(page.locator("[data-unsent]")).to_contain_text("登录已过期，没有提交")
    assert page.locator("[data-unsent] a").get_attribute("target") == "_blank"
    expect(page.locator("#text")).to_have_value(WORDS)
    log_in_elsewhere(world, page, "officer")
    page.dblclick("text=留下")
    expect(page.locator(".said")).to_have_text([WORDS])
    page.context.close()


@pytest.mark.long
def test_a_form_goes_under_the_name_of_whoever_wrote_it_or_not_at_all(world: World):
    make_account(world.console, "third", Role.OFFICER)
    page = written_note(world)
    log_in_elsewhere(world, page, "third")
    page.click("text=留下")
    expect(page.locator("[data-unsent]")).to_contain_text("与打开本页的人不同")
    expect(page.locator("#text")).to_have_value(WORDS)
    page.context.close()


@pytest.mark.long
def test_a_form_on_a_line_that_is_away_stays_where_it_is(world: World):
    page = written_note(world)
    page.context.set_offline(True)
    page.click("text=留下")
    expect(page.locator("[data-unsent]")).to_contain_text("没有提交：网络不通")
    expect(page.locator("#text")).to_have_value(WORDS)
    page.context.close()


def closing_words(world: World, text: str) -> tuple[Page, int]:
    """Return the screen of an officer who is writing why a case is closed."""
    _, page = world.open("officer", LAPTOP)
    page.goto(f"{world.address}/screen")
    world.send(text)
    page.wait_for_selector(row_of(text))
    case_id = case_of(page, text)
    world.act(officer(), case_id, Action.CONFIRM)
    page.click(row_of(text))
    page.click("[data-act=assign]")
    page.fill(".choices[data-for=assign] [name=note]", WORDS)
    return page, case_id


@pytest.mark.long
def test_a_screen_whose_log_in_ends_leaves_an_officer_what_is_being_written(world: World):
    page, case_id = closing_words(world, "测Q00001")
    end_sessions(world)
    expect(page.locator("#banner")).to_contain_text("正在填写的内容还在")
    expect(page.locator(".choices[data-for=assign] [name=note]")).to_have_value(WORDS)
    log_in_elsewhere(world, page, "officer")
    expect(page.locator("#banner")).to_be_hidden()
    page.click(".choices[data-for=assign] button.primary")
    expect(page.locator(".case .title .state")).to_have_text("已派单")
    assert world.console.cases.detail(officer(), case_id).steps[-1].note == WORDS
    page.context.close()


def test_an_officer_who_was_slower_keeps_what_was_written(world: World):
    page, case_id = closing_words(world, "测Q00002")
    world.act(officer(), case_id, Action.ESCALATE)
    page.click(".choices[data-for=assign] button.primary")
    expect(page.locator(".case .title .state")).to_have_text("已升级")
    expect(page.locator(".choices[data-for=assign] [name=note]")).to_have_value(WORDS)
    page.click(".choices[data-for=assign] button.primary")
    expect(page.locator(".case .title .state")).to_have_text("已派单")
    assert world.console.cases.detail(officer(), case_id).steps[-1].note == WORDS
    page.context.close()


@pytest.mark.long
def test_words_that_a_case_can_no_longer_take_are_shown_to_whoever_wrote_them(world: World):
    page, case_id = closing_words(world, "测Q00003")
    world.act(officer(), case_id, Action.REJECT, reason=Rejection.MISREAD)
    page.click(".choices[data-for=assign] button.primary")
    expect(page.locator(".case")).to_contain_text(f"您写的没有提交，可以复制：{WORDS}")
    page.context.close()
