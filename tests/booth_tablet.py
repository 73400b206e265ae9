"""A tablet with the booth page open, which counts its sounds in the place of making them."""

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.booth_kit import BoothWorld
from tests.console_browser import open_context

TABLET = (1024, 700)
COUNT_SOUNDS = """
window.sounds = [];
class Quiet { constructor() { this.state = 'running'; this.currentTime = 0; } addEventListener() {} resume() {} }
window.AudioContext = Quiet;
const sound = { gain: { setValueAtTime() {}, linearRampToValueAtTime() {} }, connect(next) { return next; } };
window.GainNode = class { constructor() { return sound; } };
window.OscillatorNode = class {
  constructor(_, { frequency }) { window.sounds.push(frequency); }
  connect() { return sound; }
  start() {}
  stop() {}
};
"""


def new_tablet(browser: Browser) -> BrowserContext:
    context = open_context(browser, TABLET, ignore_https_errors=True)
    context.add_init_script(COUNT_SOUNDS)
    return context


def paired(browser: Browser, booth: BoothWorld, **changes: str) -> tuple[BrowserContext, Page]:
    context = new_tablet(browser)
    page = context.new_page()
    page.goto(booth.link(**changes))
    page.click("button")
    page.wait_for_url(f"{booth.address}/")
    booth.report()
    expect(page.locator("#line")).to_contain_text("已与指挥中心同步")
    return context, page
