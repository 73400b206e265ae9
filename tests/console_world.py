"""A console that runs, its people, and a real browser to look at it with."""

import atexit
import contextlib
import functools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import redis
from playwright.sync_api import Browser, BrowserContext, Page, expect

from alerts.envelope import to_cloudevent
from alerts.flagged import FlaggedEvent
from alerts.redis_link import connect
from alerts.stream import STREAM_KEY
from console.cases.desk import StepRequest
from console.cases.steps import Action, State
from console.lists.keeper_areas import KeeperAreas, KeeperVehicles
from console.parts import Console
from console.types import Actor, Role
from kakou.settings import Settings
from kakou.wiring.risk import open_keeper
from riskdb.keeper import RiskKeeper
from tests.console_browser import open_context, use_cookie
from tests.console_kit import (
    GRID_A,
    PaperList,
    event_of,
    make_account,
    officer,
    open_console,
    served,
    session_token,
    settings_with,
)
from tests.picture_kit import write_pictures

expect.set_options(timeout=20000)
PEOPLE = {"officer": Role.OFFICER, "second": Role.OFFICER, "worker": Role.WORKER, "steward": Role.STEWARD,
          "approver": Role.APPROVER, "auditor": Role.AUDITOR, "admin": Role.ADMIN}  # fmt: skip


@dataclass
class World:
    console: Console
    address: str
    client: "redis.Redis"
    browser: Browser
    folder: Path
    tokens: dict[str, str] = field(default_factory=dict)

    def send(self, text: str, **changes: object) -> FlaggedEvent:
        """Put an event on the stream, as a box's relay does."""
        event = event_of(text, datetime.now(UTC), **changes)  # type: ignore[arg-type]  # the fields are the caller's
        self.client.xadd(STREAM_KEY, {"event_id": event.event_id, "event": to_cloudevent(event)})
        return event

    def open(self, username: str, size: tuple[int, int]) -> tuple[BrowserContext, Page]:
        """Return a browser of its own, logged in."""
        if username not in self.tokens:
            self.tokens[username] = session_token(self.console, username)
        context = open_context(self.browser, size)
        use_cookie(context, self.address, self.tokens[username])
        return context, context.new_page()

    def handed_out(self, text: str, **changes: object) -> int:
        """Let a vehicle pass, and an officer confirm and hand it out; return the case's number."""
        event = event_of(text, datetime.now(UTC), **write_pictures(self.folder, text), **changes)  # type: ignore[arg-type]  # the fields are the caller's
        case_id = self.console.intake.take([event], datetime.now(UTC)).opened[0]
        for action in (Action.CONFIRM, Action.ASSIGN):
            self.act(officer(), case_id, action)
        return case_id

    def act(self, actor: Actor, case_id: int, action: Action, **fields: object) -> None:
        self.console.desk.act(StepRequest(case_id, action, **fields), actor, datetime.now(UTC))  # type: ignore[arg-type]  # the fields are the caller's
        self.console.hub.touch([case_id])

    def state_of(self, case_id: int) -> State:
        return self.console.cases.detail(officer(), case_id).view.state


@contextlib.contextmanager
def open_world(redis_url: str, browser: Browser, **changes: object) -> Iterator[World]:
    """Yield a console of its own; `changes` are settings."""
    client = redis.Redis.from_url(redis_url)
    client.flushall()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(_peopled(), folder, dirs_exist_ok=True)
        usual: dict[str, object] = {"confirm_timeout_s": 600, "accept_timeout_s": 600, "attach_minutes": 0}
        settings = settings_with(**usual | {"desk_phone": "0532-0000000"} | changes)
        console = open_console(
            Path(folder), client, lambda: datetime.now(UTC), office_in(Path(folder), redis_url), settings
        )
        with served(console) as address:
            yield World(console, address, client, browser, Path(folder))
    client.close()


@functools.cache
def _peopled() -> Path:
    """Return the folder of a console with its people, to be copied: giving seven their accounts takes a moment."""
    folder = Path(tempfile.mkdtemp(prefix="kakou-test-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    console = open_console(folder, connect("unix:///nowhere"), lambda: datetime.now(UTC))
    for name, role in PEOPLE.items():
        make_account(console, name, role, GRID_A if role is Role.WORKER else "")
    console.database.close()
    return folder


def office_in(folder: Path, redis_url: str) -> PaperList:
    """Files on paper, areas and single vehicles in a record of its own."""

    def open_record() -> AbstractContextManager[RiskKeeper]:
        return open_keeper(Settings(state_dir=folder / "risk"), redis_url)

    return PaperList(areas=KeeperAreas(open_record), vehicles=KeeperVehicles(open_record))


def row_of(text: str) -> str:
    """Return the selector of a vehicle's row on the command screen."""
    return f"#rows .row:has(kk-plate[data-text='{text}'])"


def case_of(page: Page, text: str) -> int:
    return int(page.locator(row_of(text)).get_attribute("data-case") or 0)
