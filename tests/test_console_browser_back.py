"""The browser's own buttons on the screen and at the booth: back and forward go where a hand expects."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.booth_kit import open_booth
from tests.console_browser import LAPTOP, PHONE, open_context
from tests.console_world import World, case_of, row_of


def test_back_closes_a_case_and_forward_opens_it_again(world: World):
    context, page = world.open("officer", LAPTOP)
    for text in ("测K00001", "测K00002"):
        world.send(text)
    page.goto(f"{world.address}/statistics")
    page.goto(f"{world.address}/screen?group=new")
    for text in ("测K00001", "测K00002"):
        page.click(row_of(text))
        expect(page.locator(f".case[data-case='{case_of(page, text)}']")).to_be_visible()
    page.go_back()
    expect(page.locator(".case")).to_have_count(0)
    assert page.url == f"{world.address}/screen?group=new"
    page.go_forward()
    expect(page.locator(f".case[data-case='{case_of(page, '测K00002')}']")).to_be_visible()
    page.keyboard.press("r")
    page.go_back()
    expect(page.locator(".choices:not([hidden])")).to_have_count(0)
    expect(page.locator(".case")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".case")).to_have_count(0)
    page.go_back()
    expect(page).to_have_url(f"{world.address}/statistics")
    context.close()


@pytest.mark.long
def test_back_from_a_case_that_a_link_named_is_the_list_and_loading_anew_keeps_the_case(world: World):
    world.send("测K00003")
    context, page = world.open("officer", PHONE)
    page.goto(f"{world.address}/screen")
    case_id = case_of(page, "测K00003")
    page.goto(f"{world.address}/screen?case={case_id}")
    case = page.locator(f".case[data-case='{case_id}']")
    expect(case).to_be_visible()
    for act in ("confirm", "reject", "back"):  # what can be done needs no scrolling, also on a phone
        expect(case.locator(f"[data-act={act}]")).to_be_in_viewport(ratio=1)
    page.reload()
    expect(case).to_be_visible()
    page.go_back()
    expect(page.locator(row_of("测K00003"))).to_be_visible()
    expect(case).to_have_count(0)
    context.close()


@pytest.mark.long
def test_a_case_opened_from_deep_in_the_list_begins_at_its_top_and_back_leads_to_its_row(world: World):
    for number in range(30):
        world.send(f"测K1{number:04}")
    context, page = world.open("officer", PHONE)
    page.goto(f"{world.address}/screen")
    row = page.locator(row_of("测K10003"))
    row.scroll_into_view_if_needed()
    row.click()
    expect(page.locator(".case .title")).to_be_in_viewport(ratio=1)
    page.go_back()
    expect(row).to_be_in_viewport(ratio=0.5)
    context.close()


@pytest.mark.long
def test_back_on_a_tablet_that_is_paired_leads_to_its_page_and_not_to_a_used_link(tmp_path: Path, browser: Browser):
    with open_booth(tmp_path) as booth:
        context = open_context(browser, PHONE, ignore_https_errors=True)
        page = context.new_page()
        link = booth.link()
        page.goto(link)
        page.click("button")
        page.wait_for_url(f"{booth.address}/")
        page.go_back()
        expect(page.locator("#word")).to_be_visible()
        context.clear_cookies()
        page.goto(link)
        expect(page.locator("body")).to_contain_text("配对链接无效、已用过或已过期")
        context.close()
